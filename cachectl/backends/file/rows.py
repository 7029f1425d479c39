"""Statements on the rows of one namespace, within one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final, NamedTuple

from cachectl.backends import Item, Removed
from cachectl.backends.file import bulk
from cachectl.backends.file.bulk import BULK, SIZE
from cachectl.batches import BATCH
from cachectl.entry import NEVER
from cachectl.policy import Limits

if TYPE_CHECKING:  # few namespaces have an order
    from cachectl.backends.file.places import RowPlaces
    from cachectl.lrfu import Lrfu

_STATE: Final = (
    "SELECT entries, bytes, file_bytes,"
    " EXISTS(SELECT 1 FROM cachectl_states WHERE namespace = cachectl_totals.namespace),"
    " (SELECT CAST(round(access_time * 1e6) AS INTEGER) FROM Cache WHERE tag = namespace"
    " AND raw = 1 ORDER BY access_time DESC LIMIT 1),"
    " (SELECT CAST(expire_time AS REAL) FROM Cache WHERE tag = namespace AND raw = 1"
    " AND expire_time IS NOT NULL ORDER BY expire_time LIMIT 1)"
    " FROM cachectl_totals WHERE namespace = ?"
)
_ROW: Final = (
    f"SELECT key, rowid, {SIZE}, filename, expire_time,"
    " EXISTS(SELECT 1 FROM cachectl_tags WHERE cachectl_tags.key = Cache.key) FROM Cache"
)
_OLDEST: Final = f"{_ROW} WHERE tag = ? AND raw = 1 ORDER BY access_time LIMIT ?"
_INSERT: Final = (
    "INSERT INTO Cache(key, raw, tag, access_time, store_time, expire_time, size, mode, filename,"
    " value) VALUES(?, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_REPLACE: Final = (
    "UPDATE Cache SET store_time = ?, expire_time = ?, size = ?, mode = ?, filename = ?, value = ?"
    " WHERE rowid = ?"
)
_TOUCH: Final = "UPDATE Cache SET access_time = ? WHERE key = ? AND raw = 1 AND access_time < ?"
_ADD_TOTALS: Final = (
    "INSERT INTO cachectl_totals VALUES(?, ?, ?, ?) ON CONFLICT(namespace) DO UPDATE SET"
    " entries = entries + excluded.entries, bytes = bytes + excluded.bytes,"
    " file_bytes = file_bytes + excluded.file_bytes"
)
_MODE_ROW, _MODE_FILE = 1, 2  # diskcache's MODE_RAW and MODE_BINARY


class Row(NamedTuple):
    """A row that is overwritten or removed: enough to keep the totals right."""

    key: str
    rowid: int
    size: int
    filename: str | None
    expire_time: float | None
    tagged: bool

    def expired(self, now: float) -> bool:
        return self.expire_time is not None and self.expire_time <= now


class Rows:
    """The rows of one namespace. Value files of `unlinked` are to be removed after the commit.

    `newest` is the stamp of the last use, by whatever clock, and `soonest` the first expiry in
    Unix seconds, both as they were when the transaction began. `ordered` is whether entries go
    by `order`, instead of the least recently used first.
    """

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._namespace = namespace
        self.unlinked: list[str | None] = []
        found = self._execute(_STATE, (namespace,)).fetchone()
        *held, ordered, newest, soonest = found or (0, 0, 0, False, None, None)
        self._held = bulk.Gone(*held)
        self.ordered = bool(ordered)
        self.newest = int(newest or 0)
        self.soonest: float = NEVER if soonest is None else soonest
        self._entries = self._size = self._file_size = 0  # changes that the totals lack

    @cached_property
    def order(self) -> "Lrfu":
        from cachectl.lrfu import Lrfu

        return Lrfu(self._places, self._places.load())

    @cached_property
    def _places(self) -> "RowPlaces":
        from cachectl.backends.file.places import RowPlaces

        return RowPlaces(self._connection, self._namespace)

    def follow(self, eviction: str) -> None:
        """Let entries go by this eviction from now on."""
        if self.ordered and eviction == "lru":
            self._places.clear()
        self.ordered = eviction == "lrfu"

    def touch(self, used: Iterable[tuple[str, int]]) -> None:
        """Note when keys were last used, by their stamps."""
        for key, stamp in used:
            name, used_at = row_key(self._namespace, key), stamp / 1e6
            self._execute(_TOUCH, (used_at, name, used_at))
            if self.ordered:
                self.order.used(name)

    def find(self, items: Sequence[Item]) -> list[Row | None]:
        """Return for each item the row that is there under its key."""
        names = [row_key(self._namespace, item.key) for item in items]
        select = f"{_ROW} WHERE raw = 1 AND key IN ({', '.join('?' * len(names))})"
        found = {row[0]: Row(*row) for row in self._execute(select, names)}
        return [found.get(name) for name in names]

    def insert(self, items: Sequence[tuple[Item, int, str | None]]) -> None:
        """Write entries that are not there, with the stamps of their use and the files that
        hold their values if these are large.
        """
        self._connection.executemany(
            _INSERT,
            [
                (
                    row_key(self._namespace, item.key),
                    self._namespace,
                    stamp / 1e6,
                    *_content(item, filename),
                )
                for item, stamp, filename in items
            ],
        )
        for item, _, filename in items:
            self._written(item, filename)

    def replace(self, item: Item, old: Row, stamp: int, filename: str | None) -> None:
        """Write an entry in place of `old`. It keeps the time of use, unless there is an order."""
        self._execute(_REPLACE, (*_content(item, filename), old.rowid))
        if self.ordered:
            self._execute(_TOUCH, (stamp / 1e6, old.key, stamp / 1e6))
        self._gone(old)
        if old.tagged:
            self._execute("DELETE FROM cachectl_tags WHERE key = ?", (old.key,))
        self._written(item, filename)

    def exceeded(self, limits: Limits) -> bool:
        """Return whether the limits are exceeded now."""
        return limits.exceeded(self._held.entries + self._entries, self._held.bytes + self._size)

    def evict(self, limits: Limits) -> Removed:
        """Remove what the eviction chooses, at most `BATCH` rows, while limits are exceeded."""
        before = self._size
        victims = 0
        candidates = self._chosen() if self.ordered else self._oldest()
        while self.exceeded(limits) and (row := next(candidates, None)):
            self._remove(row)
            victims += 1
        return Removed(victims, before - self._size)

    def evict_all(self, limits: Limits) -> int:
        """Do the same until the limits hold, and return how many rows are gone."""
        total = 0
        while (removed := self.evict(limits)).entries:
            total += removed.entries
        return total

    def settle(self, written: int) -> None:
        """Let the order catch up with so many writes."""
        if self.ordered:
            self.order.settle(written)

    def remove(self, condition: str, *parameters: object) -> Removed:
        """Remove the rows that meet a condition of `bulk`."""
        names = (self._namespace, *parameters)
        gone = bulk.remove(self._connection, condition, names, ordered=self.ordered)
        if self.ordered:
            self.order.state.lose(*gone.places)
        return self._lost(gone)

    def keep_only(self, survivors: str, *parameters: object) -> Removed:
        """Remove all but the survivors of `bulk`, if that is faster than to remove the others."""
        if self._held.entries <= 2 * BULK or self.ordered:
            return Removed()
        names = (self._namespace, *parameters)
        return self._lost(bulk.keep_only(self._connection, survivors, names, self._held))

    def finish(self) -> None:
        """Bring totals and state up to date, as the last thing before the commit."""
        changes = (self._entries, self._size, self._file_size)
        if any(changes):
            self._execute(_ADD_TOTALS, (self._namespace, *changes))
        if self.ordered and "order" in vars(self):
            self._places.save(self.order.state)

    def _oldest(self) -> Iterator[Row]:
        for row in self._execute(_OLDEST, (self._namespace, BATCH)):
            yield Row(*row)

    def _chosen(self) -> Iterator[Row]:
        select = f"{_ROW} WHERE raw = 1 AND key = ?"
        for _ in range(BATCH):
            for row in self._execute(select, (self.order.evict(),)).fetchall():
                yield Row(*row)

    def _written(self, item: Item, filename: str | None) -> None:
        name = row_key(self._namespace, item.key)
        for tag in item.entry.tags:
            self._execute("INSERT INTO cachectl_tags VALUES(?, ?)", (name, tag))
        if self.ordered:
            self.order.written(name)
        self._count(1, item.entry.size, filename)

    def _remove(self, row: Row) -> None:
        if row.tagged:
            self._execute("DELETE FROM cachectl_tags WHERE key = ?", (row.key,))
        self._execute("DELETE FROM Cache WHERE rowid = ?", (row.rowid,))
        self._gone(row)

    def _lost(self, gone: bulk.Gone) -> Removed:
        self._entries -= gone.entries
        self._size -= gone.bytes
        self._file_size -= gone.file_bytes
        self.unlinked += gone.filenames
        return Removed(gone.entries, gone.bytes)

    def _gone(self, row: Row) -> None:
        self._count(-1, -row.size, row.filename)
        self.unlinked.append(row.filename)

    def _count(self, entries: int, size: int, filename: str | None) -> None:
        self._entries += entries
        self._size += size
        self._file_size += size if filename else 0


def _content(item: Item, filename: str | None) -> tuple[object, ...]:
    entry = item.entry
    expires_at = None if entry.expires_at == NEVER else entry.expires_at
    mode, data = (_MODE_FILE, None) if filename else (_MODE_ROW, item.data)
    return entry.created_at, expires_at, entry.size, mode, filename, data


def row_key(namespace: str, key: str) -> str:
    """Return what stands in the key column; a namespace has no slash."""
    return f"{namespace}/{key}"
