"""How long others wait while much is removed: a clear, a cleanup of all that has expired, a limit that
was lowered. A process does that; beside it somebody calls again and again, and each call is timed.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis

from benchmarks.harness.caches import directory
from benchmarks.harness.disk import watched
from benchmarks.harness.pace import Pace
from benchmarks.harness.percentiles import percentiles
from benchmarks.harness.processes import Processes
from benchmarks.harness.registry import Found, Reading, paced_row
from benchmarks.harness.servers import redis_server
from benchmarks.rows.bulk import PIPELINED, pipeline
from benchmarks.rows.file import diskcache
from benchmarks.rows.growth import PREFIX, TTL, VALUE, key
from benchmarks.rows.million import MILLION, fill_diskcache, store
from benchmarks.rows.tails import LARGEST_LOG
from cachectl import Cache

LONGEST: Final = 0.05
"""Seconds that nobody should wait longer than."""
_AN_ENTRY: Final = 3e-6
_EVERY: Final = 0.002
_NEIGHBOURS: Final = 5_000
_PATIENCE: Final = 30.0
_MEASURED_EVERY: Final = 100


class Scene(NamedTuple):
    """A cache that a process opens to remove much, the directory that it is in, and what somebody
    else calls meanwhile.
    """

    open: Callable[[], AbstractContextManager[Any]]
    call: Callable[[], object]
    path: Path | None = None


class Removed(NamedTuple):
    """How long each call of a removal took, and by how many entries a limit, if one was lowered, is
    exceeded still.
    """

    calls: list[float]
    over: int | None = None


class Case(NamedTuple):
    """A removal is called with the cache, the number of the process and that of the entries."""

    name: str
    side: str
    scene: Callable[[], AbstractContextManager[Scene]]
    removal: Callable[[Any, int, int], Removed]


@paced_row("waits", "waits", "the waits of others while much is removed", "diskcache, redis-py")
def waits(pace: Pace) -> Iterator[Found]:
    entries = pace.entries(MILLION)
    for case in _redis_cases(entries):
        yield from _removing(case, entries)
    with directory() as path:
        for case in _file_cases(path, entries):
            yield from _removing(case, entries)


def _removing(case: Case, entries: int) -> Iterator[Reading]:
    with case.scene() as scene, Processes(scene.open, 1) as process:
        process.run(_nothing)
        with watched(scene.path) if scene.path else nullcontext() as logs:
            process.start(case.removal, entries)
            waited, refused = _calling(scene.call, process.done)
            (removed,) = process.collect()
    reading = partial(Reading, case.name, case.side, entries=entries)
    ours, spent = case.side == "cachectl", sum(removed.calls)
    aim = LONGEST if ours else None
    yield reading("takes", spent, "s")
    if removed.over is None:
        cheap = _AN_ENTRY if ours and case.name.startswith("redis") else None
        yield reading("an entry", spent / entries, "s", aim=cheap)
    else:
        yield reading("longest set", max(removed.calls), "s", aim=aim)
        yield reading("over the limit still", removed.over, "count")
    for found in percentiles(case.name, case.side, "others", waited):
        worst = found.figure == "others max"
        yield replace(found, entries=entries, aim=aim if worst else None)
    yield reading("others refused", refused, "count")
    if logs:
        yield reading("largest log", logs.largest, "B", bar=LARGEST_LOG if ours else None)


def _calling(call: Callable[[], object], done: Callable[[], bool]) -> tuple[list[float], int]:
    """Call again and again until it is done, and return how long each call took, and how many of them
    were refused.
    """
    waited, refused = list[float](), 0
    while not waited or not done():
        started = time.perf_counter()
        refused += not call()
        waited.append(time.perf_counter() - started)
        time.sleep(_EVERY)
    return waited, refused


def _file_cases(path: Path, entries: int) -> Iterator[Case]:
    whole, fresh, expired = (path / name for name in ("ours", "fresh", "expired"))
    with Cache.open(backend="file", directory=whole) as cache:
        store(cache.namespace("documents", ttl=TTL), entries, PREFIX, VALUE)
    fill_diskcache(fresh, entries, expire=TTL, prefix=PREFIX, value=VALUE)
    fill_diskcache(expired, entries, expire=-TTL, prefix=PREFIX, value=VALUE)
    later = partial(_file, whole, clock=_in_two_hours)
    yield Case("file: clear", "cachectl", partial(_file, whole, alone=True), clear)
    yield Case("file: clear", "diskcache", partial(_diskcache, fresh), clear_diskcache)
    yield Case("file: clear beside another namespace", "cachectl", partial(_file, whole), clear)
    yield Case("file: cleanup of all", "cachectl", later, cleanup)
    yield Case("file: cleanup of all", "diskcache", partial(_diskcache, expired), expire_diskcache)
    yield Case("file: a limit lowered by half", "cachectl", partial(_file, whole), lower)


def _redis_cases(entries: int) -> Iterator[Case]:
    ours = partial(_redis, entries)
    yield Case("redis: clear", "cachectl", ours, clear)
    yield Case("redis: clear", "SCAN, UNLINK", partial(_redis_py, entries), unlink)
    yield Case("redis: cleanup of all", "cachectl", partial(ours, clock=_in_two_hours), cleanup)
    yield Case("redis: a limit lowered by half", "cachectl", ours, lower)


@contextmanager
def _file(whole: Path, *, alone: bool = False, **options: Any) -> Iterator[Scene]:
    """Provide a copy of a cache, in which somebody sets in the same namespace, or in a small one."""
    with _copied(whole) as path, Cache.open(backend="file", directory=path) as cache:
        namespace = cache.namespace("documents" if alone else "neighbours", ttl=TTL)
        store(namespace, 0 if alone else _NEIGHBOURS, PREFIX, VALUE)
        new = map(str, count())
        open_ = partial(Cache.open, backend="file", directory=path, **options)
        yield Scene(open_, lambda: namespace.set(next(new), VALUE), path)


@contextmanager
def _diskcache(whole: Path) -> Iterator[Scene]:
    with _copied(whole) as path, diskcache.Cache(str(path)) as cache:
        new = map(str, count())
        yield Scene(
            partial(diskcache.Cache, str(path)),
            lambda: cache.set(next(new), VALUE, expire=TTL),
            path,
        )


@contextmanager
def _copied(whole: Path) -> Iterator[Path]:
    copy = whole.with_name("copy")
    shutil.copytree(whole, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


@contextmanager
def _redis(entries: int, **options: Any) -> Iterator[Scene]:
    """Provide a server of its own, which somebody pings."""
    with redis_server() as server, server.client() as client:
        with Cache.open(backend="redis", url=server.url) as cache:
            store(cache.namespace("documents", ttl=TTL), entries, PREFIX, VALUE)
        yield Scene(partial(Cache.open, backend="redis", url=server.url, **options), client.ping)


@contextmanager
def _redis_py(entries: int) -> Iterator[Scene]:
    with redis_server() as server, server.client() as client:
        pipeline(client, map(key, range(entries)), VALUE)
        yield Scene(partial(redis.Redis, unix_socket_path=str(server.socket)), client.ping)


def clear(cache: Cache, _place: int, _entries: int) -> Removed:
    return Removed([_timed(cache.namespace("documents").clear)])


def cleanup(cache: Cache, _place: int, _entries: int) -> Removed:
    taken = _timed(lambda: cache.cleanup("documents"))
    assert not cache.namespace("documents").stats().entries
    return Removed([taken])


def lower(cache: Cache, _place: int, entries: int) -> Removed:
    """Set under a lower limit until that is kept."""
    limit, until, calls = entries // 2, time.monotonic() + _PATIENCE, list[float]()
    namespace = cache.namespace("documents", ttl=TTL, max_entries=limit)
    while True:
        for number in range(_MEASURED_EVERY):
            name = f"new:{len(calls) + number}"
            calls.append(_timed(partial(namespace.set, name, VALUE)))
        over = namespace.stats().entries - limit
        if over <= 0 or time.monotonic() > until:
            return Removed(calls, max(0, over))


def clear_diskcache(cache: Any, _place: int, _entries: int) -> Removed:
    return Removed([_timed(cache.clear)])


def expire_diskcache(cache: Any, _place: int, _entries: int) -> Removed:
    return Removed([_timed(lambda: all(iter(cache.expire, 0)))])


def unlink(client: Any, _place: int, _entries: int) -> Removed:
    return Removed([_timed(lambda: _unlink(client))])


def _unlink(client: Any) -> None:
    cursor = -1
    while cursor:
        cursor, names = client.scan(max(0, cursor), count=PIPELINED)
        if names:
            client.unlink(*names)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _nothing(_opened: Any, _place: int) -> None:
    """Return when the cache is open."""


def _in_two_hours() -> float:
    return time.time() + 2 * TTL
