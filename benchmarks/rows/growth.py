"""How cost grows: hits and writes in caches of a thousand to a million entries."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, NamedTuple

from benchmarks.harness.caches import directory, file_cache, memory_cache
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import placed
from benchmarks.rows.bulk import pipeline
from benchmarks.rows.file import diskcache
from benchmarks.rows.memory import Locked
from benchmarks.rows.million import fill_diskcache, store
from benchmarks.rows.redis import side_by_side
from cachectl import Cache, Namespace

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_SAMPLE: Final = 1_000
_TTL: Final = 3600
_VALUE: Final = b"value"


class Pair(NamedTuple):
    """A namespace of ours, and what a peer with as many entries does with one key."""

    ours: Namespace
    peer: str
    get: Callable[[str], object]
    set: Callable[[str], object]


@row("growth-memory", "growth", "memory: `get` hit and `set`", "cachetools `TTLCache`, `RLock`")
def in_memory() -> Iterator[Case]:
    yield from _sizes(_memory)


@row("growth-file", "growth", "file: `get` hit and `set`", "diskcache")
def in_files() -> Iterator[Case]:
    yield from _sizes(_file)


@row("growth-redis", "growth", "redis: `get` hit and `set`", "redis-py")
def in_redis() -> Iterator[Case]:
    yield from _sizes(_redis)


def _sizes(scene: Callable[[int], AbstractContextManager[Pair]]) -> Iterator[Case]:
    for entries in SIZES:
        keys = [_key(number) for number in random.Random(1).sample(range(entries), _SAMPLE)]
        with scene(entries) as pair:
            assert all(pair.get(key) == pair.ours.get(key) for key in keys)
            yield Case(
                "get hit",
                Contender("cachectl", each(pair.ours.get, keys)),
                [Contender(pair.peer, each(pair.get, keys))],
                entries=entries,
                rounds=11,
            )
            yield Case(
                "set",
                Contender("cachectl", each(_setter(pair.ours), keys)),
                [Contender(pair.peer, each(pair.set, keys))],
                entries=entries,
                rounds=11,
            )


def _setter(namespace: Namespace) -> Callable[[str], object]:
    return lambda key: namespace.set(key, _VALUE)


def _key(number: int) -> str:
    return f"key:{number:07d}"


def _filled(cache: Cache, entries: int) -> Namespace:
    namespace = cache.namespace("documents", ttl=_TTL, max_entries=2 * SIZES[-1])
    store(namespace, entries)
    return namespace


@contextmanager
def _memory(entries: int) -> Iterator[Pair]:
    from cachetools import TTLCache

    locked = Locked(TTLCache(2 * SIZES[-1], _TTL))
    for number in range(entries):
        locked.set(_key(number), _VALUE)
    with memory_cache() as cache:
        ours = _filled(cache, entries)
        yield Pair(ours, "TTLCache + RLock", locked.get, lambda key: locked.set(key, _VALUE))


@contextmanager
def _file(entries: int) -> Iterator[Pair]:
    with file_cache() as cache, directory() as path:
        fill_diskcache(path, entries, expire=_TTL)
        with diskcache.Cache(str(path)) as peer:
            ours = _filled(cache, entries)
            yield Pair(ours, "diskcache", peer.get, lambda key: peer.set(key, _VALUE, expire=_TTL))


@contextmanager
def _redis(entries: int) -> Iterator[Pair]:
    with side_by_side() as (cache, server), server.client() as client:
        pipeline(client, map(_key, range(entries)), _VALUE)
        ours = _filled(cache, entries)
        with placed(server, apart=False):
            yield Pair(ours, "redis-py", client.get, lambda key: client.set(key, _VALUE, ex=_TTL))
