"""Clearing a namespace: what it holds is gone at once, and removed in steps if it is much."""

from typing import Final

from cachectl._backends.file import aside, leases, rebuild, row_changes, rows
from cachectl._backends.file.transaction import Transaction
from cachectl._model.batches import BATCH
from cachectl._model.records import Removed

_TOTALS: Final = "SELECT entries, bytes, file_bytes FROM namespaces WHERE id = ?"
_RENUMBER: Final = (
    "UPDATE namespaces SET id = (SELECT max(id) + 1 FROM namespaces), entries = 0, bytes = 0,"
    " file_bytes = 0 WHERE id = ?"
)
_LEAVE: Final = "INSERT INTO namespaces(id, entries, bytes, file_bytes) VALUES(?, ?, ?, ?)"
_OTHERS: Final = (
    "SELECT EXISTS(SELECT 1 FROM entries WHERE namespace_id < ?)"
    " OR EXISTS(SELECT 1 FROM entries WHERE namespace_id > ?)"
)
_DROP_RANKS: Final = (
    "DELETE FROM lrfu_ranks WHERE namespace_id = ? AND key IN"
    " (SELECT key FROM lrfu_ranks WHERE namespace_id = ? LIMIT ?)"
)


def clear(transaction: Transaction, most: int = BATCH) -> Removed:
    """Remove all entries of a known namespace; if they are more than that, they are only detached."""
    leases.revoke_all(transaction)
    if transaction.entries <= most and not transaction.by_lrfu:
        return row_changes.remove(transaction, list(rows.select(transaction, rows.OLDEST, most)))
    removed = rebuild.remove_all(transaction) if most == BATCH else Removed()
    return removed if removed.entries else _detach(transaction)


def remove_some(transaction: Transaction, most: int, set_aside: int) -> bool:
    """Remove some of what namespaces held that were cleared; return False if nothing is left. Few are
    removed where there is no room; but all at once, which takes the least, if nobody else has any.
    Of a table that was `set_aside` that many rows are removed.
    """
    if aside.free_some(transaction, None if most < BATCH else set_aside):
        return True
    if not transaction.load():
        return False
    if (
        most < BATCH
        and not transaction.execute(_OTHERS, (transaction.id, transaction.id)).fetchone()[0]
    ):
        rebuild.remove_everything(transaction)
        transaction.execute("DELETE FROM namespaces WHERE id = ?", (transaction.id,))
        return True
    found = list(rows.select(transaction, rows.OLDEST, most))
    row_changes.remove(transaction, found)
    ranks = transaction.execute(_DROP_RANKS, (transaction.id, transaction.id, most)).rowcount
    if max(len(found), ranks) < most:
        transaction.execute("DELETE FROM namespaces WHERE id = ?", (transaction.id,))
    return True


def forget(transaction: Transaction) -> None:
    """Take its name from an empty namespace; what evictions remember of it is removed in steps."""
    transaction.execute("UPDATE namespaces SET name = NULL WHERE id = ?", (transaction.id,))
    transaction.execute("DELETE FROM lrfu_states WHERE namespace_id = ?", (transaction.id,))


def _detach(transaction: Transaction) -> Removed:
    """Give the namespace another id: its entries stay behind under one that has no name."""
    execute, id_ = transaction.execute, transaction.id
    entries, size, file_bytes = execute(_TOTALS, (id_,)).fetchone()
    execute(_RENUMBER, (id_,))
    execute(_LEAVE, (id_, entries, size, file_bytes))
    execute("DELETE FROM lrfu_states WHERE namespace_id = ?", (id_,))
    return Removed(entries, size)
