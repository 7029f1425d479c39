"""The connection that writes to a cache directory: one for each process.

Threads that write wait for each other here, and only processes do so in SQLite, which polls.
"""

import sqlite3
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

from cachectl.backends.counterdb import FAILURES, sqlite_errors, translated
from cachectl.backends.directory import claim, create_private
from cachectl.backends.file.bulk import CHOSEN
from cachectl.backends.file.settings import is_complete, require_known_settings

_PREPARATION: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = 8192",
    "PRAGMA mmap_size = 0",  # a truncated file shall be an error, not a SIGBUS
    "PRAGMA trusted_schema = OFF",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: as many as the log's first index block lists
    "PRAGMA secure_delete = OFF",  # removing would cost twice as much; the file is ours alone
    "PRAGMA temp_store = MEMORY",
    CHOSEN,
)


class Writer:
    """A transaction for as long as it is entered; everything in it happens, or nothing.

    Raises `BackendBusy` if another process writes for too long, and other `BackendError`.
    """

    def __init__(self, directory: Path, timeout: float) -> None:
        self._directory = directory
        self._timeout = timeout
        self._lock = threading.RLock()  # whoever was interrupted on his way out may come again
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection] = []  # only kept from being closed

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            connection = self._connection or self._connect()
            if connection.in_transaction:
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
            connection.execute("COMMIT" if error is None else "ROLLBACK")
        except FAILURES as failure:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            error = failure
        finally:
            self._lock.release()
        if isinstance(error, FAILURES):
            raise translated("the cache", error) from None

    def open(self) -> None:
        """Make the directory and its database, unless they are there."""
        if self._connection is None:
            with self:
                pass

    def vacuum(self, most: int) -> None:
        """Make the database as small as what is in it, if that is at most `most` bytes."""
        with self._lock, sqlite_errors("the cache"):
            connection = self._connection or self._connect()
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            if 0 < (pages - free) * size <= most and free > pages / 2:
                connection.execute("VACUUM")

    def after_fork(self) -> None:
        """Begin anew: a connection must not be used on both sides of a fork."""
        self._lock = threading.RLock()
        if self._connection is not None:
            self._inherited.append(self._connection)
            self._connection = None

    def close(self) -> None:
        with self._lock:
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
            from cachectl.backends.file.schema import create  # it imports diskcache

            create(self._directory, self._timeout)
        for statement in _PREPARATION:
            connection.execute(statement)
        self._connection = connection
        return connection
