"""How long tasks may read within their event loop, before others have their turn."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

PER_ITERATION: Final = 0.001
"""Seconds of reading in one iteration of the loop."""
SLOW: Final = 0.002
"""Seconds from which a single read is a sign that the loop must not do it."""
_AWAY: Final = 1.0
"""Seconds for which threads read after a slow read."""


class Budget:
    """What may be read in one event loop. Those who find it spent go on in later iterations, in
    their order, as many in each as fit.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._reads = 0
        self._away_until = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_spent(self) -> bool:
        """Whether whoever wants to read has to wait for `turn` first."""
        return self._spent >= PER_ITERATION or bool(self._waiting)

    def allows(self, now: float) -> bool:
        """Whether the loop may read, or threads have to."""
        return now >= self._away_until

    async def turn(self) -> None:
        """Wait for a later iteration of the loop, in which there is time for one more read."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with suppress(ValueError):  # or it would keep its loop alive
                self._waiting.remove(turn)
            raise

    def spend(self, seconds: float, now: float) -> None:
        """Note that the loop has read for so long, until `now`."""
        if self._reads == 0 and not self._waiting:
            asyncio.get_running_loop().call_soon(self._renew)
        self._spent += seconds
        self._reads += 1
        if seconds > SLOW:
            self._away_until = now + _AWAY

    def _renew(self) -> None:
        """Begin an iteration: as many go on as the last one had time for."""
        fitting = len(self._waiting)
        if self._spent:
            fitting = min(fitting, max(1, int(self._reads * PER_ITERATION / self._spent)))
        self._spent, self._reads = 0.0, 0
        for _ in range(fitting):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._renew)
