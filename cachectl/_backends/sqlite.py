"""What everything that uses SQLite shares: its errors in our words, and waiting for its lock."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy, BackendError, BackendRefused

T = TypeVar("T")
Connection = TypeVar("Connection", bound=sqlite3.Connection)

FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What SQLite raises; the last one if its message quotes a damaged schema."""
_LOCKED: Final = "another process has it locked"
_FIRST_PAUSE: Final = 0.0002
_LONGEST_PAUSE: Final = 0.002
_AGAIN: Final = 0.1
_SOON: Final = 1.0
"""Seconds that a thread waits at most if it waited in vain less than a second ago: a call of the
application may wait for several things, and many of its calls for the same."""


def translated(what: str, error: Exception) -> BackendError:
    """Return our error for one of SQLite or of the file system."""
    if isinstance(error, sqlite3.OperationalError):
        if _is_locked(error):
            return BackendBusy(f"{what}: {_LOCKED}")
        return BackendRefused(f"{what}: {error}")
    return BackendError(f"{what}: {error}")


@contextmanager
def closed_on_error(connection: Connection) -> Iterator[Connection]:
    """Provide a connection, which is closed if it cannot be prepared."""
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


class _Call(threading.local):
    """When what this thread does must have ended, and when it last waited in vain."""

    deadline = float("inf")
    in_vain_at = float("-inf")


_call: Final = _Call()


def wait_anew() -> None:
    """Let this thread wait as long as ever, though it waited in vain: there will be no other time."""
    _call.in_vain_at = float("-inf")


class Patience:
    """Waits for others until a deadline, which is the same for all that one call waits for.

    SQLite itself would wait within a call that nobody can interrupt, and hold all that the caller
    holds. Here nothing is held in the pauses.
    """

    def __init__(self, seconds: float) -> None:
        now, most = time.monotonic(), _call.deadline
        deadline = now + (seconds if now - _call.in_vain_at > _SOON else min(seconds, _AGAIN))
        self._deadline = deadline if deadline < most else most  # noqa: FURB136 - it is faster
        self._pause = _FIRST_PAUSE

    @property
    def left(self) -> float:
        """The seconds until the deadline."""
        return self._deadline - time.monotonic()

    @contextmanager
    def bound(self) -> Iterator[None]:
        """Let whatever this thread does meanwhile wait no longer than this."""
        before, _call.deadline = _call.deadline, min(self._deadline, _call.deadline)
        try:
            yield
        finally:
            _call.deadline = before

    def retry(self, what: str, error: Exception) -> None:
        """Pause after an attempt that failed; raise our error if another one cannot help."""
        if not _is_locked(error):
            raise translated(what, error) from None
        self.pause(what)

    def pause(self, what: str) -> None:
        """Pause before another attempt. Raises `BackendBusy` if there is no time for one."""
        left = self.left
        if left <= 0:
            _call.in_vain_at = time.monotonic()
            raise BackendBusy(f"{what}: {_LOCKED}")
        jitter = 0.5 + (time.perf_counter_ns() & 1023) / 1024  # `random` is expensive to import
        time.sleep(min(left, self._pause * jitter))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def take(self, turn: Turn, what: str, action: Callable[[], T]) -> T:
        """Take the turn, which the caller has to release, and return what `action` returns. As long
        as another process has the database locked, the turn is given back and taken again.
        """
        while True:
            turn.acquire(self._deadline - time.monotonic())
            try:
                return action()
            except BaseException as error:
                turn.release()
                if not isinstance(error, FAILURES):
                    raise
                failure = error
            self.retry(what, failure)


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
