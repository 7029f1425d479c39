"""Counting: what is counted, how a process counts without locks, where counts are kept.

To add a counter, add a field to `Counts`; storage, windows and the contract suite follow it.
A hit touches only integers that belong to its own thread. About once a second, and at exit,
each process hands the difference to the backend's `CounterStore`, which adds it to a total and
to rings of time buckets, so that every figure can be asked for a window.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final, NamedTuple, Protocol


@dataclass(slots=True)
class Counts:
    """The counters of one namespace. All are whole numbers, so that sums stay exact."""

    hits: int = 0
    misses: int = 0
    sets: int = 0
    evictions: int = 0  # a limit removed it
    expired: int = 0  # its TTL did
    invalidated: int = 0  # someone did
    errors: int = 0  # damaged entries, and backend errors an application was spared
    saved_cost: int = 0  # micro-dollars
    saved_us: int = 0  # microseconds
    compressed_from: int = 0  # bytes of values written where compression is on, before it
    compressed_to: int = 0  # the same values after it, or as they were where it did not pay
    compress_ns: int = 0  # nanoseconds spent on writing them
    decompress_ns: int = 0  # nanoseconds spent on hits of compressed entries
    last_hit_us: int = 0  # microseconds since 1970; merged by maximum

    def plus(self, other: "Counts") -> "Counts":
        merged = Counts(*(getattr(self, name) + getattr(other, name) for name in SUMMED))
        merged.last_hit_us = max(self.last_hit_us, other.last_hit_us)
        return merged

    def minus(self, earlier: "Counts") -> "Counts":
        moved = Counts(*(getattr(self, name) - getattr(earlier, name) for name in SUMMED))
        moved.last_hit_us = self.last_hit_us
        return moved

    def any(self) -> bool:
        return any(getattr(self, name) for name in SUMMED)


@dataclass(slots=True)
class Running(Counts):
    """The counts of one thread. A hit notes its time as it is: to make it a whole number of
    microseconds would be a good part of the hit.
    """

    last_hit_at: float = 0.0  # Unix seconds

    def settled(self) -> Counts:
        """Return what is counted so far."""
        counted = Counts(*(getattr(self, name) for name in SUMMED))
        counted.last_hit_us = int(self.last_hit_at * 1e6)
        return counted


LAST_HIT: Final = "last_hit_us"
SUMMED: Final = tuple(field.name for field in fields(Counts) if field.name != LAST_HIT)
"""The names of the counters that are merged by adding, in the order they are stored."""


class Ring(NamedTuple):
    """Buckets of `width` seconds that are kept for `span` seconds."""

    width: int
    span: int

    def bucket(self, at: float) -> int:
        """Return the Unix time at which the bucket of `at` begins."""
        return int(at // self.width) * self.width


RINGS: Final = (Ring(60, 7_200), Ring(900, 93_600), Ring(7_200, 691_200), Ring(86_400, 34_560_000))
"""Minutes for 2 h, quarters of an hour for 26 h, two hours for 8 days, days for 400 days. A
window is read from the first ring that spans it, and begins on a whole bucket: for an hour or
more that moves its edge by 1.7 % at most, and `Window.start` says where it is."""


class Window(NamedTuple):
    """The time whose counts are asked for, in Unix seconds.

    `ring` is where it is read; None means everything since counting began.
    """

    ring: Ring | None
    start: float | None
    end: float

    @classmethod
    def last(cls, seconds: float | None, now: float) -> "Window":
        """Return the window of the last `seconds`; None is all time."""
        if seconds is None:
            return cls(None, None, now)
        ring = next((ring for ring in RINGS if ring.span >= seconds), RINGS[-1])
        return cls(ring, float(ring.bucket(now - min(seconds, ring.span))), now)


class Batch(NamedTuple):
    """Counts that one process hands over: added exactly once, however often they are sent."""

    client: str
    sequence: int
    at: float
    counts: Mapping[str, Counts]


class CounterStore(Protocol):
    """Keeps the counters of all namespaces, for all processes."""

    def add(self, batch: Batch) -> None:
        """Add `batch`, or do nothing if this (client, sequence) was added before.

        Raises `BackendError` if it may not have been added; the same batch is then sent again.
        """

    def read(self, window: Window) -> dict[str, Counts]:
        """Return the counts of each namespace that ever counted anything, within `window`."""


class Tally:
    """What this process counts for one namespace. Exact from any number of threads.

    `local.counts` are the calling thread's own running counts once it has called `mine`; to
    look there first saves a hit the call.
    """

    def __init__(self, on_new_thread: Callable[[], None]) -> None:
        self._on_new_thread = on_new_thread
        self.forget()

    def forget(self) -> None:
        """Start anew with nothing counted."""
        self.local = threading.local()
        self._lock = threading.Lock()
        self._threads: list[tuple[threading.Thread, Running]] = []
        self._ended = Counts()
        self._drained = Counts()

    def mine(self) -> Running:
        """Return the calling thread's own running counts, to be incremented in place."""
        try:
            counts: Running = self.local.counts
        except AttributeError:
            counts = self.local.counts = Running()
            with self._lock:
                self._threads.append((threading.current_thread(), counts))
            self._on_new_thread()
        return counts

    def drain(self) -> Counts:
        """Return what was counted since the last call."""
        with self._lock:
            self._fold_ended_threads()
            running = self._ended
            for _, counts in self._threads:
                running = running.plus(counts.settled())
            moved = running.minus(self._drained)
            self._drained = running
        return moved

    def _fold_ended_threads(self) -> None:
        alive = []
        for thread, counts in self._threads:
            if thread.is_alive():
                alive.append((thread, counts))
            else:
                self._ended = self._ended.plus(counts.settled())
        self._threads = alive
