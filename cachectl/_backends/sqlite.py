"""What everything that uses SQLite shares: connections, its errors in our words, and waiting for its
lock.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

from cachectl._model.deadline import deadline, note_in_vain, note_wait
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy, BackendError, BackendRefused

T = TypeVar("T")

FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What SQLite raises; the last one if its message quotes a damaged schema."""
_LOCKED: Final = "another process has it locked"
_AS_TEXT: Final = partial(str, encoding="utf-8", errors="replace")
"""How texts of a database are read: one that was damaged is no error, but another text."""
_IN_USE: Final = (
    "another thread read it when this process was forked, which cannot use it: fork while nothing is"
    " read, or let processes begin by 'spawn' or 'forkserver'"
)
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


_of_parent: Final[set[Path | None]] = set()


class Connection:
    """A connection to a file, or to a database of its own in memory. It does all with one cursor, so that
    nothing of it is open once it is closed: a statement that is not at its end keeps SQLite's
    connection with its locks, and an exception keeps the statement with the frames that it passed.
    """

    __slots__ = ("__weakref__", "cursor", "execute", "path", "sqlite")

    def __init__(self, path: Path | None, mode: Literal["rwc", "rw", "ro"] = "rwc") -> None:
        if path in _of_parent:
            raise BackendRefused(f"{path}: {_IN_USE}")
        self.path = path
        self.sqlite = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}" if path else ":memory:",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        self.sqlite.text_factory = _AS_TEXT
        self.cursor = self.sqlite.cursor()
        self.execute: Callable[..., sqlite3.Cursor] = self.cursor.execute

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all that is done in here, or nothing if there is an error."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        finally:
            if self.sqlite.in_transaction:
                self.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it is closed
            self.cursor.close()
        self.sqlite.close()


def leave_to_parent(connections: Iterable[Connection]) -> None:
    """Never close what threads used that did not come along into this process, and open nothing more of
    these files. To close it would wait for those threads, and SQLite would take the locks that the
    parent has for ours, and write without any.
    """
    for connection in connections:
        from ctypes import py_object, pythonapi

        pythonapi.Py_IncRef(py_object(connection))  # also not when this process ends
        _of_parent.add(connection.path)


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
