"""Threads that share loads: those who join block until the load has ended."""

import sys
import threading
from time import monotonic
from typing import Any, Final, TypeVar

from cachectl._engine.singleflight.flights import Flight, Flights, Outcome, Waiter, leading
from cachectl._engine.singleflight.lead import Load, Share, lead
from cachectl._model.threads import this_thread

T = TypeVar("T")

FIRST_LOOK: Final = 0.05
LAST_LOOK: Final = 1.0
"""Seconds until somebody who waits looks whether the leader is gone: at first, and at most."""


class ThreadLeader:
    """A thread that loads."""

    def __init__(self) -> None:
        self._thread = this_thread()

    @property
    def is_gone(self) -> bool:
        return self._thread() is None

    def runs_in(self, loop: object) -> bool:
        return False

    def give_up(self) -> None:
        """Go on: a thread cannot be told."""


class ThreadWaiter:
    """A thread that waits."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.woken = threading.Event()

    def wake(self, outcome: Outcome | None) -> None:
        self.outcome = outcome
        self.woken.set()


async def share(flights: Flights, key: str, load: "Load[T]", shared: Share) -> T:
    """Return what `load` returns, called by this or by a concurrent caller of `key`; `shared` is
    told of the latter.

    A thread that runs an event loop never waits: who leads may need that loop.
    """
    began = monotonic()
    while True:
        may_wait = monotonic() - began < flights.longest and not _runs_event_loop()
        flight, waiter = flights.begin(key, ThreadLeader(), ThreadWaiter if may_wait else None)
        if waiter is None:
            token = leading.set(flight)
            try:
                return await lead(flights, flight, load)
            finally:
                leading.reset(token)
        _wait(flights, flight, waiter)
        if waiter.outcome is not None:
            value: T = result_of(waiter)
            shared(flight)
            return value


def result_of(waiter: Waiter) -> Any:
    """Return or raise how a load ended; no frame is to keep the exception alive."""
    outcome, waiter.outcome = waiter.outcome, None
    try:
        assert outcome is not None
        if outcome.error is not None:
            raise outcome.error
        return outcome.value
    finally:
        del outcome


def _wait(flights: Flights, flight: Flight, waiter: ThreadWaiter) -> None:
    began, look = monotonic(), FIRST_LOOK
    try:
        while not waiter.woken.wait(look):
            left = began + flights.patience - monotonic()
            if flight.leader.is_gone or left <= 0:
                flights.take_over(flight)
            look = min(2 * look, LAST_LOOK, max(left, FIRST_LOOK))
    except BaseException:
        flights.leave(flight, waiter)
        raise
    flights.end_wait(flight)


def _runs_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001 - documented
