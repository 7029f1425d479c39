"""One load at a time for each key of a process, over threads and event loops.

The first caller of a key flies; those who come meanwhile wait and share what it brings, value
or exception. Nobody waits for himself: a load that asks for a key which it is itself loading,
directly or through others that wait for it, loads that key on its own.
"""

import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final


class _Flight:
    """A load that is under way, and the flights that its leader is waiting for."""

    def __init__(self) -> None:
        self.outcome: Future[Any] = Future()
        self.outcome.set_running_or_notify_cancel()  # a waiter that gives up cannot cancel it
        self.waits_for: list[_Flight] = []  # more than once, if several of its tasks wait
        self.thread = threading.get_ident()
        self.outdated = False  # its key was changed meanwhile: what it brings is not to be kept

    def reaches(self, flights: tuple["_Flight", ...]) -> bool:
        """Return whether this one can land only after one of `flights`."""
        return self in flights or any(next_.reaches(flights) for next_ in self.waits_for)


_ABANDONED: Final = object()  # the leader was cancelled: somebody else must fly
_led: Final[ContextVar[tuple[_Flight, ...]]] = ContextVar("_led", default=())


class Flights:
    """The loads of one namespace. `landed` grows with each that ended."""

    _lock = threading.Lock()  # one for all: a cycle may lead through many namespaces

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}
        self.landed = 0
        _all.add(self)

    def outdate(self, keys: Iterable[str] | None = None) -> None:
        """Let the loads of these keys, or all, land without being kept: somebody removed or
        replaced the entry after they began.
        """
        for key in list(self._flights) if keys is None else keys:
            flight = self._flights.get(key)
            if flight is not None:
                flight.outdated = True

    def wanted(self, key: str) -> bool:
        """Return whether the load of `key` that is under way shall be kept."""
        flight = self._flights.get(key)
        return flight is None or not flight.outdated

    def run(self, key: str, load: Callable[[], Any]) -> Any:
        """Return what `load` returns, called by this or by a concurrent caller of `key`."""
        while True:
            flight, leads = self._board(key, blocking=True)
            if flight is None:
                return load()
            if leads:
                with self._leading(key, flight):
                    value = load()
                    flight.outcome.set_result(value)
                    return value
            with self._waiting(flight):
                value = flight.outcome.result()
            if value is not _ABANDONED:
                return value

    async def run_async(self, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
        """Do the same without blocking the event loop."""
        import asyncio

        while True:
            flight, leads = self._board(key, blocking=False)
            if flight is None:
                return await load()
            if leads:
                with self._leading(key, flight):
                    value = await load()
                    flight.outcome.set_result(value)
                    return value
            with self._waiting(flight):
                value = await asyncio.wrap_future(flight.outcome)
            if value is not _ABANDONED:
                return value

    def _board(self, key: str, *, blocking: bool) -> tuple[_Flight | None, bool]:
        """Return the flight for `key` and whether to lead it; no flight: load alone.

        A caller that blocks its thread does not wait for a task of that thread's event loop.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = _Flight()
                return flight, True
            led = _led.get()
            if flight.reaches(led) or (blocking and flight.thread == threading.get_ident()):
                return None, False
            for own in led:
                own.waits_for.append(flight)
            return flight, False

    @contextmanager
    def _leading(self, key: str, flight: _Flight) -> Iterator[None]:
        token = _led.set((*_led.get(), flight))
        try:
            yield
        except Exception as error:
            flight.outcome.set_exception(_shareable(error))
            raise
        finally:
            _led.reset(token)
            with self._lock:
                self._flights.pop(key, None)
                self.landed += 1
            if not flight.outcome.done():
                flight.outcome.set_result(_ABANDONED)

    @contextmanager
    def _waiting(self, flight: _Flight) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                for own in _led.get():
                    own.waits_for.remove(flight)


def _shareable(error: Exception) -> Exception:
    """Return what waiters raise: a coroutine cannot raise `StopIteration` (PEP 479)."""
    if isinstance(error, StopIteration):
        return RuntimeError("the loader raised StopIteration")
    return error


_all: Final[weakref.WeakSet[Flights]] = weakref.WeakSet()


def _forget_the_parents_flights() -> None:
    """Those who fly did not come along into a forked process: nobody may wait for them."""
    Flights._lock = threading.Lock()  # noqa: SLF001 - of this module
    for flights in list(_all):
        flights._flights.clear()  # noqa: SLF001 - of this module


os.register_at_fork(after_in_child=_forget_the_parents_flights)
