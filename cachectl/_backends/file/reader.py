"""Reading a cache directory, without creating anything.

A reader's connection cannot write. It is the path of every hit: one statement.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from cachectl._backends.file.pool import MOST_IDLE, ReadConnections
from cachectl._backends.file.schema import NAMED, SIZE
from cachectl._backends.file.value_files import ValueFiles
from cachectl._backends.place import Place
from cachectl._backends.sqlite import FAILURES, Patience, translated
from cachectl._model.entry import Entry
from cachectl._model.envelope import unpack, unpack_apart
from cachectl.errors import BackendBusy, DamagedEntry

_WHAT: Final = "the cache"
_READ: Final = (
    "SELECT value, CAST(used_at AS INTEGER),"
    " filename || ' ' || CAST(size AS INTEGER) FROM entries"  # NULL without a file
    f" WHERE namespace_id = {NAMED} AND key = ?"
)
_READ_NEAR: Final = (
    "SELECT iif(length(value) <= ?, value, NULL), CAST(used_at AS INTEGER) FROM entries"
    f" WHERE namespace_id = {NAMED} AND key = ?"
)
_AT_ONCE: Final = Patience(0)
_TOTALS: Final = (
    "SELECT id, name, "
    + ", ".join(f"max(0, CAST({total} AS INTEGER))" for total in ("entries", "bytes", "file_bytes"))
    + " FROM namespaces"
)
_EXPIRED: Final = (
    "SELECT name, (SELECT count(*) FROM (SELECT expires_at FROM entries"
    " WHERE namespace_id = n.id AND due_at <= ? ORDER BY due_at LIMIT ?) WHERE expires_at <= ?)"
    " FROM namespaces AS n WHERE name IS NOT NULL"
)
_OLDEST: Final = (
    f"SELECT CAST(used_at AS INTEGER), {SIZE} FROM entries WHERE namespace_id = {NAMED}"
    " ORDER BY used_at LIMIT ?"
)
Found = tuple[Entry, int]
"""An entry, and the stamp of the last use that was written."""
FoundNear = tuple[bytes, int]
"""The same with the envelope."""
_FAR: Final[FoundNear] = (b"", 0)
_REPLACED: Final = 20  # how often in a row a value may be replaced while it is read


class Reader:
    """What can be read, by any number of threads."""

    def __init__(self, directory: Path, timeout: float, place: Place) -> None:
        self._directory = directory
        self._timeout = timeout
        self._files = ValueFiles(directory)
        self.connections = ReadConnections(directory, place)

    def read(self, namespace: str, key: str) -> Found | None:
        """Return an entry, and its last use that was written. Raises `DamagedEntry`."""
        rows = self.select(_READ, (namespace, key))
        if not rows:
            return None
        data, used_at, place = rows[0]
        if place is not None:
            entry = self._read_file(namespace, key, place)
            return None if entry is None else (entry, used_at)
        if type(data) is not bytes:
            raise DamagedEntry("the row holds no bytes")
        return unpack(namespace, key, data), used_at

    def read_near(self, namespace: str, key: str, limit: int) -> FoundNear | None:
        """Return what `read` does, but the envelope, if that can be had at once and is not longer than
        `limit`; or else no bytes.
        """
        try:
            rows = self.select(_READ_NEAR, (limit, namespace, key), patience=_AT_ONCE)
        except BackendBusy:
            return _FAR
        if not rows:
            return None
        return rows[0] if type(rows[0][0]) is bytes else _FAR

    def _read_file(self, namespace: str, key: str, place: str) -> Entry | None:
        """Return the entry in a value file of that name and size, or in what replaces it meanwhile."""
        for _ in range(_REPLACED):
            try:
                filename, _, size = place.rpartition(" ")
                return unpack_apart(namespace, key, *self._files.read(filename, int(size)))
            except FileNotFoundError:
                rows = self.select(_READ, (namespace, key))
            except OSError as error:
                raise translated(_WHAT, error, self._directory) from None
            if not rows or rows[0][2] is None:
                return unpack(namespace, key, rows[0][0]) if rows else None
            place = rows[0][2]
        if self.connections.look():  # it went with the database
            found = self.read(namespace, key)
            return None if found is None else found[0]
        raise DamagedEntry("the value file is gone")

    def head(self, value: object, filename: str | None, size: int, limit: int) -> bytes:
        """Return the first `limit` bytes of a value, of which those in the row are known; in a file it
        has `size` bytes. Raises `DamagedEntry`.
        """
        if filename is None:
            if type(value) is not bytes:
                raise DamagedEntry("the row holds no bytes")
            return value
        try:
            return self._files.read_head(filename, size, limit)
        except OSError:
            raise DamagedEntry("the value file cannot be read") from None

    def totals(self) -> Sequence[tuple[int, str | None, int, int, int]]:
        """Return id, name, entries, bytes, and those of them in files, of each namespace; one that was
        cleared has no name.
        """
        return self.select(_TOTALS, ())

    def oldest(self, namespace: str, most: int) -> Sequence[tuple[int, int]]:
        """Return last use and bytes of the entries that were used least recently, in that order."""
        return self.select(_OLDEST, (namespace, most))

    def expired_entries(self, now: int, most: int) -> dict[str, int]:
        """Return how many entries of each namespace have expired, among so many that were to."""
        return dict(self.select(_EXPIRED, (now, most, now)))

    def database_bytes(self) -> int:
        """Return the size of the databases and of their logs."""
        paths = self._directory.glob("*.db*")
        return sum(_size(path) for path in paths if path.suffix in (".db", ".db-wal"))

    def select(
        self,
        query: str,
        parameters: tuple[object, ...],
        read: Callable[[sqlite3.Cursor], Sequence[Any]] = sqlite3.Cursor.fetchall,
        patience: Patience | None = None,
    ) -> Sequence[Any]:
        """Return what is read of a query; nothing if there is no cache. It waits for other processes
        that prepare the database for reading.
        """
        while True:
            idle = self.connections.idle
            try:
                connection = idle.pop()
            except IndexError:
                patience = patience or Patience(self._timeout, self._directory)
                opened = self.connections.open(patience)
                if opened is None:
                    return ()
                connection = opened
            try:
                return read(connection.execute(query, parameters))
            except FAILURES as error:
                failure = error
            finally:
                if idle is self.connections.idle and len(idle) < MOST_IDLE:
                    idle.append(connection)
                else:
                    self.connections.retire(connection)
            if isinstance(failure, sqlite3.DataError):
                raise DamagedEntry("the row is longer than any of ours")
            if idle is self.connections.idle:  # or it was closed by a fork in the middle of this
                if self.connections.is_to_retry(connection, failure):
                    continue
                patience = patience or Patience(self._timeout, self._directory)
                patience.retry(_WHAT, failure)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
