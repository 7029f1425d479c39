"""Hit rates: what each eviction policy makes of a trace, beside exact LRU and the optimum.

`TRACE=FILE make bench ROW=hit-rates` replays a trace of one's own instead of the made ones.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.harness import traces
from benchmarks.harness.caches import OPENERS
from benchmarks.harness.registry import HitRate, row
from benchmarks.harness.traces import Trace
from cachectl import MISSING, Namespace
from cachectl._model.policy import EVICTIONS

_REQUESTS: Final = 40_000
_OBJECTS: Final = 10_000
_SIZES: Final = (100, 1000)
_SHORT: Final = 6_000
"""Requests that are replayed over files and Redis, where each takes a hundred times as long."""
_OWN_SIZES: Final = (256, 1024, 4096)


def _made() -> Iterator[tuple[str, Trace]]:
    """Yield traces by name, each with one trait of real traffic."""
    for skew in (0.7, 1.0, 1.3):
        yield f"Zipf {skew}", traces.zipf(_REQUESTS, _OBJECTS, skew)
    mixed = traces.zipf(_REQUESTS // 2, _OBJECTS, 1.0)
    yield "Zipf 1.0 with scans", traces.with_scans(mixed, 2000, 2000)
    yield "loop over 1,200", traces.loop(_REQUESTS, 1200)
    yield "Zipf 1.0, shifting", traces.shifting(_REQUESTS, _OBJECTS, 1.0, 5)


@row("hit-rates", "rates", "hit rates by eviction policy", "exact LRU and the optimum")
def hit_rates() -> Iterator[HitRate]:
    path = os.environ.get(traces.TRACE)
    if path:
        yield from _own(traces.read(Path(path)))
        return
    for name, trace in _made():
        for size in _SIZES:
            yield from _references(name, trace, size)
            yield from _replays("memory", name, trace, size)
    for name, trace in _made():
        short, size = trace[:_SHORT], _SIZES[0]
        yield from _references(name, short, size)
        for backend in ("file", "redis"):
            yield from _replays(backend, name, short, size)


def _own(trace: Trace) -> Iterator[HitRate]:
    for size in _OWN_SIZES:
        yield from _references("yours", trace, size)
        for backend in OPENERS:
            yield from _replays(backend, "yours", trace, size)


def _references(name: str, trace: Trace, size: int) -> Iterator[HitRate]:
    lru, best = traces.lru(trace, size), traces.optimum(trace, size)
    yield HitRate(name, len(trace), size, "", "exact LRU", lru)
    yield HitRate(name, len(trace), size, "", "optimum", best)


def _replays(backend: str, name: str, trace: Trace, size: int) -> Iterator[HitRate]:
    with OPENERS[backend]() as cache:
        for policy in EVICTIONS:
            namespace = cache.namespace(policy, ttl="1h", max_entries=size, eviction=policy)
            yield HitRate(name, len(trace), size, backend, policy, replay(namespace, trace))


def replay(namespace: Namespace, trace: Trace) -> float:
    """Return the share of requests that found their object; the others store it."""
    hits = 0
    for number in trace:
        key = str(number)
        if namespace.get(key) is MISSING:
            namespace.set(key, number)
        else:
            hits += 1
    return hits / len(trace)
