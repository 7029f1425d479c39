"""What everything that uses SQLite shares: connections, its errors in our words, and waiting for its
lock.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

from cachectl._backends.place import BegunAnew, Identity, Log, Place, log_of
from cachectl._model.deadline import deadline, note_in_vain, note_wait
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy, BackendError, BackendRefused

T = TypeVar("T")
C = TypeVar("C", bound="Connection")
Mode = Literal["rw", "ro", "ro&immutable=1", "ro&vfs=unix-none"]
"""How a file is opened; `reading` says when the last two are used."""
BESIDE_A_LOG: Final[Mode] = "ro&vfs=unix-none"


class DamagedDatabase(sqlite3.DatabaseError):
    """SQLite found that what it can read does not fit together."""

    sqlite_errorcode: int = sqlite3.SQLITE_CORRUPT


FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What SQLite raises; the last one if its message quotes a damaged schema."""
_LOCKED: Final = "another process has it locked"
_AS_TEXT: Final = partial(str, encoding="utf-8", errors="replace")
"""How texts of a database are read: one that was damaged is no error, but another text."""
_IN_USE: Final = (
    "another thread read it when this process was forked, which cannot use it: fork while nothing is"
    " read, or let processes begin by 'spawn' or 'forkserver'"
)
_DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_OTHER_TABLES: Final = re.compile(
    r"no such (table|column|index)|.* has no column|unsupported file format|.*malformed"
)
"""What SQLite says of statements of ours where the tables are not those that we made."""
_UNWRITABLE: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)
_MAKE_ROOM: Final = (
    "make room elsewhere, or by cachectl cleanup, or cachectl clear NS; max_bytes keeps a cache from"
    " filling its disk"
)
_FIRST_PAUSE: Final = 0.0002
_LONGEST_PAUSE: Final = 0.002


def is_damage(error: Exception) -> bool:
    """Return whether an error says that a database cannot be read, whoever tries."""
    if isinstance(error, BackendError):
        return error.kind == "damaged"
    if isinstance(error, (UnicodeDecodeError, IsADirectoryError)):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    of_ours = code == sqlite3.SQLITE_ERROR and _OTHER_TABLES.match(str(error)) is not None
    return code in _DAMAGE or of_ours


def translated(what: str, error: Exception, directory: Path | None = None) -> BackendError:
    """Return our error for one of SQLite or of the file system, about what is in a directory."""
    named = what if directory is None else f"{what} in {directory}"
    if is_damage(error):
        return BackendError(f"{named}: {error}", "damaged")
    if is_locked(error):
        return BackendBusy(f"{named}: {_LOCKED}")
    if directory is not None and _may_need_room(error):
        from cachectl._backends.room import is_forbidden, is_full, why_unwritable  # not as a rule

        reason = error if isinstance(error, OSError) else why_unwritable(directory)
        if reason is not None and is_full(reason):
            return BackendRefused(f"{named}: {reason.strerror}: {_MAKE_ROOM}", "full")
        if reason is not None and is_forbidden(reason):
            return BackendRefused(f"{named} can only be read: {reason.strerror}")
    if isinstance(error, sqlite3.OperationalError):
        is_full_ = "is full" in str(error)
        return BackendRefused(f"{named}: {error}", "full" if is_full_ else "refused")
    return BackendError(f"{named}: {error}")


def _may_need_room(error: Exception) -> bool:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    return code in _UNWRITABLE or isinstance(error, OSError)


_kept: Final[list["Connection"]] = []
"""What is not closed before this process ends."""
_of_parent: Final[list[Path | None]] = []


