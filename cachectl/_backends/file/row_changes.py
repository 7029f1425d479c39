"""The rows of one namespace: writing, touching and removing them, with totals and tags."""

from collections.abc import Iterable, Sequence
from typing import Final

from cachectl._backends.eviction.access_log import SPACING
from cachectl._backends.file.rows import Row, marks, microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._model.entry import NEVER
from cachectl._model.records import Item, Removed

_INSERT: Final = (
    "INSERT INTO entries(namespace_id, key, used_at, expires_at, due_at, size, filename, value)"
    " VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
)
_REPLACE: Final = (
    "UPDATE entries SET expires_at = ?, size = ?, filename = ?, value = ? WHERE id = ?"
)
_RESCHEDULE: Final = "UPDATE entries SET due_at = expires_at WHERE id = ?"
_TOUCH: Final = "UPDATE entries SET used_at = ? WHERE namespace_id = ? AND key = ? AND used_at < ?"
_TAG: Final = (
    "INSERT INTO tags SELECT namespace_id, ?, id FROM entries WHERE namespace_id = ? AND key = ?"
)

_NOTHING: Final = Removed()


def insert(transaction: Transaction, new: Sequence[tuple[Item, int, str | None]]) -> None:
    """Write entries that are not there, each with the stamp of its last use, and with the file
    that holds its value if that is large.
    """
    id_ = transaction.create()
    rows = []
    total = in_files = 0
    for item, stamp, filename in new:
        expiry, size = _expiry(item), item.entry.size
        data = None if filename else item.head + item.rest
        rows.append((id_, item.key, stamp, expiry, expiry, size, filename, data))
        total += size
        in_files += size if filename else 0
    transaction.cursor.executemany(_INSERT, rows)
    transaction.add(len(rows), total, in_files)
    for item, _, _ in new:
        _written(transaction, item)


def replace(
    transaction: Transaction, item: Item, old: Row, stamp: int, filename: str | None
) -> None:
    """Write an entry in place of `old`. It keeps the time of use, unless lrfu decides and that is long ago."""
    execute, expiry, size = transaction.execute, _expiry(item), item.entry.size
    data = None if filename else item.head + item.rest
    execute(_REPLACE, (expiry, size, filename, data, old.id))
    if expiry is not None and (old.due_at is None or expiry < old.due_at):
        execute(_RESCHEDULE, (old.id,))
    if transaction.lrfu is not None and stamp - old.used_at >= SPACING:
        execute(_TOUCH, (stamp, transaction.id, item.key, stamp))
    if old.tagged:
        execute("DELETE FROM tags WHERE entry_id = ?", (old.id,))
    files = (size if filename else 0) - (old.size if old.filename else 0)
    transaction.add(0, size - old.size, files)
    transaction.unlink(old.filename)
    _written(transaction, item)


def reschedule(transaction: Transaction, rows: Iterable[Row]) -> None:
    """Let rows be due when they expire: they were replaced since their time was set."""
    transaction.cursor.executemany(_RESCHEDULE, [(row.id,) for row in rows])


def touch(transaction: Transaction, used: Iterable[tuple[str, int]]) -> None:
    """Write when keys of a known namespace were last used, by their stamps."""
    times = [(stamp, transaction.id, key, stamp) for key, stamp in used]
    transaction.cursor.executemany(_TOUCH, times)


def remove(transaction: Transaction, rows: Sequence[Row]) -> Removed:
    """Remove rows that were read in this transaction, but not their ranks."""
    if not rows:
        return _NOTHING
    size = file_size = 0
    for row in rows:
        size += row.size
        if row.filename:
            file_size += row.size
            transaction.unlinked.append(row.filename)
    tagged = [row.id for row in rows if row.tagged]
    if tagged:
        transaction.execute(f"DELETE FROM tags WHERE entry_id IN ({marks(tagged)})", tagged)
    ids = [row.id for row in rows]
    transaction.execute(f"DELETE FROM entries WHERE id IN ({marks(ids)})", ids)
    transaction.add(-len(rows), -size, -file_size)
    return Removed(len(rows), size)


def _written(transaction: Transaction, item: Item) -> None:
    for tag in item.entry.tags:
        transaction.execute(_TAG, (tag, transaction.id, item.key))
    if transaction.lrfu is not None:
        transaction.lrfu.written(item.key)


def _expiry(item: Item) -> int | None:
    expires_at = item.entry.expires_at
    return None if expires_at == NEVER else microseconds(expires_at)
