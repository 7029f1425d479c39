"""How long the machine keeps a thread waiting that has nothing to wait for but a processor."""

import threading
import time
from bisect import bisect_left

_TICK = 0.02


class Pulse:
    """A thread that sleeps a little, again and again, and notes by how much it overslept: as much is
    every other thread of the process kept waiting, whatever it does. A forked child has none.
    """

    def __init__(self) -> None:
        self._ends: list[float] = []
        self._late: list[float] = [0.0]
        threading.Thread(target=self._beat, daemon=True).start()

    def late(self, since: float) -> float:
        """Return the seconds, of those since then (by the performance counter), that were waited; also
        those of a wait from which the thread of the caller woke first.
        """
        known = len(self._ends)
        at = bisect_left(self._ends, since, 0, known)
        begun = max(since, self._ends[known - 1] if known else since)
        waited_still = max(0.0, time.perf_counter() - begun - _TICK)
        return self._late[known] - self._late[at] + waited_still

    def _beat(self) -> None:
        before = time.perf_counter()
        while True:
            time.sleep(_TICK)
            now = time.perf_counter()
            self._late.append(self._late[-1] + max(0.0, now - before - _TICK))
            self._ends.append(now)  # last: who reads at once finds what is late until then
            before = now
