"""Traces of requests, made by seeded chance or read from a file, and what is best for them."""

import heapq
import lzma
import random
import sys
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import Final

Trace = Sequence[int]
"""The numbers of the objects that were requested, in order."""

TRACE: Final = "TRACE"
"""The environment variable that names a trace of one's own."""
_SEED: Final = 20_240_601


def zipf(requests: int, objects: int, skew: float) -> Trace:
    """Return independent requests; the object of rank r is wanted r ** -skew times as often."""
    weights = accumulate(rank**-skew for rank in range(1, objects + 1))
    chance = random.Random(_SEED)
    return chance.choices(range(objects), cum_weights=list(weights), k=requests)


def with_scans(trace: Trace, every: int, length: int) -> Trace:
    """Return the trace with a scan after each `every` requests: objects wanted only once."""
    new, requests = iter(range(max(trace) + 1, sys.maxsize)), iter(trace)
    return list(
        chain.from_iterable(
            [*some, *islice(new, length)]
            for some in iter(lambda: list(islice(requests, every)), [])
        )
    )


def loop(requests: int, objects: int) -> Trace:
    """Return all objects in turn, again and again: the worst that can happen to LRU."""
    return [number % objects for number in range(requests)]


def shifting(requests: int, objects: int, skew: float, phases: int) -> Trace:
    """Return a trace in which other objects become popular several times."""
    length = requests // phases
    ranks = zipf(requests, objects, skew)
    return [(rank + number // length * objects // 2) for number, rank in enumerate(ranks)]


def read(path: Path) -> Trace:
    """Read a trace of big-endian 32-bit numbers, one a request; compressed if it ends in .xz."""
    data = path.read_bytes()
    numbers = array("I", lzma.decompress(data) if path.suffix == ".xz" else data)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def lru(trace: Trace, entries: int) -> float:
    """Return the hit rate of exact LRU."""
    held: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for number in trace:
        if number in held:
            hits += 1
            held.move_to_end(number)
        else:
            held[number] = None
            if len(held) > entries:
                held.popitem(last=False)
    return hits / len(trace)


def optimum(trace: Trace, entries: int) -> float:
    """Return the hit rate of the clairvoyant: what is wanted again last makes room.

    László Bélády, "A study of replacement algorithms for a virtual-storage computer", 1966.
    """
    held: dict[int, int] = {}  # object -> when it is wanted next
    furthest: list[tuple[int, int]] = []  # (-next, object), outdated pairs among them
    hits = 0
    for number, following in zip(trace, _next_uses(trace), strict=True):
        if number in held:
            hits += 1
        elif len(held) == entries:
            _evict(held, furthest)
        held[number] = following
        heapq.heappush(furthest, (-following, number))
    return hits / len(trace)


def _evict(held: dict[int, int], furthest: list[tuple[int, int]]) -> None:
    while True:
        negative, number = heapq.heappop(furthest)
        if held.get(number) == -negative:
            del held[number]
            return


def _next_uses(trace: Trace) -> Iterator[int]:
    """Yield for each request when its object is requested again; never is after the end."""
    following = [0] * len(trace)
    seen: dict[int, int] = {}
    for position in range(len(trace) - 1, -1, -1):
        following[position] = seen.get(trace[position], len(trace))
        seen[trace[position]] = position
    return iter(following)
