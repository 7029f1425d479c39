"""Counting without locks: each thread adds to numbers of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from cachectl._metrics.counters import SUMMED, Counts


@dataclass(slots=True)
class LocalCounts(Counts):
    """The counts of one thread. A hit notes its time as it is: to make it a whole number of
    microseconds would be a good part of the hit.
    """

    last_hit_at: float = 0.0  # Unix seconds

    def snapshot(self) -> Counts:
        """Return what is counted so far."""
        counted = Counts(**{name: getattr(self, name) for name in SUMMED})
        counted.last_hit_us = int(self.last_hit_at * 1e6)
        return counted


class ThreadCounters:
    """What this process counts for one namespace. Exact from any number of threads.

    `local.counts` are the calling thread's own counts once it has called `current`; to look
    there first saves a hit the call.
    """

    def __init__(self, on_new_thread: Callable[[], None]) -> None:
        self._on_new_thread = on_new_thread
        self.local: threading.local = threading.local()
        self.reset()

    def reset(self) -> None:
        """Forget all that was counted, as a forked process must: its only thread calls this."""
        vars(self.local).clear()
        self._lock = threading.Lock()
        self._threads: list[tuple[threading.Thread, LocalCounts]] = []
        self._ended = Counts()
        self._drained = Counts()

    def current(self) -> LocalCounts:
        """Return the calling thread's own counts, to be incremented in place."""
        try:
            counts: LocalCounts = self.local.counts
        except AttributeError:
            counts = self.local.counts = LocalCounts()
            with self._lock:
                self._threads.append((threading.current_thread(), counts))
            self._on_new_thread()
        return counts

    def drain(self) -> Counts:
        """Return what was counted since the last call."""
        with self._lock:
            self._fold_ended_threads()
            total = self._ended
            for _, counts in self._threads:
                total = total.plus(counts.snapshot())
            moved = total.minus(self._drained)
            self._drained = total
        return moved

    def _fold_ended_threads(self) -> None:
        alive = []
        for thread, counts in self._threads:
            if thread.is_alive():
                alive.append((thread, counts))
            else:
                self._ended = self._ended.plus(counts.snapshot())
        self._threads = alive
