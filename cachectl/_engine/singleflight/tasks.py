"""Tasks that share loads: each load is a task of its own, which outlives the caller that began it as
long as others wait for it, and is cancelled when nobody does.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from cachectl._engine.singleflight.flights import Flight, Flights, Outcome, leading
from cachectl._engine.singleflight.lead import Load, Share, lead
from cachectl._engine.singleflight.threads import FIRST_LOOK, LAST_LOOK, result_of
from cachectl._model.loops import running_loop

T = TypeVar("T")


BESIDE: Final = 5.0
"""Seconds until somebody looks whose leader runs in the same loop: he is not gone without being told,
but may need, by ways that cannot be seen, who waits for him."""


class TaskLeader:
    """A task that loads. Holding it keeps it from being collected."""

    task: "asyncio.Task[object] | None" = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    @property
    def is_gone(self) -> bool:
        ended = self.task is not None and self.task.done()
        return ended or self._loop.is_closed() or not self._loop.is_running()

    def runs_in(self, loop: object) -> bool:
        return loop is self._loop

    def give_up(self) -> None:
        if self.task is not None:
            _tell(self._loop, self.task.cancel)


class TaskWaiter:
    """A task that waits. `woken` has a result once it is to go on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.outcome: Outcome | None = None
        self._loop = loop
        self.woken: asyncio.Future[None] = loop.create_future()

    def wake(self, outcome: Outcome | None) -> None:
        self.outcome = outcome
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001 - documented
            self._go_on()
        else:
            _tell(self._loop, self._go_on)

    def _go_on(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


async def share(flights: Flights, key: str, load: "Load[T]", shared: Share) -> T:
    """Return what `load` returns, called for this or for a concurrent caller of `key`; `shared` is
    told of the latter.
    """
    loop = running_loop()
    began = loop.time()
    while True:
        leader = TaskLeader(loop)
        may_wait = loop.time() - began < flights.longest
        flight, waiter = flights.begin(
            key, leader, (lambda: TaskWaiter(loop)) if may_wait else None
        )
        if waiter is None:
            waiter = TaskWaiter(loop)
            flight.caller = waiter
            leader.task = loop.create_task(_fly(flights, flight, load))
            await _woken(flights, flight, waiter)  # as long as it takes
        else:
            await _wait(flights, flight, waiter)
        if waiter.outcome is not None:
            value: T = result_of(waiter)
            if leader.task is None:
                shared(flight)
            return value
        if leader.task is not None:
            raise asyncio.CancelledError  # so the load ended: for its caller, not for those who joined


async def _fly(flights: Flights, flight: Flight, load: "Load[object]") -> None:
    leading.set(flight)  # in the context of this task
    try:
        with suppress(Exception):  # all who wait have been told; who left need not know
            await lead(flights, flight, load)
    finally:
        leading.set(None)  # or the flight would keep the context that it is in, and all in there


async def _wait(flights: Flights, flight: Flight, waiter: TaskWaiter) -> None:
    """Wait for the load of another, and look from time to time whether he is gone."""
    looks = _Looks(flights, flight)
    try:
        await _woken(flights, flight, waiter)
    finally:
        looks.end()
    flights.end_wait(flight)


class _Looks:
    """Looks at a flight that one task waits for: at growing intervals, until it has ended."""

    def __init__(self, flights: Flights, flight: Flight) -> None:
        self._flights = flights
        self._flight = flight
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._after = BESIDE if flight.leader.runs_in(self._loop) else FIRST_LOOK
        self._timer = self._loop.call_later(self._after, self._look)

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left = self._began + self._flights.patience - self._loop.time()
        if self._flight.leader.is_gone or left <= 0:
            self._flights.take_over(self._flight)
            return
        self._after = min(2 * self._after, LAST_LOOK, max(left, FIRST_LOOK))
        self._timer = self._loop.call_later(self._after, self._look)


async def _woken(flights: Flights, flight: Flight, waiter: TaskWaiter) -> None:
    try:
        await waiter.woken
    except BaseException:
        flights.leave(flight, waiter)
        raise


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Call back in a loop; nobody is left in one that is closed."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        if not loop.is_closed():
            raise
