"""A large value: how fast it is set and got, and what memory that takes, beside diskcache and redis-py."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Final

from benchmarks.harness.caches import POLICY, file_cache
from benchmarks.harness.measure import looped
from benchmarks.harness.registry import Case, Contender, Found, Reading, row
from benchmarks.harness.values import IMAGE
from benchmarks.rows.file import NEITHER, disk_cache
from benchmarks.rows.redis import PLAIN, TTL, side_by_side
from cachectl import Cache

_SIZE: Final = 50_000_000
_VALUE: Final = (IMAGE.value * (1 + _SIZE // len(IMAGE.value)))[:_SIZE]
_KEYS: Final = ("one", "other", "third")
_ROUNDS: Final = 11
_MEMORY: Final = "memory at the peak, in values"
_MOST: Final = 1.05

Actions = tuple[str, Callable[[], object], str, Callable[[], object], str]
"""What is done, by us, and by a peer under its name with a note on it."""


@row("values", "peers", "a value of 50 MB", "diskcache, redis-py")
def values() -> Iterator[Found]:
    """Of memory the peak is read, the value itself included: who sets one has it already."""
    for name, ours, peer, theirs, note in _actions():
        peers = [Contender(peer, looped(theirs), note)]
        yield Case(name, Contender("cachectl", looped(ours)), peers, rounds=_ROUNDS)
        had = 1.0 if name.endswith("set") else 0.0
        yield Reading(name, "cachectl", _MEMORY, had + _peak(ours), "ratio", bar=_MOST)
        yield Reading(name, peer, _MEMORY, had + _peak(theirs), "ratio")


def _actions() -> Iterator[Actions]:
    with file_cache() as cache, disk_cache(size_limit=100 * _SIZE) as peer:
        set_by_peer = partial(peer.set, value=_VALUE, expire=TTL)
        yield from _both("file", cache, "diskcache", set_by_peer, peer.get, NEITHER)
    with side_by_side() as (cache, server), server.client() as client:
        set_by_peer = partial(client.set, value=_VALUE, ex=TTL)
        yield from _both("redis", cache, "redis-py", set_by_peer, client.get, PLAIN)


def _both(
    place: str,
    cache: Cache,
    peer: str,
    set_by_peer: Callable[[str], object],
    get_by_peer: Callable[[str], object],
    note: str,
) -> Iterator[Actions]:
    """Yield what replaces a value of several, and what gets one."""
    namespace = cache.namespace("large", **POLICY)
    for key in _KEYS:
        namespace.set(key, _VALUE)
        set_by_peer(key)
    keys, theirs = cycle(_KEYS), cycle(_KEYS)
    yield (
        f"{place}, set",
        lambda: namespace.set(next(keys), _VALUE),
        peer,
        lambda: set_by_peer(next(theirs)),
        note,
    )
    yield (
        f"{place}, get",
        lambda: namespace.get(next(keys)),
        peer,
        lambda: get_by_peer(next(theirs)),
        note,
    )


def _peak(action: Callable[[], object]) -> float:
    """Return the bytes that this takes at the peak, for each of the value."""
    gc.collect()
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / _SIZE
    finally:
        tracemalloc.stop()
