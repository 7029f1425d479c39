"""Interrupts by signals that wait until what is under way has been accounted for.

A step that others carry out, such as a batch of removals on a server, is done whether or not its reply
is read. Whoever ends a program by raising in a handler of a signal asks `interrupt` when to.
"""

import threading
from collections.abc import Callable
from typing import Final


class _Steps(threading.local):
    """The steps that a thread is in."""

    depth = 0
    waiting: Callable[[], object] | None = None


_steps: Final = _Steps()


class unbroken:  # noqa: N801 - it is used as a function
    """Let no interrupt come between what is done in here, which ends soon, and its account."""

    __slots__ = ()

    def __enter__(self) -> None:
        _steps.depth += 1

    def __exit__(self, *_: object) -> None:
        _steps.depth -= 1
        end = _steps.waiting
        if end is not None and not _steps.depth:
            _steps.waiting = None
            end()


def interrupt(end: Callable[[], object]) -> None:
    """Call `end`, which raises: now, or at the end of the step that this thread is in. Who is asked a
    second time meanwhile does not wait.
    """
    if _steps.depth and _steps.waiting is None:
        _steps.waiting = end
        return
    _steps.waiting = None
    end()
