"""The loads that are under way, who leads them and who waits."""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from cachectl._model.entry import Worth

_LEAST: Final = 1.0
_MOST: Final = 30.0
_UNKNOWN: Final = 5.0
_TIMES: Final = 4.0
_LEADERS: Final = 1.5
"""A leader is waited for `_TIMES` as long as loads of its namespace take, within these bounds of
seconds; `_UNKNOWN` before any has ended. For all leaders of one call together it is half as long again."""


class Outcome(NamedTuple):
    """How a load ended: with a value, or an exception that all who wait raise."""

    value: Any
    error: Exception | None = None


class Leader(Protocol):
    """Who loads."""

    @property
    def is_gone(self) -> bool:
        """Whether what was begun will not be ended."""

    def runs_in(self, loop: object) -> bool:
        """Whether it is a task of this event loop."""

    def give_up(self) -> None:
        """End to load, if that can be had: nobody waits any more."""


class Waiter(Protocol):
    """Who waits for a load."""

    outcome: Outcome | None

    def wake(self, outcome: Outcome | None) -> None:
        """Go on: with an outcome, or without one by looking again."""


W = TypeVar("W", bound=Waiter)


class Flight:
    """A load that is under way. What a stale one brings is not stored; one whose leader somebody else
    has replaced is stale, too. `worth` is what it saves each who waits, known at its end.
    """

    __slots__ = (
        "__weakref__", "caller", "is_stale", "key", "leader", "parent", "waiters", "waits_for", "worth",
    )  # fmt: skip

    def __init__(self, key: str, leader: Leader, parent: "Flight | None") -> None:
        self.key: str = key
        self.leader: Leader = leader
        self.parent: Flight | None = parent  # whose load asked for this one
        self.waits_for: Flight | None = None
        self.waiters: dict[Waiter, None] = {}
        self.caller: Waiter | None = None  # who began it, if that is not its leader
        self.is_stale: bool = False
        self.worth: Worth = Worth()

    def depends_on(self, caller: "Flight | None") -> bool:
        """Return whether this one can end only after that of the caller, or one that asked for it."""
        lineage = set(_lineage(caller))
        seen: set[Flight] = set()
        flight: Flight | None = self
        while lineage and flight is not None and flight not in seen:
            if flight in lineage:
                return True
            seen.add(flight)
            flight = flight.waits_for
        return False


leading: Final[ContextVar[Flight | None]] = ContextVar("leading", default=None)
"""The flight for which the present code runs."""


