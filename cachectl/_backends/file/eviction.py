"""What goes first in a namespace, and keeping its ranks right where it evicts by lrfu."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from cachectl._backends.file import row_changes, rows
from cachectl._backends.file.rows import Row
from cachectl._backends.file.transaction import Transaction
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import Removed

if TYPE_CHECKING:  # few namespaces evict by lrfu
    from cachectl._backends.eviction.lrfu import Lrfu

Take = Callable[[Sequence[Row]], list[tuple[str, int]]]
"""Returns when rows that go next were used, of those whose use is not written yet, as that is about to be
done."""
FEW: Final = 5_000
"""Entries of which each use is recorded by lrfu before what is written next: of more, those of what it looks
at, and roughly the others."""
_SOME: Final = 8
"""Rows of those that were used least recently that are looked at for one that goes."""


def use(transaction: Transaction, eviction: str) -> None:
    """Evict from a namespace by this policy from now on."""
    if eviction == "lrfu":
        _load(transaction)
    elif transaction.by_lrfu:
        forget(transaction)


def forget(transaction: Transaction) -> None:
    """Drop all ranks of a namespace."""
    transaction.eviction_index().clear()
    transaction.by_lrfu, transaction.lrfu = False, None


def touch(transaction: Transaction, used: Sequence[tuple[str, int]]) -> None:
    """Write when keys of a known namespace were last used, by their stamps."""
    row_changes.touch(transaction, used)
    if transaction.by_lrfu:
        lrfu = _load(transaction)
        roughly = transaction.entries > FEW
        for key, _ in used:
            lrfu.used(key, roughly=roughly)


def remove(transaction: Transaction, found: Sequence[Row]) -> Removed:
    """Remove rows that were read in this transaction."""
    if transaction.by_lrfu and found:
        ranks = transaction.eviction_index().drop_held([row.key for row in found])
        _load(transaction).state.subtract(*ranks)
    return row_changes.remove(transaction, found)


def evict(
    transaction: Transaction, limits: Limits, most: int = BATCH, take: Take | None = None
) -> tuple[Removed, list[str]]:
    """Remove what the policy chooses, at most so many rows, while limits are exceeded. Uses that are not
    written yet are taken of keys that would be chosen.

    Returns what that was, and its keys.
    """
    if not transaction.exceeds(limits):
        return Removed(), []
    victims: list[Row] = []
    entries, size = transaction.entries, transaction.bytes
    if transaction.by_lrfu:
        rows_ = _chosen(transaction)
    elif take is not None:
        rows_ = iter(_unused(transaction, take, _expected(transaction, limits)))
    else:
        rows_ = _oldest(transaction)
    candidates = islice(rows_, most)
    while limits.exceeded(entries, size) and (row := next(candidates, None)):
        victims.append(row)
        entries, size = entries - 1, size - row.size
    return row_changes.remove(transaction, victims), [
        row.key for row in victims
    ]  # ranks have moved


def evict_after(
    transaction: Transaction, limits: Limits, stored: int, take: Take | None = None
) -> list[str]:
    """Do the same for so many entries that were written, and return the keys of what is gone: as many,
    and `BATCH` more in one transaction. So where a limit was lowered, a write waits for a part of
    what is too much, and each brings it nearer to the limit.
    """
    total: list[str] = []
    left = stored + transaction.spare
    while left > 0 and (victims := evict(transaction, limits, min(left, BATCH), take)[1]):
        total += victims
        left -= len(victims)
    transaction.spare = min(left, transaction.spare)
    return total


def _oldest(transaction: Transaction) -> Iterator[Row]:
    return rows.select(transaction, rows.OLDEST, BATCH)


def _unused(transaction: Transaction, take: Take, most: int) -> list[Row]:
    """Return the oldest rows, at most so many, once the uses of all of them are written."""
    while True:
        oldest = list(rows.select(transaction, rows.OLDEST, most))
        used = take(oldest)
        if not used:
            return oldest
        row_changes.touch(transaction, used)


def _expected(transaction: Transaction, limits: Limits) -> int:
    """Return about how many rows are to go, and some more."""
    more = _SOME
    if limits.max_entries is not None:
        more += max(0, transaction.entries - limits.max_entries)
    if limits.max_bytes is not None:
        excess = max(0, transaction.bytes - limits.max_bytes)
        more += excess * transaction.entries // max(1, transaction.bytes)
    return min(BATCH, more)


def _chosen(transaction: Transaction) -> Iterator[Row]:
    lrfu, chosen = _load(transaction), set[int]()
    for _ in range(BATCH):
        key = lrfu.evict()
        if key is None:  # somebody planted rows without ranks
            yield from (row for row in _oldest(transaction) if row.id not in chosen)
            return
        found = list(rows.select(transaction, rows.WITH_KEY, key))
        chosen.update(row.id for row in found)
        yield from found


def _load(transaction: Transaction) -> "Lrfu":
    """Return the order of a namespace; one that had none gets it."""
    if transaction.lrfu is None:
        from cachectl._backends.eviction.lrfu import Lrfu

        index = transaction.eviction_index()
        transaction.lrfu, transaction.by_lrfu = Lrfu(index, index.load()), True
    return transaction.lrfu