class Connection:
    """A connection to the file of a place, or to a database of its own in memory. It does all with one cursor, so that
    nothing of it is open once it is closed: a statement that is not at its end keeps SQLite's
    connection with its locks, and an exception keeps the statement with the frames that it passed.
    """

    __slots__ = (
        "__weakref__",
        "_log",
        "_place",
        "cursor",
        "execute",
        "file",
        "mode",
        "path",
        "sqlite",
    )

    def __init__(self, place: Place | None, mode: Mode = "rw") -> None:
        path = None if place is None else place.path
        if _of_parent:
            raise BackendRefused(f"{_of_parent[0]}: {_IN_USE}")
        self.path = path
        self.mode: Mode = mode
        self._place = place
        self._log: Log = ()
        self.file: Identity | None = None if place is None else place.file()
        if path is not None and path.is_dir():
            assert place is not None
            raise place.damaged(IsADirectoryError("it is a directory"), self.file)
        try:
            self.sqlite = sqlite3.connect(
                f"{path.as_uri()}?mode={mode}" if path else ":memory:",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.OperationalError:
            if place is not None and place.file() is None:  # nobody else's umask is to make one
                raise BegunAnew(f"{path} was removed just now") from None
            raise
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
        if self._place is not None and self._place.is_mistaken_for(self.file):
            _kept.append(self)  # SQLite would remove the log of the other file
            return
        with suppress(sqlite3.ProgrammingError):  # it is closed
            self.cursor.close()
        self.sqlite.close()

    def note_log(self) -> None:
        """Take note of the log, which is not removed by others as long as this is open."""
        assert self.path is not None
        self._log = log_of(self.path)

    def has_lost_log(self) -> bool:
        """Return whether somebody took away the log that was noted, or its index: then others neither see
        what is written here, nor is seen what they write. Nobody else may close this meanwhile.
        """
        return bool(self._log) and self.path is not None and log_of(self.path) != self._log


def leave_to_parent(connections: Iterable[Connection]) -> None:
    """Never close what threads used that did not come along into this process, and open nothing more. To
    close it would wait for those threads, as anything may that needs what all connections share; and
    of these files SQLite would take the locks that the parent has for ours, and write without any.
    """
    for connection in connections:
        from ctypes import py_object, pythonapi

        pythonapi.Py_IncRef(py_object(connection))  # also not when this process ends
        _of_parent.append(connection.path)


@contextmanager
def prepared(connection: Connection, place: Place | None) -> Iterator[Connection]:
    """Provide a connection, which is closed if it cannot be prepared. Raises `BegunAnew` if its place was
    damaged, and is put aside.
    """
    try:
        yield connection
    except BaseException as error:
        connection.close()
        if place is not None and isinstance(error, Exception) and is_damage(error):
            raise place.damaged(error, connection.file) from None
        raise


def verified(connection: Connection) -> None:
    """Read all of a database. Raises what SQLite would, or `sqlite3.DatabaseError`, if that is damaged."""
    ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != "ok":
        raise DamagedDatabase(found)


def opened(kind: Callable[[Place, Mode], C], place: Place, mode: Mode) -> C:
    """Return a connection that never writes. Raises what SQLite does, and what `prepared` does."""
    connection = kind(place, mode)
    with prepared(connection, place):
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        if mode == BESIDE_A_LOG:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return connection


def whole(column: str, most: object) -> str:
    """Return the expression of what is read of a column of numbers, from 0 to `most`: 0 where it was damaged."""
    return f"iif(typeof({column}) = 'integer' AND {column} BETWEEN 0 AND {most}, {column}, 0)"


class Patience:
    """Waits for others until a deadline, which is the same for all that one call waits for.

    SQLite itself would wait within a call that nobody can interrupt, and hold all that the caller
    holds. Here nothing is held in the pauses.
    """

    __slots__ = ("_began", "_deadline", "_directory", "_pause", "_seconds")

    def __init__(self, seconds: float, directory: Path | None = None) -> None:
        self._seconds = seconds
        self._directory = directory
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
        if not is_locked(error):
            raise translated(what, error, self._directory) from None
        self.pause(what)

    def pause(self, what: str) -> None:
        """Pause before another attempt. Raises `BackendBusy` if there is no time for one."""
        left = self.left
        if left <= 0:
            note_in_vain()
            named = what if self._directory is None else f"{what} in {self._directory}"
            raise BackendBusy(f"{named}: {_LOCKED}")
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


def is_locked(error: Exception) -> bool:
    """Return whether an error says that another process has a lock."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
