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
        """Return the seconds, of those since then (by the performance counter), that were waited."""
        at = bisect_left(self._ends, since)
        return self._late[-1] - self._late[at]

    def _beat(self) -> None:
        before = time.perf_counter()
        while True:
            time.sleep(_TICK)
            now = time.perf_counter()
            self._ends.append(now)
            self._late.append(self._late[-1] + max(0.0, now - before - _TICK))
            before = now