class Flights:
    """The loads of one namespace. `completed` grows with each that ended.

    Those who lead and who wait hold a flight. If this did, an event loop that was closed under its
    loads would be kept, with all its tasks, until somebody asks for their keys again.
    """

    def __init__(self) -> None:
        self._flights: dict[str, weakref.ref[Flight]] = {}
        self._alone: set[weakref.ref[Flight]] = set()
        self._seconds: float | None = None
        self.completed: int = 0
        _all.add(self)

    def invalidate(self, keys: Iterable[str] | None = None) -> None:
        """Let the loads of these keys, or all, end without being stored: somebody removed or
        replaced the entry after they began.
        """
        if not self._flights and not self._alone:
            return
        wanted = None if keys is None else set(keys)
        for reference in (*self._flights.copy().values(), *self._alone.copy()):
            flight = reference()
            if flight is not None and (wanted is None or flight.key in wanted):
                flight.is_stale = True

    def invalidate_key(self, key: str) -> None:
        """Do so for the load of one key."""
        if self._flights or self._alone:
            self.invalidate((key,))

    @property
    def patience(self) -> float:
        """The seconds after which somebody who waits takes over."""
        if self._seconds is None:
            return _UNKNOWN
        return min(max(_TIMES * self._seconds, _LEAST), _MOST)

    @property
    def longest(self) -> float:
        """The seconds after which nobody waits any more, whoever leads: he loads alone."""
        return _LEADERS * self.patience

    def begin(
        self, key: str, leader: Leader, make_waiter: Callable[[], W] | None
    ) -> tuple[Flight, W | None]:
        """Return the flight of `key`, and what waits for it; nothing does if `leader` leads it.

        A stale one is for those who wait for it already: who comes later knows of what it does not.
        Who may not wait - there is nothing to wait with, or the flight depends on what he loads -
        leads one of his own.
        """
        parent = leading.get()
        left: list[Waiter] = []
        waiter: W | None = None
        with lock:
            flight = self.led(key)
            if flight is not None and flight.leader.is_gone:
                left, flight = self._replace(flight), None
            if flight is None or flight.is_stale:
                flight = Flight(key, leader, parent)
                self._flights[key] = weakref.ref(flight, partial(self._forget, key))
            elif make_waiter is None or flight.depends_on(parent):
                flight = Flight(key, leader, parent)
                self._alone.add(weakref.ref(flight, self._alone.discard))
            else:
                waiter = make_waiter()
                flight.waiters[waiter] = None
                for waiting in _lineage(parent):
                    waiting.waits_for = flight
        _wake(left, None)
        return flight, waiter

    def led(self, key: str) -> Flight | None:
        """Return the flight of a key that others join."""
        reference = self._flights.get(key)
        return None if reference is None else reference()

    def take_over(self, flight: Flight) -> None:
        """Let nobody wait for this one any longer but who began it: who comes first leads anew."""
        with lock:
            waiters = self._replace(flight)
        _wake(waiters, None)

    def leave(self, flight: Flight, waiter: Waiter) -> None:
        """Wait no longer. The last who leaves lets the leader give up."""
        with lock:
            self._end_wait(flight)
            flight.waiters.pop(waiter, None)
            if flight.caller is waiter:
                flight.caller = None
            last = not flight.waiters and flight.caller is None
        if last:
            flight.leader.give_up()

    def end_wait(self, flight: Flight) -> None:
        """Note that the caller has been woken."""
        with lock:
            self._end_wait(flight)

    def land(self, flight: Flight, outcome: Outcome | None, seconds: float = 0.0) -> None:
        """End a flight that took so long; without an outcome somebody else must load."""
        with lock:
            if self.led(flight.key) is flight:
                del self._flights[flight.key]
                if outcome is not None:
                    self._note(seconds)
            self._alone.discard(weakref.ref(flight))
            self.completed += 1
            waiters, flight.waiters = list(flight.waiters), {}
            if flight.caller is not None:
                waiters.append(flight.caller)
        _wake(waiters, outcome)

    def reset(self) -> None:
        """Forget all flights: a forked process does not inherit the threads that lead them."""
        self._flights.clear()
        self._alone.clear()

    def _forget(self, key: str, collected: "weakref.ref[Flight]") -> None:
        with lock:
            if self._flights.get(key) is collected:
                del self._flights[key]

    def _replace(self, flight: Flight) -> list[Waiter]:
        flight.is_stale = True
        if self.led(flight.key) is flight:
            del self._flights[flight.key]
        waiters, flight.waiters = list(flight.waiters), {}
        return waiters

    def _end_wait(self, flight: Flight) -> None:
        for waiting in _lineage(leading.get()):
            if waiting.waits_for is flight:
                waiting.waits_for = None

    def _note(self, seconds: float) -> None:
        """Remember how long loads take: an average in which the last ones weigh most."""
        known = seconds if self._seconds is None else self._seconds
        self._seconds = known + (seconds - known) / 4


def _lineage(flight: Flight | None) -> Iterator[Flight]:
    while flight is not None:
        yield flight
        flight = flight.parent


def _wake(waiters: Iterable[Waiter], outcome: Outcome | None) -> None:
    for waiter in waiters:
        waiter.wake(outcome)


lock = threading.RLock()
"""One for all: a cycle may lead through many namespaces. Held for moments; a signal handler that comes
in one of them may go on."""
_all: Final[weakref.WeakSet[Flights]] = weakref.WeakSet()
_shared: Final[weakref.WeakValueDictionary[tuple[str, str], Flights]] = (
    weakref.WeakValueDictionary()
)


def flights_of(place: str | None, namespace: str) -> Flights:
    """Return the loads of a namespace: the same for all caches of this process on one place."""
    if place is None:
        return Flights()
    with lock:
        found = _shared.get((place, namespace))
    if found is None:
        made = Flights()
        with lock:
            found = _shared.setdefault((place, namespace), made)
    return found


def _reset_in_child() -> None:
    global lock  # noqa: PLW0603 - who held it did not come along
    lock = threading.RLock()
    for flights in list(_all):
        flights.reset()


os.register_at_fork(after_in_child=_reset_in_child)
