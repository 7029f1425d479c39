"""What awaiting costs: hits in memory, and loads, by a task and by a thread."""

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from benchmarks.harness.caches import (
    POLICY,
    async_cache,
    directory,
    filled,
    filled_by_tasks,
    memory_cache,
)
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import placed, redis_server
from benchmarks.harness.tasks import each_awaited, each_called
from benchmarks.harness.values import DOCUMENT, KINDS
from cachectl import Cache

_KEYS: Final = DOCUMENT.names()[:200]


@row(
    "async-memory",
    "charter",
    "memory `get` hit, awaited",
    "`get` of a `Cache`, in a coroutine as well",
    bar=1.6,
    aim=1.3,
)
def get_hit() -> Iterator[Case]:
    with (
        asyncio.Runner() as loop,
        memory_cache() as cache,
        async_cache(loop, backend="memory") as tasks,
    ):
        for kind in KINDS:
            name, keys = f"kind{KINDS.index(kind)}", kind.names()
            ours = loop.run(filled_by_tasks(tasks, name, kind))
            blocking = filled(cache, name, kind)
            yield Case(
                kind.name,
                Contender("AsyncCache", each_awaited(loop, ours.get, keys)),
                [Contender("Cache", each_called(loop, blocking.get, keys))],
                barred=kind is DOCUMENT,
            )


@row("async-load", "features", "`get_or_load` of a miss, by a task", "by a thread")
def load() -> Iterator[Case]:
    with asyncio.Runner() as loop, directory() as path, redis_server() as server:
        yield from _loads(loop, "memory")
        yield from _loads(loop, "file", directory=path)
        with placed(server, apart=False):
            yield from _loads(loop, "redis", url=server.url)


def _loads(loop: asyncio.Runner, backend: str, **options: Any) -> Iterator[Case]:
    """Yield loads of ever new keys, which nobody else wants meanwhile."""
    value, numbers = DOCUMENT.value, count()

    def answer() -> Any:
        return value

    async def answer_later() -> Any:
        return value

    with (
        Cache.open(backend=backend, **options) as cache,
        async_cache(loop, backend=backend, **options) as tasks,
    ):
        ours, blocking = tasks.namespace("tasks", **POLICY), cache.namespace("threads", **POLICY)
        yield Case(
            f"{backend}: lookup, load and write",
            Contender(
                "AsyncCache",
                each_awaited(
                    loop, lambda _: ours.get_or_load(f"{next(numbers)}", answer_later), _KEYS
                ),
            ),
            [
                Contender(
                    "Cache",
                    each(lambda _: blocking.get_or_load(f"{next(numbers)}", answer), _KEYS),
                )
            ],
            rounds=15,
        )
