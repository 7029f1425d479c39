"""Removing nearly all entries of the database at once, by keeping the few that stay.

Tables are set aside, and the few are written to new ones: much faster than removing each of the others
(`make bench ROW=cleanup-million`), and nobody waits for that.
"""

from collections.abc import Iterable
from typing import Final

from cachectl._backends.file.aside import set_aside
from cachectl._backends.file.rows import marks
from cachectl._backends.file.transaction import Transaction
from cachectl._model.records import Removed

MANY: Final = 25_000
"""Entries of a namespace from which removing nearly all of them is tried in this way."""
QUICK: Final = 75_000
"""Entries of a namespace that are looked through while others wait."""
_MOST_KEPT: Final = 2_000  # rows
_MOST_KEPT_BYTES: Final = 8 * 1024 * 1024

_OTHERS: Final = (
    "SELECT id FROM entries WHERE namespace_id < :id"
    " UNION ALL SELECT id FROM entries WHERE namespace_id > :id"
)
_NOT_DUE: Final = "SELECT id FROM entries WHERE namespace_id = :id AND due_at > :now"
_REPLACED: Final = (
    "SELECT id FROM entries WHERE namespace_id = :id AND due_at <= :now"
    " AND (expires_at IS NULL OR expires_at > :now)"
)
_LASTING: Final = "SELECT id FROM entries WHERE namespace_id = :id AND due_at IS NULL"
_EXPIRING: Final = "SELECT count(*) FROM entries WHERE namespace_id = ? AND due_at IS NOT NULL"


def remove_all(transaction: Transaction) -> Removed:
    """Remove all entries of a known namespace, or nothing if others hold many."""
    if not _may_pay(transaction):
        return Removed()
    return _keep(transaction, _ids(transaction, [_OTHERS]))


def remove_everything(transaction: Transaction) -> None:
    """Remove the entries of all namespaces, whatever totals say."""
    files = "SELECT filename FROM entries WHERE filename IS NOT NULL"
    transaction.unlinked += (name for (name,) in transaction.execute(files))
    for table in ("entries", "tags", "lrfu_ranks"):
        transaction.execute(f"DELETE FROM {table}")


def remove_expired(transaction: Transaction, now: int, most: float) -> Removed:
    """Remove all entries of a known namespace that have expired; or nothing if many are left, or if it
    has more entries than `most`, all of which are looked at.
    """
    if not _may_pay(transaction) or transaction.entries > most:
        return Removed()
    kept = _ids(transaction, [_OTHERS, _NOT_DUE, _REPLACED], now)
    if kept is not None and _has_lasting(transaction):
        kept = _ids(transaction, [_OTHERS, _NOT_DUE, _REPLACED, _LASTING], now)
    return _keep(transaction, kept)


def _may_pay(transaction: Transaction) -> bool:
    return transaction.entries >= MANY and not transaction.by_lrfu


def _has_lasting(transaction: Transaction) -> bool:
    """Whether there are entries without an expiry: to find out one by one would take long."""
    expiring: int = transaction.execute(_EXPIRING, (transaction.id,)).fetchone()[0]
    return expiring < transaction.entries


def _ids(transaction: Transaction, selects: Iterable[str], now: int = 0) -> list[int] | None:
    """Return the rows to be kept; None if they are many, which is found out before reading them."""
    found: list[int] = []
    given = {"id": transaction.id, "now": now}
    for select in selects:
        limited = f"{select} LIMIT {_MOST_KEPT + 1 - len(found)}"
        count = f"SELECT count(*) FROM ({limited})"
        if len(found) + transaction.execute(count, given).fetchone()[0] > _MOST_KEPT:
            return None
        found += (id_ for (id_,) in transaction.execute(limited, given))
    return found


def _keep(transaction: Transaction, ids: list[int] | None) -> Removed:
    """Remove all rows but these, unless they are large."""
    if ids is None:
        return Removed()
    execute, these = transaction.execute, f"IN ({marks(ids)})"
    size = f"SELECT ifnull(sum(length(value)), 0) FROM entries WHERE id {these}"
    if execute(size, ids).fetchone()[0] > _MOST_KEPT_BYTES:
        return Removed()
    files = f"SELECT filename FROM entries WHERE filename IS NOT NULL AND id NOT {these}"
    transaction.unlinked += (name for (name,) in execute(files, ids))
    for table, column in (("entries", "id"), ("tags", "entry_id")):
        kept = execute(f"SELECT * FROM {table} WHERE {column} {these}", ids).fetchall()
        set_aside(transaction, table)
        if kept:
            insert = f"INSERT INTO {table} VALUES({marks(kept[0])})"
            transaction.cursor.executemany(insert, kept)
    return _account(transaction)


def _account(transaction: Transaction) -> Removed:
    """Count what is left of the namespace, and return what is gone."""
    entries, size = transaction.entries, transaction.bytes
    transaction.recount()
    return Removed(entries - transaction.entries, size - transaction.bytes)
