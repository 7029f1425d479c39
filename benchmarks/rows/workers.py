"""Many at once: hits of one thread, of eight threads, and of four processes on one cache."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

import redis

from benchmarks.harness.caches import POLICY, directory, filled, memory_cache
from benchmarks.harness.processes import Processes
from benchmarks.harness.registry import Case, Contender, Sample, row
from benchmarks.harness.values import DOCUMENT
from benchmarks.rows.file import diskcache
from benchmarks.rows.file import fill as fill_diskcache
from benchmarks.rows.memory import locked_ttl_cache
from benchmarks.rows.redis import fill as fill_redis
from benchmarks.rows.redis import side_by_side
from cachectl import Cache

THREADS: Final = 8
PROCESSES: Final = 4
_KEYS: Final = DOCUMENT.names()
_ROUNDS: Final = 11

Get = Callable[[str], object]
Sides = Mapping[str, Get]
Open = Callable[[], AbstractContextManager[Sides]]
"""Opens both sides in a process: `cachectl`, and the peer by its name."""


@row("workers-memory", "workers", "memory: hits at once", "cachetools `TTLCache`, `RLock`")
def in_memory() -> Iterator[Case]:
    locked = locked_ttl_cache(DOCUMENT)
    with memory_cache() as cache:
        sides = {"cachectl": filled(cache, "documents", DOCUMENT).get, "TTLCache": locked.get}
        yield from _threads(sides)


@row("workers-file", "workers", "file: hits at once", "diskcache")
def in_files() -> Iterator[Case]:
    with directory() as path:
        with (
            _open_files(path) as sides,
            Cache.open(directory=path / "ours", backend="file") as ours,
        ):
            filled(ours, "documents", DOCUMENT)
            with diskcache.Cache(str(path / "theirs")) as theirs:
                fill_diskcache(theirs, DOCUMENT)
            yield from _threads(sides)
        yield from _processes(partial(_open_files, path))


@row("workers-redis", "workers", "redis: hits at once", "redis-py + `json.loads`")
def in_redis() -> Iterator[Case]:
    with side_by_side() as (cache, server), server.client() as client:
        filled(cache, "documents", DOCUMENT)
        fill_redis(client, DOCUMENT)
        open_ = partial(_open_redis, server.url)
        with open_() as sides:
            yield from _threads(sides)
        yield from _processes(open_)


@contextmanager
def _open_files(path: Path) -> Iterator[Sides]:
    with (
        Cache.open(backend="file", directory=path / "ours") as ours,
        diskcache.Cache(str(path / "theirs")) as theirs,
    ):
        yield {"cachectl": ours.namespace("documents", **POLICY).get, "diskcache": theirs.get}


@contextmanager
def _open_redis(url: str) -> Iterator[Sides]:
    with Cache.open(backend="redis", url=url) as ours, redis.Redis.from_url(url) as theirs:
        yield {
            "cachectl": ours.namespace("documents", **POLICY).get,
            "redis-py": lambda key: json.loads(str(theirs.get(key), "utf-8")),
        }


def _threads(sides: Mapping[str, Get]) -> Iterator[Case]:
    for number in (1, THREADS):
        name = f"{number} thread{'s' if number > 1 else ''}"
        yield _case(name, {side: threads(get, number) for side, get in sides.items()})


def _processes(open_: Open) -> Iterator[Case]:
    with open_() as sides, Processes(open_, PROCESSES) as workers:
        yield _case(f"{PROCESSES} processes", {side: processes(workers, side) for side in sides})


def _case(name: str, samples: Mapping[str, Sample]) -> Case:
    ours, *peers = (Contender(side, sample) for side, sample in samples.items())
    return Case(name, ours, peers, rounds=_ROUNDS)


def threads(get: Get, number: int) -> Sample:
    """Return a sample of so many threads that look up keys at the same time."""

    def sample(seconds: float) -> float:
        passes = max(1, round(seconds / _look_up(get, 1)))
        barrier = threading.Barrier(number + 1)

        def work() -> None:
            barrier.wait()
            _look_up(get, passes)

        workers = [threading.Thread(target=work) for _ in range(number)]
        for worker in workers:
            worker.start()
        barrier.wait()
        started = perf_counter()
        for worker in workers:
            worker.join()
        return (perf_counter() - started) / (number * passes * len(_KEYS))

    return sample


def processes(workers: Processes[Sides], side: str) -> Sample:
    """Return a sample of all processes that look up keys at the same time."""

    def run(passes: int) -> float:
        """Return the seconds from the first process that began to the last that ended."""
        spans = workers.run(_span, side, passes)
        return float(max(end for _, end in spans) - min(begin for begin, _ in spans))

    def sample(seconds: float) -> float:
        passes = max(1, round(seconds / run(1)))
        return run(passes) / (PROCESSES * passes * len(_KEYS))

    return sample


def _span(sides: Sides, _place: int, side: str, passes: int) -> tuple[float, float]:
    started = perf_counter()
    _look_up(sides[side], passes)
    return started, perf_counter()


def _look_up(get: Get, passes: int) -> float:
    """Look up all keys so many times, and return the seconds that took."""
    started = perf_counter()
    for _ in range(passes):
        for key in _KEYS:
            get(key)
    return perf_counter() - started
