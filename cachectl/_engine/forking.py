"""Caches over a fork: at rest before it, and with new locks and connections in the child.

Who forks takes all turns that threads take, or none: while he waits for one he holds no other. So
nobody waits for him who has to end first, such as a signal handler in the middle of a read.
"""

import os
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, Protocol

from cachectl._model.importing import importing
from cachectl._model.turn import CallLock, Turn

_PATIENCE: Final = 4.0
"""Seconds that a fork waits for those who read; each reads one row, or one page. It is more than
anybody waits for the fork. A child that is born with a read under way finds the database locked for
ever.
"""
_PAUSE: Final = 0.001
"""Seconds in which all may go on before the fork tries again."""


class Forkable(Protocol):
    """What is told of a fork: see `SupportsFork`."""

    def turns(self) -> Iterable[Turn]: ...
    def before_fork(self) -> bool: ...
    def after_fork_in_child(self) -> None: ...


opened: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()
"""What is open in this process."""
_one_at_a_time: Final = CallLock("forks", _PATIENCE)
"""Held by a thread that forks, and for a moment by one that opens a cache."""
_held: Final[dict[Turn, None]] = {}
"""What the thread holds that forks."""


def register(cache: Forkable) -> None:
    """Tell a cache of all forks from now on; one that is under way ends first."""
    with _one_at_a_time:
        opened.add(cache)


def _before() -> None:
    held: dict[Turn, None] = {}
    try:
        _come_to_rest(held)
    except BaseException:  # of a signal handler; the fork goes on
        _release(held)
        raise
    _held.update(held)


def _come_to_rest(held: dict[Turn, None]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        _hold_all(held)
        at_rest = [cache.before_fork() for cache in _all()]
        if all(at_rest) or time.monotonic() >= deadline:
            return
        _release(held)
        time.sleep(_PAUSE)


def _hold_all(held: dict[Turn, None]) -> None:
    """Hold all turns. One that is not to be had at once is waited for without any other, and is the
    first of the next attempt, as C++'s `std::lock` does it.
    """
    awaited = _hold_at_once(held)
    while awaited is not None:
        _release(held)
        if awaited.hold(_PATIENCE):
            held[awaited] = None
        awaited = _hold_at_once(held)


def _hold_at_once(held: dict[Turn, None]) -> Turn | None:
    """Hold all turns, or return one that another thread has."""
    for turn in _turns():
        if turn not in held:
            if not turn.hold():
                return turn
            held[turn] = None
    return None


def _release(held: dict[Turn, None]) -> None:
    while held:
        turn, _ = held.popitem()
        turn.release()


def _turns() -> Iterator[Turn]:
    """Yield all turns. Once those are held that were yielded, there are no others than those to come."""
    yield _one_at_a_time
    yield importing
    for cache in _all():
        yield from cache.turns()


def _all() -> list[Forkable]:
    while True:
        with suppress(RuntimeError):  # another thread closed a cache just then
            return list(opened)


def _after_in_parent() -> None:
    held = dict(_held)
    _held.clear()  # with the last turn that is released, the next fork may begin
    _release(held)


def _after_in_child() -> None:
    for turn in {**_held, **dict.fromkeys(_turns())}:
        turn.after_fork_in_child()
    _held.clear()
    for cache in _all():
        cache.after_fork_in_child()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
