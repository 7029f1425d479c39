"""Writing entries of one namespace, and holding its limits, in one transaction."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file import eviction, row_changes, rows
from cachectl._backends.file.rows import Row, microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import Condition, Item, Removed, Written

_DUE_PER_WRITE: Final = 100

Placed = tuple[Item, str | None]
"""An item, and the file that holds its value if that is large."""


class Rules(NamedTuple):
    """What is to hold when entries are written `now`; see `EntryTable.put`."""

    limits: Limits
    now: float
    condition: Condition | None
    check_limits: bool


class Uses:
    """The uses that a transaction writes; if it fails, they return to the access log."""

    def __init__(self, log: AccessLog) -> None:
        self.log = log
        self._taken: list[tuple[str, int]] = []

    def write(self, transaction: Transaction) -> None:
        """Write what the log has now, into a namespace that is known."""
        used = self.log.drain()
        if used:
            self._taken += used
            eviction.touch(transaction, used)

    def requeue(self) -> None:
        self.log.requeue(self._taken)


def put(transaction: Transaction, items: Sequence[Placed], rules: Rules, uses: Uses) -> Written:
    """Write items, then evict while the limits are exceeded.

    Uses are only written if something is to be evicted, and what is replaced is recorded as a use:
    to move its row now would double the pages that are written. Lrfu is told at once.
    """
    stored = expired = 0
    evicted: list[str] = []
    if rules.check_limits:
        uses.log.advance(rows.newest(transaction))
    for run in _without_repeats(items):
        found = rows.find(transaction, [item.key for item, _ in run])
        eviction.use(transaction, rules.limits.eviction)
        if transaction.lrfu is not None:  # what was used counts before what is written
            uses.write(transaction)
        more, replaced = _write(transaction, run, found, rules, uses.log)
        stored, expired = stored + more, expired + replaced
    if rules.check_limits:
        expired += remove_due(transaction, microseconds(rules.now), _DUE_PER_WRITE)[0].entries
    if (rules.check_limits or transaction.has_grown) and transaction.exceeds(rules.limits):
        uses.write(transaction)
        evicted = eviction.evict_all(transaction, rules.limits)
    if transaction.lrfu is not None:
        transaction.lrfu.rebalance(stored)
    return Written(stored, expired, tuple(evicted))


def remove_due(transaction: Transaction, now: int, most: int = BATCH) -> tuple[Removed, bool]:
    """Look at `most` rows that are due, and remove those that expired. Return also whether more
    may be due: what was replaced is only rescheduled, and may stand before them.
    """
    due = list(rows.select(transaction, rows.DUE, now, most))
    expired = [row for row in due if row.is_expired(now)]
    if len(expired) < len(due):
        row_changes.reschedule(transaction, [row for row in due if not row.is_expired(now)])
    return eviction.remove(transaction, expired), len(due) == most


def _write(
    transaction: Transaction,
    items: Sequence[Placed],
    found: dict[str, Row],
    rules: Rules,
    log: AccessLog,
) -> tuple[int, int]:
    """Write items whose keys differ. Return how many, and how many replaced an expired entry."""
    new: list[tuple[Item, int, str | None]] = []
    replaced = expired = 0
    now = microseconds(rules.now)
    for item, filename in items:
        old = found.get(item.key)
        fresh = old is not None and not old.is_expired(now)
        if rules.condition and fresh != (rules.condition == "present"):
            transaction.unlinked.append(filename)
        elif old is None:
            new.append((item, log.stamp(rules.now), filename))
        else:
            note = transaction.lrfu is None
            stamp = log.record(item.key, rules.now) if note else log.stamp(rules.now)
            row_changes.replace(transaction, item, old, stamp, filename)
            replaced += 1
            expired += not fresh
    if new:
        row_changes.insert(transaction, new)
    return len(new) + replaced, expired


def _without_repeats(items: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
    """Yield the items in lists in which no key comes twice."""
    if len(items) == 1:
        yield items
        return
    run: list[Placed] = []
    keys: set[str] = set()
    for item, filename in items:
        if item.key in keys:
            yield run
            run, keys = [], set()
        run.append((item, filename))
        keys.add(item.key)
    yield run
