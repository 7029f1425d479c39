"""Statements on the rows of one namespace, within one transaction.

In diskcache's table the `tag` column holds the namespace, `access_time` the time of last use
and `size` the stored bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from sqlite3 import Cursor
from typing import Final, NamedTuple

from cachectl.backends import Item, Removed
from cachectl.batches import BATCH
from cachectl.entry import NEVER
from cachectl.policy import Limits

SCHEMA: Final = """
CREATE INDEX IF NOT EXISTS cachectl_used ON Cache(tag, access_time);
CREATE INDEX IF NOT EXISTS cachectl_expiry ON Cache(tag, expire_time)
    WHERE expire_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS cachectl_files ON Cache(filename) WHERE filename IS NOT NULL;
CREATE TABLE IF NOT EXISTS cachectl_totals(
    namespace TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cachectl_tags(key TEXT, tag TEXT, PRIMARY KEY(key, tag)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cachectl_tagged ON cachectl_tags(tag, key);
"""
"""What is added to diskcache's schema."""

EXPIRED: Final = "tag = ? AND raw = 1 AND expire_time <= ? LIMIT ?"
IDLE: Final = "tag = ? AND raw = 1 AND access_time < ? ORDER BY access_time LIMIT ?"
ALL: Final = "tag = ? AND raw = 1 LIMIT ?"
IF_EXPIRED: Final = "tag = ? AND key = ? AND raw = 1 AND expire_time <= ?"
TAGGED: Final = (
    "tag = ? AND raw = 1 AND key IN"
    " (SELECT key FROM cachectl_tags WHERE tag = ? AND key >= ? AND key < ? LIMIT ?)"
)
"""Conditions for `Rows.remove`. The first parameter of each is the namespace."""

_SIZE: Final = "CAST(ifnull(size, 0) AS INTEGER)"  # whatever somebody planted
_FIND: Final = f"SELECT {_SIZE}, filename, expire_time FROM Cache WHERE key = ? AND raw = 1"
_TOUCH: Final = "UPDATE Cache SET access_time = ? WHERE key = ? AND raw = 1 AND access_time < ?"
_UPSERT: Final = (
    "INSERT INTO Cache(key, raw, store_time, expire_time, access_time, tag, size, mode, filename,"
    " value) VALUES(?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(key, raw) DO UPDATE SET store_time = excluded.store_time,"
    " expire_time = excluded.expire_time, access_time = excluded.access_time,"
    " size = excluded.size, mode = excluded.mode, filename = excluded.filename,"
    " value = excluded.value"
)
_NEWEST: Final = (
    "SELECT access_time FROM Cache WHERE tag = ? AND raw = 1 ORDER BY access_time DESC LIMIT 1"
)
_OLDEST: Final = (
    f"SELECT rowid, {_SIZE} FROM Cache WHERE tag = ? AND raw = 1 ORDER BY access_time LIMIT ?"
)
_ADD_TOTALS: Final = (
    "INSERT INTO cachectl_totals VALUES(?, ?, ?, ?) ON CONFLICT(namespace) DO UPDATE SET"
    " entries = entries + excluded.entries, bytes = bytes + excluded.bytes,"
    " file_bytes = file_bytes + excluded.file_bytes RETURNING entries, bytes"
)
_MODE_ROW, _MODE_FILE = 1, 2  # diskcache's MODE_RAW and MODE_BINARY

Execute = Callable[..., Cursor]
Unlink = Callable[[str | None], None]


class Row(NamedTuple):
    """What is overwritten or removed: enough to keep the totals right."""

    size: int
    filename: str | None
    expire_time: float | None

    def expired(self, now: float) -> bool:
        return self.expire_time is not None and self.expire_time <= now


class Rows:
    """The rows of one namespace. `unlink` takes value files to be removed after the commit."""

    def __init__(self, sql: Execute, unlink: Unlink, namespace: str) -> None:
        self._sql = sql
        self.unlink = unlink
        self._namespace = namespace
        self._entries = self._size = self._file_size = 0  # changes that the totals lack

    def touch(self, used: Iterable[tuple[str, float]]) -> None:
        """Note when keys were last used."""
        for key, used_at in used:
            self._sql(_TOUCH, (used_at, row_key(self._namespace, key), used_at))

    def newest(self) -> float:
        """Return when an entry was last used: by another clock, that may be in our future."""
        row = self._sql(_NEWEST, (self._namespace,)).fetchone()
        return row[0] if row else 0.0

    def find(self, key: str) -> Row | None:
        row = self._sql(_FIND, (row_key(self._namespace, key),)).fetchone()
        return Row(*row) if row else None

    def write(self, item: Item, used_at: float, filename: str | None, old: Row | None) -> None:
        """Write an entry in place of `old`; `filename` holds its value if that is large."""
        entry, name = item.entry, row_key(self._namespace, item.key)
        expires_at = None if entry.expires_at == NEVER else entry.expires_at
        mode, data = (_MODE_FILE, None) if filename else (_MODE_ROW, item.data)
        place = (name, entry.created_at, expires_at, used_at, self._namespace, entry.size)
        self._sql(_UPSERT, (*place, mode, filename, data))
        self._count(1, entry.size, filename)
        if old is not None:
            self._gone(old)
            self._sql("DELETE FROM cachectl_tags WHERE key = ?", (name,))
        for tag in entry.tags:
            self._sql("INSERT INTO cachectl_tags VALUES(?, ?)", (name, tag))

    def remove(self, condition: str, *parameters: object) -> Removed:
        """Remove the rows that meet `condition`."""
        select = f"SELECT rowid FROM Cache WHERE {condition}"
        found = self._sql(select, (self._namespace, *parameters)).fetchall()
        return self._remove([rowid for (rowid,) in found])

    def remove_keys(self, keys: Sequence[str]) -> Removed:
        marks = ", ".join("?" * len(keys))
        names = (row_key(self._namespace, key) for key in keys)
        return self.remove(f"tag = ? AND raw = 1 AND key IN ({marks})", *names)

    def evict(self, limits: Limits) -> Removed:
        """Remove the least recently used while the limits are exceeded."""
        total = Removed()
        while (removed := self.evict_some(limits)).entries:
            total = total.plus(removed)
        return total

    def evict_some(self, limits: Limits) -> Removed:
        """Do the same, but remove at most `BATCH` rows."""
        victims = []
        entries, size = self._settle() if limits != Limits() else (0, 0)
        if limits.exceeded(entries, size):
            for rowid, row_size in self._sql(_OLDEST, (self._namespace, BATCH)):
                victims.append(rowid)
                entries, size = entries - 1, size - row_size
                if not limits.exceeded(entries, size):
                    break
        return self._remove(victims)

    def finish(self) -> None:
        """Bring the totals up to date, as the last thing before the commit."""
        if self._entries or self._size or self._file_size:
            self._settle()

    def _settle(self) -> tuple[int, int]:
        """Bring the totals up to date, and return the entries and bytes that are held."""
        change = (self._namespace, self._entries, self._size, self._file_size)
        self._entries = self._size = self._file_size = 0
        entries, size = self._sql(_ADD_TOTALS, change).fetchone()
        return entries, size

    def _remove(self, rowids: Sequence[int]) -> Removed:
        if not rowids:
            return Removed()
        these = f"rowid IN ({', '.join('?' * len(rowids))})"
        if self._sql("SELECT EXISTS(SELECT 1 FROM cachectl_tags)").fetchone()[0]:
            keys = f"SELECT key FROM Cache WHERE {these}"
            self._sql(f"DELETE FROM cachectl_tags WHERE key IN ({keys})", rowids)
        delete = f"DELETE FROM Cache WHERE {these} RETURNING {_SIZE}, filename, expire_time"
        rows = [Row(*row) for row in self._sql(delete, rowids).fetchall()]
        for row in rows:
            self._gone(row)
        return Removed(len(rows), sum(row.size for row in rows))

    def _gone(self, row: Row) -> None:
        self._count(-1, -row.size, row.filename)
        self.unlink(row.filename)

    def _count(self, entries: int, size: int, filename: str | None) -> None:
        self._entries += entries
        self._size += size
        self._file_size += size if filename else 0


def row_key(namespace: str, key: str) -> str:
    """Return what stands in the key column; a namespace has no slash."""
    return f"{namespace}/{key}"
