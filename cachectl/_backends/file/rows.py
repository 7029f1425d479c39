"""Statements on the rows of one namespace, within one transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from sqlite3 import Connection, Cursor
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from cachectl._backends.file import bulk
from cachectl._backends.file.bulk import MANY, SIZE
from cachectl._backends.file.value_files import ValueFiles
from cachectl._backends.file.writer import Writer
from cachectl._model.batches import BATCH
from cachectl._model.entry import NEVER
from cachectl._model.policy import Limits
from cachectl._model.records import Item, Removed

if TYPE_CHECKING:  # few namespaces have an order
    from cachectl._backends.eviction.lrfu import Lrfu
    from cachectl._backends.file.eviction_index import SqlEvictionIndex

_HELD: Final = "SELECT entries, bytes, file_bytes FROM cachectl_totals WHERE namespace = ?"
_ORDERED: Final = "SELECT EXISTS(SELECT 1 FROM cachectl_states WHERE namespace = ?)"
_NEWEST: Final = (
    "SELECT CAST(round(access_time * 1e6) AS INTEGER) FROM Cache WHERE tag = ? AND raw = 1"
    " ORDER BY access_time DESC LIMIT 1"
)
_ROW: Final = (
    f"SELECT key, rowid, {SIZE}, filename, expire_time, access_count,"
    " EXISTS(SELECT 1 FROM cachectl_tags WHERE cachectl_tags.key = Cache.key) FROM Cache"
)
_OLDEST: Final = f"{_ROW} WHERE tag = ? AND raw = 1 ORDER BY access_time LIMIT ?"
_INSERT: Final = (
    "INSERT INTO Cache(key, raw, tag, access_time, expire_time, access_count, store_time, size,"
    " mode, filename, value) VALUES(?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_REPLACE: Final = (
    "UPDATE Cache SET expire_time = ?, store_time = ?, size = ?, mode = ?, filename = ?, value = ?"
    " WHERE rowid = ?"
)
_RESCHEDULE_EXPIRY: Final = "UPDATE Cache SET access_count = expire_time WHERE rowid = ?"
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
    due: float | None  # when its expiry is to be looked at
    tagged: bool

    def expired(self, now: float) -> bool:
        return self.expire_time is not None and self.expire_time <= now


class Rows:
    """The rows of one namespace, in a transaction for as long as this is entered.

    The value files of `unlinked` are removed after the commit.
    """

    _connection: Connection
    _execute: Callable[..., Cursor]

    def __init__(self, writer: Writer, files: ValueFiles, namespace: str) -> None:
        self._writer = writer
        self._files = files
        self._namespace = namespace
        self.unlinked: list[str | None] = []
        self._entries = self._size = self._file_size = 0  # changes that the totals lack

    def __enter__(self) -> Self:
        self._connection = self._writer.__enter__()
        self._execute = self._connection.execute
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._finish()
            except BaseException as failure:
                self._writer.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._writer.__exit__(kind, error, traceback)
        if error is None:
            self._files.remove_all(self.unlinked)

    @cached_property
    def _held(self) -> bulk.RowTotals:
        """What the totals say."""
        return bulk.RowTotals(*self._execute(_HELD, (self._namespace,)).fetchone() or ())

    @cached_property
    def ordered(self) -> bool:
        """Whether entries go by `order`, instead of the least recently used first."""
        return bool(self._execute(_ORDERED, (self._namespace,)).fetchone()[0])

    def newest(self) -> int:
        """Return the stamp of the last use of any entry, by whatever clock."""
        row = self._execute(_NEWEST, (self._namespace,)).fetchone()
        return int(row[0] or 0) if row else 0

    @cached_property
    def order(self) -> "Lrfu":
        return self._load_order()

    def follow(self, eviction: str) -> None:
        """Let entries go by this eviction, before anything is written."""
        self.ordered = eviction == "lrfu"
        if self.ordered:
            self.order = self._load_order()

    def _load_order(self) -> "Lrfu":
        from cachectl._backends.eviction.lrfu import Lrfu

        return Lrfu(self._index, self._index.load())

    @cached_property
    def _index(self) -> "SqlEvictionIndex":
        from cachectl._backends.file.eviction_index import SqlEvictionIndex

        return SqlEvictionIndex(self._connection, self._namespace)

    def forget_other_order(self) -> None:
        """Forget the order of an eviction that the namespace had before."""
        if not self.ordered and self._execute(_ORDERED, (self._namespace,)).fetchone()[0]:
            self._index.clear()

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
                    _expiry(item),
                    _expiry(item),
                    *_content(item, filename),
                )
                for item, stamp, filename in items
            ],
        )
        for item, _, filename in items:
            self._written(item, filename)

    def replace(self, item: Item, old: Row, stamp: int, filename: str | None) -> None:
        """Write an entry in place of `old`. It keeps the time of use, unless there is an order."""
        expiry = _expiry(item)
        self._execute(_REPLACE, (expiry, *_content(item, filename), old.rowid))
        if expiry is not None and (old.due is None or expiry < old.due):
            self._execute(_RESCHEDULE_EXPIRY, (old.rowid,))
        if self.ordered:
            self._execute(_TOUCH, (stamp / 1e6, old.key, stamp / 1e6))
        self._removed_row(old)
        if old.tagged:
            self._execute("DELETE FROM cachectl_tags WHERE key = ?", (old.key,))
        self._written(item, filename)

    @property
    def grown(self) -> bool:
        """Whether there is more than when the transaction began."""
        return self._entries > 0 or self._size > 0

    def exceeded(self, limits: Limits) -> bool:
        """Return whether the limits are exceeded now."""
        if limits.max_entries is None and limits.max_bytes is None:
            return False
        return limits.exceeded(self._held.entries + self._entries, self._held.bytes + self._size)

    def evict(self, limits: Limits) -> tuple[Removed, list[str]]:
        """Remove what the eviction chooses, at most `BATCH` rows, while limits are exceeded.

        Returns what that was, and its keys.
        """
        before = self._size
        victims: list[str] = []
        candidates = self._chosen() if self.ordered else self._oldest()
        while self.exceeded(limits) and (row := next(candidates, None)):
            self._remove(row)
            victims.append(self._key(row.key))
        return Removed(len(victims), before - self._size), victims

    def evict_all(self, limits: Limits) -> list[str]:
        """Do the same until the limits hold, and return the keys of all that is gone."""
        total: list[str] = []
        while victims := self.evict(limits)[1]:
            total += victims
        return total

    def rebalance(self, written: int) -> None:
        """Let the order catch up with so many writes."""
        if self.ordered:
            self.order.rebalance(written)

    def remove(self, condition: str, *parameters: object) -> Removed:
        """Remove the rows that meet a condition of `bulk`."""
        bulk.choose(self._connection, condition, (self._namespace, *parameters))
        return self._remove_chosen()

    def remove_idle(self, before: float, most: int) -> tuple[Removed, list[str]]:
        """Remove rows that were last used before then, at most so many; return their keys, too."""
        bulk.choose(self._connection, bulk.IDLE, (self._namespace, before, most))
        names = self._execute("SELECT key FROM Cache WHERE rowid IN (SELECT id FROM chosen)")
        keys = [self._key(name) for (name,) in names]
        return self._remove_chosen(), keys

    def remove_expired(self, now: float, most: int) -> tuple[Removed, bool]:
        """Look at `most` rows that are due, and remove those that expired. Return also whether
        more may be due: what was replaced is only filed anew, and may stand before them.
        """
        due = bulk.choose(self._connection, bulk.DUE, (self._namespace, now, most))
        bulk.reschedule_expiry(self._connection, now)
        return self._remove_chosen(), due == most

    def forget_order(self) -> None:
        """Forget also what was evicted, as nothing is held any more."""
        if self.ordered and self._held.entries + self._entries == 0:
            self._index.clear()
            vars(self).pop("order", None)

    def keep_only(self, survivors: str, *parameters: object) -> Removed:
        """Remove all but the survivors of `bulk`, if that is faster than to remove the others."""
        if self._held.entries < MANY or self.ordered:
            return Removed()
        names = (self._namespace, *parameters)
        return self._lost(bulk.keep_only(self._connection, survivors, names, self._held))

    def _finish(self) -> None:
        """Bring totals and state up to date, as the last thing before the commit."""
        changes = (self._entries, self._size, self._file_size)
        if any(changes):
            self._execute(_ADD_TOTALS, (self._namespace, *changes))
        if "order" in vars(self):
            self._index.save(self.order.state)

    def _oldest(self) -> Iterator[Row]:
        for row in self._execute(_OLDEST, (self._namespace, BATCH)):
            yield Row(*row)

    def _chosen(self) -> Iterator[Row]:
        select = f"{_ROW} WHERE raw = 1 AND key = ?"
        for _ in range(BATCH):
            name = self.order.evict()
            if name is None:  # somebody planted rows without ranks
                yield from self._oldest()
                return
            for row in self._execute(select, (name,)).fetchall():
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
        self._removed_row(row)

    def _remove_chosen(self) -> Removed:
        gone = bulk.remove_chosen(self._connection, ordered=self.ordered)
        if self.ordered:
            self.order.state.subtract(*gone.ranks)
        return self._lost(gone)

    def _lost(self, gone: bulk.RowTotals) -> Removed:
        self._entries -= gone.entries
        self._size -= gone.bytes
        self._file_size -= gone.file_bytes
        self.unlinked += gone.filenames
        return Removed(gone.entries, gone.bytes)

    def _removed_row(self, row: Row) -> None:
        self._count(-1, -row.size, row.filename)
        self.unlinked.append(row.filename)

    def _key(self, name: str) -> str:
        return name[len(self._namespace) + 1 :]

    def _count(self, entries: int, size: int, filename: str | None) -> None:
        self._entries += entries
        self._size += size
        self._file_size += size if filename else 0


def _content(item: Item, filename: str | None) -> tuple[object, ...]:
    mode, data = (_MODE_FILE, None) if filename else (_MODE_ROW, item.data)
    return item.entry.created_at, item.entry.size, mode, filename, data


def _expiry(item: Item) -> float | None:
    return None if item.entry.expires_at == NEVER else item.entry.expires_at


def row_key(namespace: str, key: str) -> str:
    """Return what stands in the key column; a namespace has no slash."""
    return f"{namespace}/{key}"
