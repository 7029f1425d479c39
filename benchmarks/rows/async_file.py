"""Files from tasks: beside diskcache in threads, as its documentation has it used by asyncio."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks.harness.caches import async_cache, directory, filled_by_tasks
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.tasks import Async, at_once
from benchmarks.harness.values import DOCUMENT
from benchmarks.rows.file import NEITHER, TTL, disk_cache, fill

COUNTS: Final = (1, 10, 100)
"""So many tasks at once; the bar is that of the most."""
_KEYS: Final = DOCUMENT.names()[:500]


@row(
    "async-file",
    "charter",
    "file `set` and `get` by tasks at once",
    "`asyncio.to_thread` of diskcache's",
    bar=0.5,
    aim=0.2,
)
def by_tasks() -> Iterator[Case]:
    value = DOCUMENT.value
    with (
        asyncio.Runner() as loop,
        directory() as path,
        async_cache(loop, backend="file", directory=path) as cache,
        disk_cache() as peer,
    ):
        ours = loop.run(filled_by_tasks(cache, "documents", DOCUMENT))
        fill(peer, DOCUMENT)
        case = partial(_case, loop)
        for tasks in COUNTS:
            yield case(
                "set",
                tasks,
                lambda key: ours.set(key, value),
                lambda key: asyncio.to_thread(peer.set, key, value, expire=TTL),
                barred=tasks == COUNTS[-1],
            )
            yield case("get", tasks, ours.get, lambda key: asyncio.to_thread(peer.get, key))


def _case(
    loop: asyncio.Runner,
    name: str,
    tasks: int,
    ours: Async,
    theirs: Async,
    *,
    barred: bool = False,
) -> Case:
    return Case(
        f"{name}, {tasks} task{'s' if tasks > 1 else ''}",
        Contender("cachectl", at_once(loop, ours, _KEYS, tasks)),
        [Contender("diskcache, to_thread", at_once(loop, theirs, _KEYS, tasks), NEITHER)],
        barred=barred,
        rounds=15,
    )
