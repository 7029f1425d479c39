"""One deadline for all that a call waits for, whatever that is: locks, other processes, replies.

What waits asks `deadline` by when to give up, and notes how long it waited. A call that does several
things - it looks up, loads and stores - says so with `one_call`; the time of a loader is not counted.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from time import monotonic
from typing import Final, ParamSpec, TypeVar

from cachectl.errors import BackendBusy

P = ParamSpec("P")
T = TypeVar("T")

SECONDS: Final = 1.0
"""How long a call of an application waits for others, unless it is configured."""
_LEAST: Final = 0.1
"""Seconds that are waited for one thing, though the call has waited long for another."""
_SOON: Final = 1.0
"""Seconds for which one who waited in vain waits as little: many of his calls may be for the same. And
since the end of a wait, for which it is taken for one of the call that is under way."""


_LONG: Final = 0.02
"""Seconds from which a wait is worth noting."""

_NEVER: Final = float("-inf")
_began: Final[ContextVar[float | None]] = ContextVar("cachectl_call_began", default=None)
_last: Final = ContextVar("cachectl_last_wait", default=(_NEVER, _NEVER))
_in_vain_at: Final[ContextVar[float | None]] = ContextVar("cachectl_in_vain", default=None)


def deadline(seconds: float) -> float:
    """Return when whoever waits now has to give up, in a call that may wait so many seconds: by the
    monotonic clock, as all times here.
    """
    now, began, in_vain_at = monotonic(), _began.get(), _in_vain_at.get()
    if began is None and in_vain_at is None:  # as a rule; it is the path of every exchange
        return now + seconds
    soonest = now + min(seconds, _LEAST)
    if in_vain_at is not None and now - in_vain_at <= _SOON:
        return soonest
    return max((now if began is None else began) + seconds, soonest)


def call_began() -> float:
    """Return when the call began that this is part of: now, unless it is part of `one_call`."""
    began = _began.get()
    return monotonic() if began is None else began


class one_call:  # noqa: N801 - it is used as a function
    """Let all that is waited for in here have one deadline, that of a call which began then."""

    __slots__ = ("_began", "_token")

    def __init__(self, began: float | None) -> None:
        self._began = began

    def __enter__(self) -> None:
        self._token = _began.set(self._began)

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # a coroutine that nobody awaits any more is closed anywhere
            _began.reset(self._token)


def within(
    began: float | None, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return what a function returns that is part of a call which began then."""
    with one_call(began):
        return function(*args, **kwargs)


def spent() -> float:
    """Return the seconds that were waited just before this; 0.0 if nothing was waited for."""
    began, ended = _last.get()
    return ended - began if monotonic() - ended <= _SOON else 0.0


def note_wait(began: float) -> None:
    """Note that this thread, or task, has waited since then, until now; a long wait just before this
    is the one to remember.
    """
    now = monotonic()
    if now - began > _LONG and now - began > spent():
        _last.set((began, now))


async def noted(answer: Awaitable[T], began: float) -> T:
    """Return an answer that is waited for since then, and note that; not if nobody waits any more."""
    try:
        value = await answer
    except BackendBusy:
        note_in_vain()
        raise
    except Exception:
        note_wait(began)
        raise
    note_wait(began)
    return value


def note_in_vain() -> None:
    """Note that it gave up."""
    _in_vain_at.set(monotonic())


def outside(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns of which each step is a call of its own: it takes long."""
    return within(None, function, *args, **kwargs)


def wait_anew() -> None:
    """Let it wait as long as ever, though it waited in vain: there will be no other time."""
    _in_vain_at.set(None)
