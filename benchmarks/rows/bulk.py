"""Bulk: many entries in one go, into a cache that has just been opened."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, Final

from benchmarks.harness.caches import POLICY, file_cache
from benchmarks.harness.measure import Work, prepared
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import placed
from benchmarks.harness.values import DOCUMENT, IMAGE, KINDS, Kind
from benchmarks.rows.file import disk_cache
from benchmarks.rows.redis import PLAIN, side_by_side
from cachectl import Cache, Write

TTL: Final = 3600
PIPELINED: Final = 1000
"""Commands that redis-py sends in one go, about where it is fastest."""
_ROUNDS: Final = 11


def _names(kind: Kind) -> list[str]:
    return [f"key:{number:06d}" for number in range(10 if kind is IMAGE else 10_000)]


@row(
    "redis-bulk",
    "charter",
    "bulk `set` to redis, per entry",
    "redis-py pipeline `set(ex=)` of the same bytes",
    bar=1.25,
    aim=0.7,
)
def to_redis() -> Iterator[Case]:
    with (
        side_by_side() as (cache, server),
        placed(server, apart=True),
        server.client() as client,
    ):
        ready = DOCUMENT.dumps(DOCUMENT.value)
        yield _redis_case(cache, client, DOCUMENT, ready, "ready bytes on both sides")
        for kind in KINDS:
            yield _redis_case(cache, client, kind, kind.value)


def _redis_case(cache: Cache, client: Any, kind: Kind, value: Any, how: str = "") -> Case:
    """Compare `value` with ready bytes. The bar is for the same bytes: if ours had to encode
    what the peer gets encoded, the work would not be the same.
    """
    names, data = _names(kind), kind.dumps(kind.value)

    @contextmanager
    def ours() -> Iterator[Work]:
        client.flushall()
        yield partial(_set_many, cache, names, value)

    @contextmanager
    def theirs() -> Iterator[Work]:
        client.flushall()
        yield partial(pipeline, client, names, data)

    return Case(
        f"{kind.name}, {how}" if how else kind.name,
        Contender("cachectl set_many", prepared(ours, len(names))),
        [
            Contender(
                "redis-py pipeline",
                prepared(theirs, len(names)),
                f"{PLAIN}; given ready bytes, it encodes nothing",
            )
        ],
        barred=bool(how),
        rounds=_ROUNDS,
    )


def _set_many(cache: Cache, names: list[str], value: Any) -> None:
    namespace = cache.namespace("bulk", **POLICY)
    assert all(namespace.set_many(Write(name, value) for name in names))


def pipeline(client: Any, names: Iterable[str], data: bytes) -> None:
    """Set all names to the same bytes as fast as redis-py can."""
    left = iter(names)
    while some := list(islice(left, PIPELINED)):
        with client.pipeline(transaction=False) as commands:
            for name in some:
                commands.set(name, data, ex=TTL)
            commands.execute()


@row(
    "file-bulk",
    "charter",
    "bulk `set` to file, per entry",
    "diskcache `set` in one `transact()`",
    bar=1.0,
    aim=0.4,
)
def to_files() -> Iterator[Case]:
    for kind in KINDS:
        yield _file_case(kind)


def _file_case(kind: Kind) -> Case:
    names = _names(kind)

    @contextmanager
    def ours() -> Iterator[Work]:
        with file_cache() as cache:
            cache.namespace("other").set("first", 1)  # makes the directory
            yield partial(_set_many, cache, names, kind.value)

    @contextmanager
    def theirs() -> Iterator[Work]:
        with disk_cache() as cache:
            cache.set("first", 1)
            yield partial(_transact, cache, names, kind.value)

    return Case(
        kind.name,
        Contender("cachectl set_many", prepared(ours, len(names))),
        [
            Contender(
                "diskcache transact",
                prepared(theirs, len(names)),
                "pickles values; no checksum, no limits per namespace;"
                " nobody else can write meanwhile",
            )
        ],
        barred=kind is DOCUMENT,
        rounds=_ROUNDS,
    )


def _transact(cache: Any, names: list[str], value: Any) -> None:
    with cache.transact():
        for name in names:
            cache.set(name, value, expire=TTL)
