"""What everything that uses SQLite shares: its errors in our words, and its write-ahead log."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from cachectl.errors import BackendBusy, BackendError, BackendRefused

_ATTEMPTS: Final = 20

FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What SQLite raises; the last one if its message quotes a damaged schema."""


@contextmanager
def sqlite_errors(what: str) -> Iterator[None]:
    """Translate the errors of SQLite and of the file system into ours."""
    try:
        yield
    except FAILURES as error:
        raise translated(what, error) from None


def translated(what: str, error: Exception) -> BackendError:
    """Return our error for one of SQLite or of the file system."""
    if isinstance(error, sqlite3.OperationalError):
        if "locked" in str(error):
            return BackendBusy(f"{what}: another process has it locked")
        return BackendRefused(f"{what}: {error}")
    return BackendError(f"{what}: {error}")


def use_wal(connection: sqlite3.Connection) -> None:
    """Turn the log on. SQLite does not wait for others who do the same; for a transaction it does."""
    for _ in range(_ATTEMPTS):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
            return
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
