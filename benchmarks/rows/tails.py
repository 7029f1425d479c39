"""The worst calls, not the usual one: what applications do to a cache at full speed, call by call."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from benchmarks.harness import mix
from benchmarks.harness.caches import directory
from benchmarks.harness.disk import Logs, watched
from benchmarks.harness.mix import NOTHING, Crew, Open
from benchmarks.harness.pace import Pace
from benchmarks.harness.percentiles import beside
from benchmarks.harness.registry import Found, Reading, paced_row
from benchmarks.harness.servers import redis_server
from benchmarks.rows import sides
from benchmarks.rows.bulk import pipeline
from benchmarks.rows.file import COUNTING
from benchmarks.rows.growth import VALUE
from benchmarks.rows.sides import LRFU, LRU, Policy
from cachectl import Cache

LARGEST_LOG: Final = 64e6
_AIMS: Final = {"set p99": 5e-4, "set p99.9": 8e-3}
_TURNS: Final = 2
_ALONE: Final = Crew(1, 1)
_MANY: Final = Crew(4, 2)
_MAINTAINED_EVERY: Final = 0.5

Bars = Mapping[tuple[str, str], Mapping[str, float]]
"""The most that ratios of one side to another may be."""


class Side(NamedTuple):
    """How a side is opened, the directory that it is in, and who else uses that meanwhile; and what
    its figures should be, where that depends on the machine.
    """

    open: Open
    path: Path | None = None
    beside: Callable[[Path], AbstractContextManager[None]] | None = None
    aims: Mapping[str, float] = MappingProxyType({})

    @contextmanager
    def watched(self) -> Iterator[Logs]:
        """Watch the logs in the directory while somebody else uses it."""
        if not self.path:
            yield Logs()
            return
        with self.beside(self.path) if self.beside else nullcontext(), watched(self.path) as logs:
            yield logs


@paced_row("tails-file", "tails", "file: `get` and `set`, nine to one", "diskcache")
def on_files(pace: Pace) -> Iterator[Found]:
    with directory() as path:
        ours, peer = _ours(path / "lru", LRU), _diskcache(path / "plain")
        both = {"cachectl": ours, "cachectl lrfu": _ours(path / "lrfu", LRFU), "diskcache": peer}
        counting = {"diskcache, counting, LRU": _diskcache(path / "counting", **COUNTING)}
        lasting: Bars = {("cachectl lrfu", "cachectl"): {"calls a second": 1.5}}
        worst: Bars = {("cachectl", "diskcache"): {"set p99": 1.0, "set p99.9": 1.0}}
        slower: Bars = {("cachectl", "cachectl, alone"): {"set p50": 10}}
        alone = {**both, **counting, "cachectl": ours._replace(aims=_AIMS)}
        yield from _case(_ALONE, "", alone, pace, lasting)
        yield from _case(_MANY, "", both, pace, {**lasting, **worst})
        read = {"cachectl, alone": ours, "cachectl": ours._replace(beside=_foreign_reader)}
        yield from _case(_ALONE, ", a SELECT of others held open", read, pace, slower)
        maintained = {"cachectl, alone": ours, "cachectl": ours._replace(beside=_maintained)}
        yield from _case(_MANY, ", cleanup and stats beside", maintained, pace, {})


@paced_row("tails-redis", "tails", "redis: `get` and `set`, nine to one", "redis-py")
def on_redis(pace: Pace) -> Iterator[Found]:
    with redis_server() as server, server.client() as client:
        options = {"backend": "redis", "url": server.url}
        sides.fill_ours(LRU, sides.wanted(), **options)
        pipeline(client, sides.wanted(), VALUE)
        both = {
            "cachectl": Side(partial(sides.ours, LRU, **options)),
            "redis-py": Side(partial(sides.on_redis_py, server.url)),
        }
        worst: Bars = {("cachectl", "redis-py"): {"get p99.9": 1.5, "set p99.9": 1.5}}
        yield from _case(_ALONE, "", both, pace, {})
        yield from _case(_MANY, "", both, pace, worst)


def _case(
    crew: Crew, beside_: str, chosen: Mapping[str, Side], pace: Pace, bars: Bars
) -> Iterator[Reading]:
    """Let the sides work by turns, and yield what each showed, and then the ratios."""
    case = f"{crew}{beside_}"
    times, logs = dict.fromkeys(chosen, NOTHING), dict.fromkeys(chosen, 0)
    for turn in range(_TURNS):
        for name in list(chosen) if turn % 2 == 0 else reversed(list(chosen)):
            side = chosen[name]
            with side.watched() as watched:
                times[name] = times[name].plus(mix.run(side.open, crew, pace.run))
            logs[name] = max(logs[name], watched.largest)
    found = {name: list(times[name].readings(case, name, _TURNS)) for name in chosen}
    for name, readings in found.items():
        aims = chosen[name].aims
        yield from (replace(it, aim=aims.get(it.figure)) for it in readings)
        if chosen[name].path:
            bar = LARGEST_LOG if name.startswith("cachectl") else None
            yield Reading(case, name, "largest log", logs[name], "B", bar=bar)
    for one, other in _pairs(list(chosen)):
        yield from beside(found[one], found[other], bars.get((one, other), {}))


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield ours with each peer, and others of ours with the first of them."""
    first, *others = names
    for other in others:
        ours = other.startswith("cachectl")
        yield (other, first) if ours else (first, other)


def _ours(path: Path, policy: Policy) -> Side:
    """Return a cache of ours on files with all that its limit lets in."""
    sides.fill_ours(policy, sides.wanted(), backend="file", directory=path)
    return Side(partial(sides.ours, policy, backend="file", directory=path), path)


def _diskcache(path: Path, **settings: Any) -> Side:
    sides.fill_diskcache(path, sides.wanted(), **settings)
    return Side(partial(sides.on_diskcache, path, **settings), path)


@contextmanager
def _foreign_reader(path: Path) -> Iterator[None]:
    """Read and do not end it, as somebody does who looks into the database and forgets about it."""
    with closing(sqlite3.connect(path / "cache.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


@contextmanager
def _maintained(path: Path) -> Iterator[None]:
    """Clean up and ask for statistics again and again."""
    ended = Event()

    def maintain() -> None:
        with Cache.open(backend="file", directory=path) as cache:
            while not ended.wait(_MAINTAINED_EVERY):
                cache.cleanup()
                cache.stats()

    thread = Thread(target=maintain)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
