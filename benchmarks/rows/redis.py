"""Redis: beside what redis-py alone does with the same values."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, Final

from benchmarks.harness.caches import filled
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import Server, placed, redis_server
from benchmarks.harness.values import DOCUMENT, KINDS, Kind, same
from cachectl import Cache

TTL: Final = 3600
PLACES: Final = {"server on our core": False, "server on another core": True}
PLAIN: Final = "no checksum, no counters, no limits, no LRU"


@contextmanager
def side_by_side() -> Iterator[tuple[Cache, Server]]:
    """Provide a cache of ours, and the server under it for the peers."""
    with redis_server() as server, Cache.open(backend="redis", url=server.url) as cache:
        yield cache, server


def fill(client: Any, kind: Kind) -> None:
    """Set by redis-py what `filled` sets by ours."""
    for key in kind.names():
        client.set(key, kind.dumps(kind.value), ex=TTL)
    assert same(kind.loads(client.get(kind.names()[-1])), kind.value)


@row(
    "redis-get",
    "charter",
    "redis `get` hit",
    "redis-py `get` + `json.loads`",
    bar=1.2,
    aim=1.05,
)
def get_hit() -> Iterator[Case]:
    with side_by_side() as (cache, server), server.client() as client:
        for kind, place in product(KINDS, PLACES):
            with placed(server, apart=PLACES[place]):
                yield _get_case(f"{kind.name}, {place}", cache, client, kind)


def _get_case(name: str, cache: Cache, client: Any, kind: Kind) -> Case:
    ours, keys, loads = filled(cache, f"kind{KINDS.index(kind)}", kind), kind.names(), kind.loads
    fill(client, kind)
    return Case(
        name,
        Contender("cachectl", each(ours.get, keys)),
        [Contender("redis-py", each(lambda key: loads(client.get(key)), keys), PLAIN)],
        barred=kind is DOCUMENT,
    )


@row(
    "redis-set",
    "charter",
    "redis `set` with limits and counters",
    "redis-py `set(ex=)`",
    bar=1.5,
    aim=1.2,
)
def set_() -> Iterator[Case]:
    with side_by_side() as (cache, server), server.client() as client:
        for kind, place in product(KINDS, PLACES):
            with placed(server, apart=PLACES[place]):
                yield _set_case(f"{kind.name}, {place}", cache, client, kind)


def _set_case(name: str, cache: Cache, client: Any, kind: Kind) -> Case:
    ours = filled(cache, f"kind{KINDS.index(kind)}", kind)
    keys, value, dumps = kind.names(), kind.value, kind.dumps
    return Case(
        name,
        Contender("cachectl", each(lambda key: ours.set(key, value), keys)),
        [
            Contender(
                "redis-py", each(lambda key: client.set(key, dumps(value), ex=TTL), keys), PLAIN
            )
        ],
        barred=kind is DOCUMENT,
    )
