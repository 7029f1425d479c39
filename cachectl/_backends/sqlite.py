"""What everything that uses SQLite shares: its errors in our words, and waiting for its lock."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from cachectl._model.deadline import deadline, note_in_vain, note_wait
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy, BackendError, BackendRefused

T = TypeVar("T")
Connection = TypeVar("Connection", bound=sqlite3.Connection)

FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What SQLite raises; the last one if its message quotes a damaged schema."""
_LOCKED: Final = "another process has it locked"
_FIRST_PAUSE: Final = 0.0002
_LONGEST_PAUSE: Final = 0.002


def translated(what: str, error: Exception) -> BackendError:
    """Return our error for one of SQLite or of the file system."""
    if isinstance(error, sqlite3.OperationalError):
        if _is_locked(error):
            return BackendBusy(f"{what}: {_LOCKED}")
        is_full = "is full" in str(error)
        return BackendRefused(f"{what}: {error}", "full" if is_full else "refused")
    return BackendError(f"{what}: {error}")


@contextmanager
def closed_on_error(connection: Connection) -> Iterator[Connection]:
    """Provide a connection, which is closed if it cannot be prepared."""
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


class Patience:
    """Waits for others until a deadline, which is the same for all that one call waits for.

    SQLite itself would wait within a call that nobody can interrupt, and hold all that the caller
    holds. Here nothing is held in the pauses.
    """

    __slots__ = ("_began", "_deadline", "_pause", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline: float | None = None  # it is known once somebody has to wait

    @property
    def left(self) -> float:
        """The seconds until the deadline."""
        if self._deadline is None:
            self._deadline = deadline(self._seconds)
            self._began = time.monotonic()
            self._pause = _FIRST_PAUSE
        return self._deadline - time.monotonic()

    def retry(self, what: str, error: Exception) -> None:
        """Pause after an attempt that failed; raise our error if another one cannot help."""
        if not _is_locked(error):
            raise translated(what, error) from None
        self.pause(what)

    def pause(self, what: str) -> None:
        """Pause before another attempt. Raises `BackendBusy` if there is no time for one."""
        left = self.left
        if left <= 0:
            note_in_vain()
            raise BackendBusy(f"{what}: {_LOCKED}")
        jitter = 0.5 + (time.perf_counter_ns() & 1023) / 1024  # `random` is expensive to import
        time.sleep(min(left, self._pause * jitter))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        note_wait(self._began)

    def take(self, turn: Turn, what: str, action: Callable[[], T]) -> T:
        """Take the turn, which the caller has to release, and return what `action` returns. As long
        as another process has the database locked, the turn is given back and taken again.
        """
        while True:
            turn.acquire(self)
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
