"""Counting without locks: each thread adds to numbers of its own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from cachectl._metrics.counters import SUMMED, Counts


@dataclass(slots=True, eq=False, repr=False)  # which would take a part of each start
class LocalCounts(Counts):
    """The counts of one thread. A hit notes its time as it is: to make it a whole number of
    microseconds would be a good part of the hit.
    """

    last_hit_at: float = 0.0  # Unix seconds

    @staticmethod
    def total(rows: "Sequence[LocalCounts]") -> Counts:
        """Return what is counted so far in all of them."""
        rows = list(rows)  # threads may add to it
        sums = {name: sum(map(attrgetter(name), rows)) for name in SUMMED}
        last_hit_at = max((row.last_hit_at for row in rows), default=0.0)
        return Counts(**sums, last_hit_us=int(last_hit_at * 1e6))


class _Lease:
    """A row of counters that a thread has: it is spare again when the thread has ended, whoever
    started it, because this is only in the thread's locals.
    """

    __slots__ = ("_row", "_spare")

    def __init__(self, row: LocalCounts, spare: list[LocalCounts]) -> None:
        self._row = row
        self._spare = spare

    def __del__(self) -> None:
        self._spare.append(self._row)


class ThreadCounters:
    """What this process counts for one namespace. Exact from any number of threads.

    `local.counts` are the calling thread's own counts once it has called `current`; to look
    there first saves a hit the call. A row is never set back: who takes on that of a thread that
    ended adds to what is there.
    """

    def __init__(
        self, on_new_thread: Callable[[], None], make_row: Callable[[], LocalCounts]
    ) -> None:
        self._on_new_thread = on_new_thread
        self._make_row = make_row
        self.local: threading.local = threading.local()
        self._spare: list[LocalCounts] = []

    def reset(self) -> None:
        """Forget all that was counted, as a forked process must: its only thread calls this."""
        vars(self.local).clear()
        self._spare = []

    def renew(self) -> None:
        """Let each thread take another row: `local` is another from now on."""
        self.local = threading.local()
        self._spare = []

    def current(self) -> LocalCounts:
        """Return the calling thread's own counts, to be incremented in place."""
        try:
            counts: LocalCounts = self.local.counts
        except AttributeError:
            counts = self._row()
            vars(self.local).update(counts=counts, lease=_Lease(counts, self._spare))
            self._on_new_thread()
        return counts

    def _row(self) -> LocalCounts:
        try:
            return self._spare.pop()
        except IndexError:
            return self._make_row()
