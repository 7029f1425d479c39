"""Writing entries of one namespace, and holding its limits, in one transaction."""

from collections.abc import Iterable, Sequence
from typing import Final

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file import eviction, leases, row_changes, rows
from cachectl._backends.file.rows import Row, microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import Condition, Item, Lease, Removed, Written

_DUE_PER_WRITE: Final = 100
_MOST_RECORDED: Final = 20
"""Uses that lrfu is told of in one write, of what it looks at."""
Placed = tuple[Item, str | None]
"""An item, and the file that holds its value if that is large."""


class Put:
    """Writes entries, then evicts while the limits are exceeded, a bounded number of entries; see
    `EntryTable.put`.

    Uses are only written of what would be evicted without, and what is replaced is recorded as a use:
    to move its row now would double the pages that are written. Lrfu is told at once.
    """

    def __init__(
        self,
        log: AccessLog,
        limits: Limits,
        now: float,
        condition: Condition | None,
        check_limits: bool,
    ) -> None:
        self._log = log
        self._limits = limits
        self._now = now
        self._condition = condition
        self._check_limits = check_limits
        self._uses: list[tuple[str, int]] = []
        self._recorded: list[tuple[str, int]] = []

    def run(self, transaction: Transaction, items: Sequence[Placed]) -> Written:
        """Write the items in this transaction."""
        stored = expired = 0
        evicted: list[str] = []
        if self._check_limits:
            self._log.advance(rows.newest(transaction))
        for part in _without_repeats(items):
            more, replaced = self._write(transaction, part)
            stored, expired = stored + more, expired + replaced
        if self._check_limits:
            due, _ = remove_due(transaction, microseconds(self._now), _DUE_PER_WRITE)
            expired += due.entries
        if (self._check_limits or transaction.has_grown) and transaction.exceeds(self._limits):
            evicted = eviction.evict_after(transaction, self._limits, stored, self._take_of)
        if transaction.lrfu is not None:
            transaction.lrfu.rebalance(stored)
            row_changes.touch(transaction, self._recorded)
        return Written(stored, expired, tuple(evicted))

    def requeue(self) -> None:
        """Let the uses return to the access log: the transaction failed."""
        self._log.requeue(self._uses)

    def _write(self, transaction: Transaction, items: Sequence[Placed]) -> tuple[int, int]:
        """Write items whose keys differ. Return how many, and how many replaced an expired entry."""
        found = rows.find(transaction, [item.key for item, _ in items])
        eviction.use(transaction, self._limits.eviction)
        if transaction.lrfu is not None:  # what was used counts before what is written
            if transaction.entries <= eviction.FEW:
                self._write_uses(transaction)
            else:
                transaction.lrfu.was_used = self._was_used
        new: list[tuple[Item, int, str | None]] = []
        replaced = expired = 0
        now, log = microseconds(self._now), self._log
        for item, filename in items:
            old = found.get(item.key)
            fresh = old is not None and not old.is_expired(now)
            if self._condition and not self._permits(transaction, item.key, fresh):
                transaction.unlink(filename)
            elif old is None:
                new.append((item, log.stamp(self._now), filename))
            else:
                note = transaction.lrfu is None
                stamp = (
                    log.record(item.key, self._now, old.used_at) if note else log.stamp(self._now)
                )
                row_changes.replace(transaction, item, old, stamp, filename)
                replaced += 1
                expired += not fresh
        if new:
            row_changes.insert(transaction, new)
        if transaction.has_leases and (new or replaced) and not isinstance(self._condition, Lease):
            leases.revoke(transaction, [item.key for item, _ in items])
        return len(new) + replaced, expired

    def _permits(self, transaction: Transaction, key: str, fresh: bool) -> bool:
        """Return whether a key may be written, at which there is a fresh entry or none."""
        if isinstance(self._condition, Lease):
            return self._condition.key == key and leases.give_back(transaction, self._condition)
        return fresh == (self._condition == "present")

    def _write_uses(self, transaction: Transaction) -> None:
        """Write what the log has now, into a namespace that is known."""
        used = self._log.drain()
        if used:
            self._uses += used
            eviction.touch(transaction, used)

    def _was_used(self, key: str) -> bool:
        """Take the use of a key that lrfu looks at, and return whether there was one."""
        used = self._take((key,)) if len(self._recorded) < _MOST_RECORDED else []
        self._recorded += used
        return bool(used)

    def _take_of(self, oldest: Sequence[Row]) -> list[tuple[str, int]]:
        """Take the uses of rows that go next, and note for how long the first of them was not used."""
        used = self._take(row.key for row in oldest)
        if oldest and not used:
            self._log.evicted_after = max(0, microseconds(self._now) - oldest[0].used_at)
        return used

    def _take(self, keys: Iterable[str]) -> list[tuple[str, int]]:
        """Take the uses of these keys from the log."""
        used = self._log.take(keys)
        self._uses += used
        return used


def remove_due(transaction: Transaction, now: int, most: int = BATCH) -> tuple[Removed, bool]:
    """Look at `most` rows that are due, and remove those that expired. Return also whether more
    may be due: what was replaced is only rescheduled, and may stand before them.
    """
    due = list(rows.select(transaction, rows.DUE, now, most))
    expired = [row for row in due if row.is_expired(now)]
    if len(expired) < len(due):
        row_changes.reschedule(transaction, [row for row in due if not row.is_expired(now)])
    return eviction.remove(transaction, expired), len(due) == most


def _without_repeats(items: Sequence[Placed]) -> Sequence[Sequence[Placed]]:
    """Return the items in lists in which no key comes twice."""
    if len(items) == 1 or len({item.key for item, _ in items}) == len(items):
        return (items,)
    parts: list[list[Placed]] = [[]]
    keys: set[str] = set()
    for item, filename in items:
        if item.key in keys:
            parts.append([])
            keys.clear()
        parts[-1].append((item, filename))
        keys.add(item.key)
    return parts
