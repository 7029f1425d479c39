"""Caches of ours for a while, each with nothing in it."""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.servers import placed, redis_server
from benchmarks.harness.values import Kind, same
from cachectl import AsyncCache, AsyncNamespace, Cache, Namespace

POLICY: Final[Mapping[str, Any]] = {"ttl": "1h", "max_entries": 20_000}
"""What namespaces here have unless a row says otherwise: a TTL, a limit, counters."""


@contextmanager
def directory() -> Iterator[Path]:
    """Provide a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


@contextmanager
def memory_cache() -> Iterator[Cache]:
    with Cache.open(backend="memory") as cache:
        yield cache


@contextmanager
def file_cache() -> Iterator[Cache]:
    with directory() as path, Cache.open(backend="file", directory=path / "cache") as cache:
        yield cache


@contextmanager
def redis_cache() -> Iterator[Cache]:
    """Provide a cache whose server works on the same core."""
    with (
        redis_server() as server,
        placed(server, apart=False),
        Cache.open(backend="redis", url=server.url) as cache,
    ):
        yield cache


@contextmanager
def async_cache(loop: asyncio.Runner, **options: Any) -> Iterator[AsyncCache]:
    """Provide a cache for the tasks of this loop."""
    cache = AsyncCache.open(**options)
    try:
        yield cache
    finally:
        loop.run(cache.close())


OPENERS: Final = {"memory": memory_cache, "file": file_cache, "redis": redis_cache}


def filled(cache: Cache, name: str, kind: Kind, **policy: Any) -> Namespace:
    """Return a namespace that holds `kind.value` under each of `kind.names()`."""
    namespace = cache.namespace(name, **{**POLICY, **policy})
    for key in kind.names():
        namespace.set(key, kind.value)
    assert same(namespace.get(kind.names()[-1]), kind.value)
    return namespace


async def filled_by_tasks(
    cache: AsyncCache, name: str, kind: Kind, **policy: Any
) -> AsyncNamespace:
    """Return what `filled` returns, for tasks."""
    namespace = cache.namespace(name, **{**POLICY, **policy})
    for key in kind.names():
        await namespace.set(key, kind.value)
    assert same(await namespace.get(kind.names()[-1]), kind.value)
    return namespace
