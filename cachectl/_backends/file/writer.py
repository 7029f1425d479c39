"""The connection that writes to a cache directory: one for each process.

Threads that write wait for each other here, and only processes do so in SQLite, which polls.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from cachectl._backends.directory import claim, create_private
from cachectl._backends.file.schema import is_made, make, pragma
from cachectl._backends.sqlite import FAILURES, sqlite_errors, translated

Mode = Literal["IMMEDIATE", "DEFERRED"]
"""How a transaction begins: it waits for its turn to write; or it reads first, and fails with
`BackendBusy` where it would write if another has written since.
"""

_PREPARATION: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = 8192",
    "PRAGMA mmap_size = 0",  # a truncated file shall be an error, not a SIGBUS
    "PRAGMA trusted_schema = OFF",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: as many as the log's first index block lists
    "PRAGMA secure_delete = OFF",  # expensive where much is removed; the file is closed to others
)

_LITTLE: Final = 32 * 1024 * 1024  # bytes that are copied while others wait
_PAGES: Final = 1_000  # that are given back at a time


class Writer:
    """Transactions, one at a time; everything in one happens, or nothing.

    Raises `BackendBusy` if another process writes for too long, and other `BackendError`.
    """

    def __init__(self, directory: Path, timeout: float) -> None:
        self._directory = directory
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._data_version = 0
        self.after_fork_in_child()

    @property
    def is_open(self) -> bool:
        """Whether the database is known to be there, and ours."""
        return self._connection is not None

    def begin(self, mode: Mode) -> sqlite3.Connection:
        """Begin a transaction, which must be ended."""
        self._lock.acquire()
        try:
            connection = self._connection or self._connect()
            if connection.in_transaction:  # of one who was interrupted on his way
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE" if mode == "IMMEDIATE" else "BEGIN DEFERRED")
        except BaseException as error:
            self._lock.release()
            if isinstance(error, FAILURES):
                raise translated("the cache", error) from None
            raise
        return connection

    def end(self, error: BaseException | None = None) -> None:
        """Commit, or take everything back if there was an error. One of SQLite is translated."""
        connection = self._connection
        assert connection is not None
        try:
            if error is None:
                connection.execute("COMMIT")
                return
        except FAILURES as failure:
            error = failure
        finally:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            self._lock.release()
        if isinstance(error, FAILURES):
            raise translated("the cache", error) from None

    def open(self) -> None:
        """Make the directory and its database, unless they are there."""
        if self._connection is None:
            self.begin("IMMEDIATE")
            self.end()

    def others_wrote(self) -> bool:
        """Return whether another process has written since this was last asked."""
        with self._lock, sqlite_errors("the cache"):
            connection = self._connection or self._connect()
            before, self._data_version = self._data_version, pragma(connection, "data_version")
        return self._data_version != before

    def vacuum(self) -> None:
        """Give free pages back to the file system: all at once if little would be left, which
        is copied then, or else some at a time, so that nobody waits for long.
        """
        with self._lock, sqlite_errors("the cache"):
            connection = self._connection or self._connect()
            free, left = _pages(connection)
            if free > left and left * pragma(connection, "page_size") <= _LITTLE:
                connection.execute("VACUUM")
        while free:
            with self._lock, sqlite_errors("the cache"):  # `execute` would give back one page
                connection.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
                before, (free, _) = free, _pages(connection)
            if free >= before:
                return  # others free pages faster

    def before_fork(self) -> None:
        """Close what two processes must not share; nobody writes until one of these is called."""
        self._lock.acquire()
        self._close()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()  # whoever was interrupted on his way out may come again

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        claim(self._directory)
        path = self._directory / "cache.db"
        create_private(path)
        connection = sqlite3.connect(
            path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        if not is_made(connection, self._directory):
            make(connection, self._directory)
        for statement in _PREPARATION:
            connection.execute(statement)
        self._connection = connection
        return connection


def _pages(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many pages of the database are free, and how many are not."""
    free = pragma(connection, "freelist_count")
    return free, pragma(connection, "page_count") - free
