"""How cost grows on files and Redis: operations on a thousand to a million entries, and what an
entry weighs.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count, pairwise
from typing import Any, Final, NamedTuple

from benchmarks.harness.caches import directory
from benchmarks.harness.disk import size
from benchmarks.harness.measure import each
from benchmarks.harness.pace import Pace
from benchmarks.harness.percentiles import beside
from benchmarks.harness.registry import Case, Contender, Found, Reading, Sample, paced_row
from benchmarks.harness.servers import placed
from benchmarks.rows.bulk import pipeline
from benchmarks.rows.file import deleting, diskcache
from benchmarks.rows.million import fill_diskcache, store
from benchmarks.rows.redis import side_by_side
from cachectl import Cache, Namespace, Write

SIZES: Final = (1_000, 100_000, 1_000_000)
TTL: Final = 3600
PREFIX: Final = "document"
VALUE: Final = random.Random(1).randbytes(200)
_DRAWN: Final = 5_000
_FEW: Final = 100
_TAG: Final = "model:analyser-2"
_ROUNDS: Final = 11


class Side(NamedTuple):
    """What one side does with a key, and how many bytes an entry of it takes where it is kept.
    `write` stores many keys with a tag.
    """

    name: str
    get: Callable[[str], object]
    set: Callable[[str], object]
    delete: Callable[[str], object]
    invalidate: Callable[[str], object]
    write: Callable[[Sequence[str]], None]
    weight: float


Scene = Callable[[int], AbstractContextManager[tuple[Side, Side]]]


@paced_row("growth-file", "growth", "file: operations, and bytes an entry", "diskcache")
def in_files(pace: Pace) -> Iterator[Found]:
    yield from _sizes(pace, _file)


@paced_row("growth-redis", "growth", "redis: operations, and bytes an entry", "redis-py")
def in_redis(pace: Pace) -> Iterator[Found]:
    """The server may take for an entry what the bar says, where there are many."""
    yield from _sizes(pace, _redis, {"bytes an entry": 1.6})


def sizes(pace: Pace) -> list[int]:
    return list(dict.fromkeys(map(pace.entries, SIZES)))


def key(number: int) -> str:
    return f"{PREFIX}:{number:07d}"


def drawn(entries: int) -> list[str]:
    """Return keys, each as likely as the other."""
    return [key(number) for number in random.Random(1).choices(range(entries), k=_DRAWN)]


def _sizes(pace: Pace, scene: Scene, bars: Mapping[str, float] | None = None) -> Iterator[Found]:
    for entries in sizes(pace):
        with scene(entries) as sides:
            yield from _weights(entries, *sides, bars if entries == SIZES[-1] else None)
            yield from _operations(entries, *sides)


def _weights(
    entries: int, ours: Side, peer: Side, bars: Mapping[str, float] | None
) -> Iterator[Reading]:
    readings = [
        Reading("filled", side.name, "bytes an entry", side.weight, "B", entries)
        for side in (ours, peer)
    ]
    yield from readings
    yield from beside(readings[:1], readings[1:], bars or {})


def _operations(entries: int, ours: Side, peer: Side) -> Iterator[Case]:
    some, new = drawn(entries), (f"new:{number:012d}" for number in count())
    work: dict[str, Callable[[Side], Sample]] = {
        "get, hot": lambda side: each(side.get, some[:_FEW]),
        "get, uniform": lambda side: each(side.get, some),
        "get, miss": lambda side: each(side.get, [f"{name}?" for name in some]),
        "set, replacing": lambda side: each(side.set, some[:_FEW]),
        "set, new": lambda side: each(lambda _: side.set(next(new)), some[:_FEW]),
        "delete": lambda side: _removing(side, side.delete, [f"gone:{it}" for it in some[:_FEW]]),
        f"invalidate a tag of {_FEW}": lambda side: _removing(side, side.invalidate, [_TAG]),
    }
    for name, sample in work.items():
        contenders = [Contender(side.name, sample(side)) for side in (ours, peer)]
        yield Case(name, contenders[0], contenders[1:], rounds=_ROUNDS, entries=entries)


def _removing(side: Side, remove: Callable[[str], object], what: list[str]) -> Sample:
    """Return a sample of removing keys or a tag, of which there are some keys each time."""
    keys = what if len(what) == _FEW else [f"tagged:{number:09d}" for number in range(_FEW)]
    return deleting(partial(side.write, keys), remove, what)


def _ours(namespace: Namespace, weight: float) -> Side:
    def write(names: Sequence[str]) -> None:
        namespace.set_many(Write(name, VALUE, tags=[_TAG]) for name in names)

    return Side(
        "cachectl",
        namespace.get,
        lambda name: namespace.set(name, VALUE),
        namespace.delete,
        lambda tag: namespace.invalidate(tag=tag),
        write,
        weight,
    )


def _namespace(cache: Cache) -> Namespace:
    return cache.namespace("documents", ttl=TTL, max_entries=2 * SIZES[-1])


@contextmanager
def _file(entries: int) -> Iterator[tuple[Side, Side]]:
    with directory() as path:
        ours, theirs = path / "ours", path / "theirs"
        with Cache.open(backend="file", directory=ours) as cache:
            store(_namespace(cache), entries, PREFIX, VALUE)
        fill_diskcache(theirs, entries, expire=TTL, prefix=PREFIX, value=VALUE)
        weights = [size(it) / entries for it in (ours, theirs)]
        with (
            Cache.open(backend="file", directory=ours) as cache,
            diskcache.Cache(str(theirs)) as peer,
        ):
            yield _ours(_namespace(cache), weights[0]), _diskcache(peer, weights[1])


def _diskcache(peer: Any, weight: float) -> Side:
    def write(names: Sequence[str]) -> None:
        with peer.transact():
            for name in names:
                peer.set(name, VALUE, expire=TTL, tag=_TAG)

    return Side(
        "diskcache",
        peer.get,
        lambda name: peer.set(name, VALUE, expire=TTL),
        peer.delete,
        peer.evict,
        write,
        weight,
    )


@contextmanager
def _redis(entries: int) -> Iterator[tuple[Side, Side]]:
    with side_by_side() as (cache, server), server.client() as client:
        used = [_used(client)]
        store(_namespace(cache), entries, PREFIX, VALUE)
        used.append(_used(client))
        pipeline(client, map(key, range(entries)), VALUE)
        used.append(_used(client))
        weights = [(after - before) / entries for before, after in pairwise(used)]
        with placed(server, apart=False):
            yield _ours(_namespace(cache), weights[0]), _redis_py(client, weights[1])


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def _redis_py(client: Any, weight: float) -> Side:
    def write(names: Sequence[str]) -> None:
        pipeline(client, names, VALUE)
        client.sadd(_TAG, *names)

    def invalidate(tag: str) -> None:
        client.unlink(tag, *client.smembers(tag))

    return Side(
        "redis-py",
        client.get,
        lambda name: client.set(name, VALUE, ex=TTL),
        client.delete,
        invalidate,
        write,
        weight,
    )
