"""The connection that writes to a cache directory: one for each process.

Threads that write wait for each other here, and only processes do so in SQLite, which polls.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from cachectl._backends.directory import claim, create_private
from cachectl._backends.file.bulk import CHOSEN
from cachectl._backends.file.settings import is_complete, require_known_settings
from cachectl._backends.sqlite import FAILURES, sqlite_errors, translated

_PREPARATION: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = 8192",
    "PRAGMA mmap_size = 0",  # a truncated file shall be an error, not a SIGBUS
    "PRAGMA trusted_schema = OFF",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: as many as the log's first index block lists
    "PRAGMA secure_delete = OFF",  # dear where much is removed; the file is closed to others
    "PRAGMA temp_store = MEMORY",
    CHOSEN,
)

_LITTLE: Final = 32 * 1024 * 1024  # bytes that are copied while others wait
_PAGES: Final = 1_000  # that are given back at a time


class Writer:
    """A transaction for as long as it is entered; everything in it happens, or nothing.

    Raises `BackendBusy` if another process writes for too long, and other `BackendError`.
    """

    def __init__(self, directory: Path, timeout: float) -> None:
        self._directory = directory
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self.after_fork_in_child()

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            connection = self._connection or self._connect()
            if connection.in_transaction:  # of one who was interrupted on his way
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._lock.release()
            if isinstance(error, FAILURES):
                raise translated("the cache", error) from None
            raise
        return connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection = self._connection
        assert connection is not None
        try:
            if error is None:
                connection.execute("COMMIT")
        except FAILURES as failure:
            error = failure
        finally:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            self._lock.release()
        if isinstance(error, FAILURES):
            raise translated("the cache", error) from None

    def open(self) -> None:
        """Make the directory and its database, unless they are there."""
        if self._connection is None:
            with self:
                pass

    def vacuum(self) -> None:
        """Give free pages back to the file system: all at once if little would be left, which
        is copied then, or else some at a time, so that nobody waits for long.
        """
        with self._lock, sqlite_errors("the cache"):
            connection = self._connection or self._connect()
            free, left = _pages(connection)
            if free > left and left * _pragma(connection, "page_size") <= _LITTLE:
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
        require_known_settings(connection)
        if not is_complete(connection):
            from cachectl._backends.file.schema import create  # it imports diskcache

            create(self._directory, self._timeout)
        for statement in _PREPARATION:
            connection.execute(statement)
        self._connection = connection
        return connection


def _pages(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many pages of the database are free, and how many are not."""
    free = _pragma(connection, "freelist_count")
    return free, _pragma(connection, "page_count") - free


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
