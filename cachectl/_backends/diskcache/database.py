"""Reading a database of SQLite without leaving a trace.

diskcache turns the write-ahead log on. SQLite then wants an index of the log (`-shm`) beside the
database, and makes both files even where it may only read. So what is there decides:

- An index: somebody has the database open, or crashed. With `readonly_shm` SQLite reads the index
  as it is, or makes one in memory if nobody keeps it up.
- A log without an index: a copy, or what a crash left. `unix-none` takes no locks, and in exclusive
  mode SQLite makes the index in memory.
- Neither: all is in the database. With `immutable` SQLite looks for nothing else.

In the last two cases nobody writes, or there would be an index; but somebody may begin while we
read. Then a file differs afterwards, and what was read is read again. A database without
write-ahead log is read like that too; it has a journal while somebody writes, and is then read
under SQLite's locks. Connections are closed at once: one that stays open keeps the last writer
from tidying up.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from cachectl._backends.diskcache.schema import require_diskcache
from cachectl._backends.sqlite import FAILURES, translated
from cachectl._model.codecs import VALUE_LIMIT
from cachectl.errors import BackendBusy, BackendRefused

T = TypeVar("T")
Signature = tuple[int, int, int] | None

_ATTEMPTS: Final = 8
_UNDER_LOCKS: Final = 3  # attempts after which an index is used like that of any reader
_TIMEOUT: Final = 1.0  # seconds to wait for a writer where there is no write-ahead log


class State(NamedTuple):
    """The files of a database: what tells one content from another; None is no file."""

    database: Signature
    log: Signature
    journal: Signature
    indexed: bool

    @classmethod
    def of(cls, path: Path) -> "State":
        return cls(
            _signature(path),
            _signature(path.with_name(f"{path.name}-wal")),
            _signature(path.with_name(f"{path.name}-journal")),
            _signature(path.with_name(f"{path.name}-shm")) is not None,
        )

    @property
    def locked(self) -> bool:
        """Whether SQLite sees to it that what is read belongs together."""
        return self.indexed or self.journal is not None

    def parameters(self, attempt: int) -> str:
        """Return how to open the database."""
        if self.indexed and attempt < _UNDER_LOCKS:
            return "readonly_shm=1"
        if self.locked:
            return ""
        return "immutable=1" if self.log is None else "vfs=unix-none"


class Database:
    """One `cache.db`. It holds nothing open, and may be shared by threads and over forks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `query` reads, as of one moment. Raises `BackendError`."""
        failure: Exception | None = None
        for attempt in range(_ATTEMPTS):
            state = State.of(self.path)
            try:
                with closing(self._open(state.parameters(attempt))) as connection:
                    found = query(connection)
            except FAILURES as error:
                failure = error
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                    break  # it was waited for
            else:
                if state.locked or State.of(self.path) == state:
                    return found
            time.sleep(0.001 * attempt)
        if failure is not None:
            raise self._described(failure)
        raise BackendBusy(f"{self.path} changes all the time; try again")

    def log_size(self) -> int:
        """Return the bytes of the write-ahead log."""
        signature = State.of(self.path).log
        return 0 if signature is None else signature[1]

    def _open(self, parameters: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=ro&{parameters}",
            uri=True,
            timeout=_TIMEOUT,
            isolation_level=None,
        )
        connection.text_factory = _text
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_LIMIT)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        if "unix-none" in parameters:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN")  # all that is read is of one moment
        require_diskcache(connection, self.path)
        return connection

    def _described(self, error: Exception) -> Exception:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            return BackendRefused(f"{self.path} is not a database of diskcache")
        return translated(str(self.path), error)


def _text(data: bytes) -> str:
    """Return text that may be damaged: it is shown, and must not fail."""
    return data.decode(errors="replace")


def _signature(path: Path) -> Signature:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
