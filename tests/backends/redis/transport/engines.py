"""One operation on a store, as threads and as tasks do it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.store import RedisStore
from cachectl._model.coroutines import run

T = TypeVar("T")
Operation = Callable[[RedisStore], Awaitable[T]]

both: Final = pytest.mark.parametrize("engine", ["threads", "tasks"])


def done(engine: str, backend: RedisBackend, operation: Operation[Any]) -> Any:
    """Return what the operation returns on the namespace "ns"."""

    async def call(store: RedisStore) -> Any:
        return await operation(store)

    if engine == "threads":
        return run(call(backend.store_for_threads("ns")))
    return asyncio.run(call(backend.store_for_tasks("ns")))
