"""What applications do to a cache: many threads in many processes, most of whose calls look up keys
of which a few are wanted far more often than the others. Each call is timed.
"""

from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from itertools import cycle, islice
from time import perf_counter
from typing import Final, NamedTuple

from benchmarks.harness import traces
from benchmarks.harness.percentiles import percentiles
from benchmarks.harness.processes import Processes
from benchmarks.harness.registry import Reading

KEYS: Final = 100_000
_REQUESTS: Final = 200_000
_WRITE_EVERY: Final = 10
_APART: Final = 7_919  # a prime: threads that begin so many requests apart do not meet


class Calls(NamedTuple):
    """What a side does with a key; what `set` returns is false if it stored nothing."""

    get: Callable[[str], object]
    set: Callable[[str], object]


Open = Callable[[], AbstractContextManager[Calls]]
"""Opens a side in a process; it can be pickled."""


class Crew(NamedTuple):
    """So many processes with so many threads each."""

    processes: int
    threads: int

    def __str__(self) -> str:
        if self == (1, 1):
            return "1 process"
        return f"{self.processes} × {self.threads}"


class Times(NamedTuple):
    """How long each call took, how many there were a second, and how many did not store anything."""

    gets: "array[float]"
    sets: "array[float]"
    rate: float
    refused: int

    def plus(self, *others: "Times") -> "Times":
        """Return the times of all of these at once."""
        gets, sets, rate, refused = self.gets[:], self.sets[:], self.rate, self.refused
        for other in others:
            gets.extend(other.gets)
            sets.extend(other.sets)
            rate, refused = rate + other.rate, refused + other.refused
        return Times(gets, sets, rate, refused)

    def readings(self, case: str, side: str, turns: int) -> Iterator[Reading]:
        """Yield what was done in a second of so many turns, and how long calls took."""
        yield Reading(case, side, "calls a second", self.rate / turns, "/s")
        yield from percentiles(case, side, "get", self.gets)
        yield from percentiles(case, side, "set", self.sets)
        yield Reading(case, side, "refused", self.refused, "count")


NOTHING: Final = Times(array("d"), array("d"), 0.0, 0)


def key(number: int) -> str:
    return f"document:{number:07d}"


def run(open_: Open, crew: Crew, seconds: float) -> Times:
    """Return the times of a crew of new processes that work for so long."""
    with Processes(open_, crew.processes) as processes:
        processes.run(_prepare)
        return NOTHING.plus(*processes.run(work, crew.threads, seconds))


def work(calls: Calls, place: int, threads: int, seconds: float) -> Times:
    """Let so many threads of this process call, and return their times."""
    with ThreadPoolExecutor(threads) as pool:
        numbers = range(place * threads, (place + 1) * threads)
        return NOTHING.plus(*pool.map(lambda number: _calling(calls, number, seconds), numbers))


def _calling(calls: Calls, number: int, seconds: float) -> Times:
    gets, sets = array("d"), array("d")
    get, set_, note_get, note_set = *calls, gets.append, sets.append
    names = islice(cycle(_plan()), number * _APART, None)
    turns = cycle([False] * (_WRITE_EVERY - 1) + [True])
    refused = 0
    began = ended = perf_counter()
    for name, writing in zip(names, turns, strict=False):
        started = perf_counter()
        if started - began >= seconds:
            break
        done = (set_ if writing else get)(name)
        ended = perf_counter()
        (note_set if writing else note_get)(ended - started)
        refused += writing and not done
    return Times(gets, sets, (len(gets) + len(sets)) / (ended - began), refused)


def _prepare(_calls: Calls, _place: int) -> None:
    _plan()


@cache
def _plan() -> list[str]:
    """Return the keys that are called for, in order."""
    names = [key(number) for number in range(KEYS)]
    return [names[number] for number in traces.zipf(_REQUESTS, KEYS, 1.0)]
