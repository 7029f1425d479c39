"""How cost grows in memory: full caches of a thousand to a million entries, what an entry weighs,
and how long Python's garbage collector stops everything while they are filled.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple, Self

from benchmarks.harness.caches import memory_cache
from benchmarks.harness.measure import each
from benchmarks.harness.pace import Pace
from benchmarks.harness.percentiles import beside
from benchmarks.harness.processes import Processes
from benchmarks.harness.registry import Case, Contender, Found, Reading, Sample, paced_row
from benchmarks.rows.growth import SIZES, TTL, VALUE, drawn, key, sizes
from benchmarks.rows.memory import Locked
from cachectl import Cache
from cachectl._model.policy import EVICTIONS, Eviction

_LRU, _LRFU = EVICTIONS
_ROUNDS: Final = 11
_FEW: Final = 1_000


class Side(NamedTuple):
    """A full cache."""

    name: str
    get: Callable[[str], object]
    set: Callable[[str, bytes], object]


class Filled(NamedTuple):
    """What filling a cache in a process of its own took, in all and for each entry, and what the
    cache says an entry takes, where it does.
    """

    weight: float
    seconds: float
    collections: int
    longest: float
    reported: float | None = None

    def readings(self, side: str, entries: int) -> Iterator[Reading]:
        """Yield the figures. Of ours at a million, what does not depend on the machine has a bar."""
        judged = side.startswith("cachectl") and entries == SIZES[-1]
        reading = partial(Reading, "filled one by one", side, entries=entries)
        yield reading("bytes an entry", self.weight, "B", bar=450 if judged else None)
        if self.reported is not None:
            yield reading("it reports", self.reported, "B")
        yield reading("set", self.seconds, "s", aim=3e-6 if judged else None)
        yield reading("full collections", self.collections, "count")
        yield reading("longest pause", self.longest, "s", aim=0.05 if judged else None)


@paced_row(
    "growth-memory",
    "growth",
    "memory: operations, bytes an entry, pauses",
    "cachetools `TTLCache`, `RLock`; cachebox",
    bar=2,
)
def in_memory(pace: Pace) -> Iterator[Found]:
    for entries in sizes(pace):
        yield from _operations(entries)
    yield from _fillings(pace.entries(SIZES[-1]))


def _operations(entries: int) -> Iterator[Case]:
    """Yield ours beside peers, and then one policy of ours beside the other, which has a bar."""
    with memory_cache() as cache:
        lru, lrfu = (_ours(cache, policy, entries) for policy in EVICTIONS)
        peers = [_cachetools(entries), _cachebox(entries)]
        for side in (lru, lrfu, *peers):
            for number in range(entries):
                side.set(key(number), VALUE)
        some, new = drawn(entries), map(str, count())
        work: dict[str, Callable[[Side], Sample]] = {
            "get, uniform": lambda side: each(side.get, some),
            "set, replacing": lambda side: each(lambda name: side.set(name, VALUE), some[:_FEW]),
            "set, evicting": lambda side: each(lambda _: side.set(next(new), VALUE), some[:_FEW]),
        }
        for name, sample in work.items():
            yield _case(name, sample, lru, peers, entries)
            yield _case(f"{name}, {_LRFU}", sample, lrfu, [lru], entries)


def _case(
    name: str, sample: Callable[[Side], Sample], ours: Side, peers: list[Side], entries: int
) -> Case:
    contenders = [Contender(side.name, sample(side)) for side in (ours, *peers)]
    barred = name.startswith("set") and name.endswith(_LRFU)
    return Case(name, contenders[0], contenders[1:], barred, _ROUNDS, entries)


def _ours(cache: Cache, policy: Eviction, entries: int) -> Side:
    namespace = cache.namespace(policy, ttl=TTL, max_entries=entries, eviction=policy)
    return Side(f"cachectl {policy}", namespace.get, namespace.set)


def _cachetools(entries: int) -> Side:
    from cachetools import TTLCache

    locked = Locked(TTLCache(entries, TTL))
    return Side("TTLCache + RLock", locked.get, locked.set)


def _cachebox(entries: int) -> Side:
    import cachebox

    box = cachebox.TTLCache[str, bytes](entries, TTL)
    return Side("cachebox TTLCache", box.get, box.insert)


def _plain(_entries: int) -> Side:
    """Return what no cache can be lighter than: keys and values, and nothing else."""
    plain: dict[str, bytes] = {}
    return Side("dict", plain.get, plain.__setitem__)


_OTHERS: Final[dict[str, Callable[[int], Side]]] = {
    "cachetools": _cachetools,
    "cachebox": _cachebox,
    "dict": _plain,
}


def _fillings(entries: int) -> Iterator[Reading]:
    fillings: dict[str, tuple[Callable[..., Filled], str]] = {
        f"cachectl {_LRU}": (_fill_ours, _LRU),
        f"cachectl {_LRFU}": (_fill_ours, _LRFU),
        "TTLCache + RLock": (_fill_other, "cachetools"),
        "cachebox TTLCache": (_fill_other, "cachebox"),
        "dict": (_fill_other, "dict"),
    }
    found: dict[str, list[Reading]] = {}
    for side, (work, which) in fillings.items():
        with Processes(nullcontext, 1) as process:
            (filled,) = process.run(work, which, entries)
        found[side] = list(filled.readings(side, entries))
        yield from found[side]
    yield from beside(found[f"cachectl {_LRU}"], found["TTLCache + RLock"], {})


def _fill_ours(_opened: None, _place: int, policy: Eviction, entries: int) -> Filled:
    with memory_cache() as cache:
        side = _ours(cache, policy, entries)
        filled = _fill(side, entries)
        held = cache.namespace(policy).stats().memory_bytes or 0
        return filled._replace(reported=held / entries)


def _fill_other(_opened: None, _place: int, which: str, entries: int) -> Filled:
    return _fill(_OTHERS[which](entries), entries)


def _fill(side: Side, entries: int) -> Filled:
    """Fill a cache with entries that share nothing, and weigh it: by what the process has more."""
    side.set(key(0), VALUE)  # whatever the first call makes
    with _Pauses() as pauses:
        before, started = _resident(), perf_counter()
        for number in range(entries):
            side.set(key(number), number.to_bytes(len(VALUE), "big"))
        seconds = perf_counter() - started
        weight = (_resident() - before) / entries
    return Filled(weight, seconds / entries, len(pauses.full), max(pauses.full, default=0.0))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class _Pauses:
    """How long each full collection took."""

    def __init__(self) -> None:
        self.full: list[float] = []
        self._started = 0.0

    def __enter__(self) -> Self:
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < 2:
            return
        if phase == "start":
            self._started = perf_counter()
        else:
            self.full.append(perf_counter() - self._started)
