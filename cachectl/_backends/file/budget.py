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
_RECENT: Final = 0.1
"""The weight of the last read in what one is thought to take."""


class Budget:
    """What may be read in one event loop. Those who find it spent go on in later iterations, in
    their order, as many in each as fit.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._typical = 10e-6
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
        if self._spent == 0.0:
            asyncio.get_running_loop().call_soon(self._renew)
        self._spent += seconds
        self._typical += (seconds - self._typical) * _RECENT
        if seconds > SLOW:
            self._away_until = now + _AWAY

    def _renew(self) -> None:
        """Begin an iteration."""
        self._spent = 0.0
        for _ in range(max(1, int(PER_ITERATION / self._typical))):
            if not self._waiting:
                return
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._waiting:
            self._spent = 1e-9  # this is called again
            asyncio.get_running_loop().call_soon(self._renew)
