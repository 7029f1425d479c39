"""Reading a cache directory, without creating anything.

A reader's connection cannot write. It is the path of every hit: one statement.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from cachectl._backends.directory import require_ours
from cachectl._backends.file.schema import NAMED, is_made
from cachectl._backends.file.value_files import ValueFiles
from cachectl._backends.sqlite import FAILURES, sqlite_errors, translated
from cachectl._model.batches import BATCH
from cachectl._model.records import Usage
from cachectl.errors import DamagedEntry

_READ: Final = f"SELECT value, filename FROM entries WHERE namespace_id = {NAMED} AND key = ?"
_COLUMNS: Final = "e.id, e.key, e.used_at, e.size, substr(e.value, 1, ?), e.filename"
_LIST: Final = (
    f"SELECT {_COLUMNS} FROM entries AS e WHERE namespace_id = {NAMED} AND typeof(key) = 'text'"
    " AND (used_at, id) > (?, ?) ORDER BY used_at, id LIMIT ?"
)
_LIST_TAGGED: Final = (
    f"SELECT {_COLUMNS} FROM tags AS t CROSS JOIN entries AS e ON e.id = t.entry_id"
    f" WHERE t.namespace_id = {NAMED} AND tag = ? AND entry_id > ? AND typeof(key) = 'text'"
    " ORDER BY entry_id LIMIT ?"
)
_USAGE: Final = "SELECT name, entries, bytes, file_bytes FROM namespaces WHERE name IS NOT NULL"
_FIRST: Final = -(2**63)
_REPLACED: Final = 20  # how often in a row a value may be replaced while it is read
_ROW_OVERHEAD: Final = 180
"""Bytes of a row beside its value: columns, and its places in three indexes. It only weighs how
the size of the database is divided among namespaces."""


class DiskRow(NamedTuple):
    """A row in a listing; `head` is the beginning of a value that is not in a file."""

    id: int
    key: str
    used_at: int
    size: int
    head: bytes | None
    filename: str | None


class _Opened:
    """The connection of one thread, if it has one now; its lock is held while it is used."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.lock = threading.RLock()
        self.connection: sqlite3.Connection | None = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Reader:
    """Connections that read, one for each thread."""

    def __init__(self, directory: Path, timeout: float) -> None:
        self._directory = directory
        self._path = directory / "cache.db"
        self._timeout = timeout
        self._files = ValueFiles(directory)
        self.after_fork_in_child()

    def read(self, namespace: str, key: str) -> bytes | None:
        """Return the envelope of an entry. Raises `DamagedEntry`."""
        opened = getattr(self._local, "opened", None) or self._begin()
        try:
            with opened.lock:
                connection = opened.connection or self._connect(opened)
                if connection is None:
                    return None
                row = connection.execute(_READ, (namespace, key)).fetchone()
                if row is None:
                    return None
                data, filename = row
                if filename is not None:
                    return self._read_file(connection, namespace, key, filename)
        except FAILURES as error:
            raise translated("the cache", error) from None
        if type(data) is not bytes:
            raise DamagedEntry("the row holds no bytes")
        return data

    def _read_file(
        self, connection: sqlite3.Connection, namespace: str, key: str, filename: str
    ) -> bytes | None:
        """Return the content of a value file, or of the one that replaces it meanwhile."""
        for _ in range(_REPLACED):
            with suppress(FileNotFoundError):
                return self._files.read(filename)
            row = connection.execute(_READ, (namespace, key)).fetchone()
            if row is None or row[1] is None:
                found: bytes | None = row and row[0]
                return found
            filename = row[1]
        raise DamagedEntry("the value file is gone")

    def rows(self, namespace: str, limit: int) -> Iterator[DiskRow]:
        """Yield rows with the first `limit` bytes of their values, least recently used first."""
        after = (_FIRST, 0)
        while rows := self._page(_LIST, (limit, namespace, *after, BATCH)):
            yield from (DiskRow(*row) for row in rows)
            after = (rows[-1][2], rows[-1][0])

    def tagged_rows(self, namespace: str, tag: str, limit: int) -> Iterator[DiskRow]:
        """Yield the rows that carry `tag`, first made first."""
        after = 0
        while rows := self._page(_LIST_TAGGED, (limit, namespace, tag, after, BATCH)):
            yield from (DiskRow(*row) for row in rows)
            after = rows[-1][0]

    def head(self, row: DiskRow, limit: int) -> bytes:
        """Return the first `limit` bytes of the value of a listed row. Raises `DamagedEntry`."""
        if row.filename is None:
            if type(row.head) is not bytes:
                raise DamagedEntry("the row holds no bytes")
            return row.head
        try:
            return self._files.read(row.filename, limit)
        except OSError:
            raise DamagedEntry("the value file cannot be read") from None

    def usage(self) -> dict[str, Usage]:
        """Return what each namespace holds; the bytes on disk are divided by weight."""
        rows = self._page(_USAGE, ())
        weights = {
            name: size - in_files + entries * _ROW_OVERHEAD
            for name, entries, size, in_files in rows
        }
        shared = sum(
            _size(path) for path in self._directory.glob("*.db*") if path.suffix != ".db-shm"
        )
        total = sum(weights.values()) or 1
        return {
            name: Usage(entries, size, in_files + shared * weights[name] // total)
            for name, entries, size, in_files in rows
        }

    def before_fork(self) -> None:
        """Close what two processes must not share; nobody reads until one of these is called."""
        self._lock.acquire()
        for opened in self._open:
            opened.lock.acquire()
            opened.close()

    def after_fork_in_parent(self) -> None:
        for opened in self._open:
            opened.lock.release()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()
        self._open: list[_Opened] = []

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for opened in self._open:
                with opened.lock:
                    opened.close()

    def exists(self) -> bool:
        """Return whether there is a cache; nothing needs to be removed from one that is not.

        Raises `BackendRefused` for a place that is not ours.
        """
        return require_ours(self._directory) and self._path.exists()

    def _page(self, query: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        opened = getattr(self._local, "opened", None) or self._begin()
        with opened.lock, sqlite_errors("the cache"):
            connection = opened.connection or self._connect(opened)
            return connection.execute(query, parameters).fetchall() if connection else []

    def _begin(self) -> _Opened:
        """Make room for the calling thread, and close what ended threads left open."""
        with self._lock:
            for opened in self._open:
                if not opened.thread.is_alive():
                    opened.close()
            self._open = [opened for opened in self._open if opened.thread.is_alive()]
            mine: _Opened = _Opened()
            self._open.append(mine)
            self._local.opened = mine
        return mine

    def _connect(self, opened: _Opened) -> sqlite3.Connection | None:
        if not self.exists():
            return None
        try:
            connection = self._attempt("rw")
        except sqlite3.OperationalError:
            connection = self._attempt("ro")  # a medium that cannot be written
        if not is_made(connection, self._directory):  # another process may be about to make it
            connection.close()
            return None
        opened.connection = connection
        return connection

    def _attempt(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        return connection


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
