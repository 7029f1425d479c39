"""The entries of all namespaces: each method is one transaction, or one for each step."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file import clearing, eviction, rebuild, rows
from cachectl._backends.file.pacing import Pace
from cachectl._backends.file.put import Rules, Uses, put, remove_due
from cachectl._backends.file.rows import Row, microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._backends.file.value_files import ROW_LIMIT, ValueFiles
from cachectl._backends.file.writer import Mode, Writer
from cachectl._backends.sqlite import translated
from cachectl._model.batches import BATCH, batches
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, CleanupStep, Condition, Item, Removed, Written
from cachectl.errors import BackendBusy

_Choose = Callable[[Transaction], Sequence[Row]]
"""Reads what is to be removed."""


class EntryTable:
    """Entries of all namespaces."""

    def __init__(self, directory: Path, writer: Writer) -> None:
        self._writer = writer
        self._files = ValueFiles(directory)
        self._pace = Pace(writer)  # of cleanups

    def put(
        self,
        namespace: str,
        items: Sequence[Item],
        access_log: AccessLog,
        limits: Limits,
        now: float,
        condition: Condition | None,
        check_limits: bool,
    ) -> Written:
        """Write items, then evict while the limits are exceeded. `check_limits` says whether to
        look also at what others did to them, and for what has expired.
        """
        rules = Rules(limits, now, condition, check_limits)
        uses = Uses(access_log)
        filenames = self._write_files(items)
        try:
            with self._transaction(namespace) as transaction:
                return put(transaction, list(zip(items, filenames, strict=True)), rules, uses)
        except BaseException:
            uses.requeue()
            self._files.remove_all(filenames)
            raise

    def touch(self, namespace: str, access_log: AccessLog) -> None:
        """Write when keys were last used."""
        used = access_log.drain()
        try:
            for batch in batches(used):
                with self._transaction(namespace) as transaction:
                    if transaction.load():
                        eviction.touch(transaction, batch)
        except BaseException:
            access_log.requeue(used)
            raise

    def remove(self, namespace: str, keys: Sequence[str]) -> Removed:
        """Remove these keys; at most `BATCH` of them."""
        return self._remove(namespace, lambda it: rows.find_removable(it, keys))

    def remove_expired(self, namespace: str, key: str, now: float) -> Removed:
        """Remove one key if it expired by `now`, unless another process writes just then: a lookup
        does not wait for that, and what has expired is found again.
        """
        at = microseconds(now)
        try:
            return self._attempt(
                namespace,
                lambda it: [row for row in rows.find_removable(it, [key]) if row.is_expired(at)],
                "DEFERRED",
            )
        except BackendBusy:
            return Removed()

    def remove_tagged(self, namespace: str, tag: str) -> Removed:
        """Remove all entries that carry `tag`."""
        total, pace = Removed(), Pace(self._writer)
        while True:
            began = pace.begin()
            removed = self._remove(namespace, lambda it: _tagged(it, tag))
            total = total.plus(removed)
            if removed.entries < BATCH:
                return total
            pace.end(began)

    def clear(self, namespace: str) -> Removed:
        """Remove all entries."""
        with self._transaction(namespace) as transaction:
            removed = clearing.clear(transaction) if transaction.load() else Removed()
        if removed.entries:
            self.remove_cleared()
        return removed

    def remove_cleared(self) -> None:
        """Remove what namespaces held that were cleared."""
        more, pace = True, Pace(self._writer)
        while more:
            began = pace.begin()
            with self._transaction(None) as transaction:
                more = clearing.remove_some(transaction)
            pace.end(began)

    def cleanup(self, namespace: str, rule: CleanupRule) -> CleanupStep:
        """Remove some entries that `rule` names; nothing if there are none."""
        began = self._pace.begin()
        step = self._cleanup(namespace, rule)
        if step.expired.entries or step.evicted.entries:
            self._pace.end(began)
        return step

    def _cleanup(self, namespace: str, rule: CleanupRule) -> CleanupStep:
        expired = self._remove_due(namespace, microseconds(rule.now))
        if expired.entries:
            return CleanupStep(expired)
        with self._transaction(namespace) as transaction:
            if not transaction.load():
                return CleanupStep()
            return _idle(transaction, rule.idle_before) or _over(transaction, rule.limits)

    def has_file(self, filename: str) -> bool:
        """Return whether an entry has its value in this file."""
        select = "SELECT 1 FROM entries WHERE filename = ?"
        with self._transaction(None, "DEFERRED") as transaction:
            return transaction.execute(select, (filename,)).fetchone() is not None

    def _transaction(self, namespace: str | None, mode: Mode = "IMMEDIATE") -> Transaction:
        return Transaction(self._writer, self._files, namespace, mode)

    def _remove(self, namespace: str, choose: _Choose) -> Removed:
        """Remove the rows that `choose` returns. If it returns none, nothing is written, and no
        other process is waited for.
        """
        try:
            return self._attempt(namespace, choose, "DEFERRED")
        except BackendBusy:  # another writes, or has since these were read: wait for the turn
            return self._attempt(namespace, choose, "IMMEDIATE")

    def _attempt(self, namespace: str, choose: _Choose, mode: Mode) -> Removed:
        with self._transaction(namespace, mode) as transaction:
            found = choose(transaction)
            return eviction.remove(transaction, found) if found else Removed()

    def _remove_due(self, namespace: str, now: int) -> Removed:
        """Remove some entries that expired by `now`, each time in a transaction of its own."""
        with self._transaction(namespace) as transaction:
            if not transaction.load():
                return Removed()
            removed = rebuild.remove_expired(transaction, now)
        more = True
        while more and not removed.entries:
            with self._transaction(namespace) as transaction:
                transaction.load()
                removed, more = remove_due(transaction, now)
        return removed

    def _write_files(self, items: Sequence[Item]) -> list[str | None]:
        """Write the large values to files, before any lock is held."""
        names: list[str | None] = []
        try:
            for item in items:
                if len(item.data) > ROW_LIMIT:
                    self._writer.open()
                    names.append(self._files.write(item.data))
                else:
                    names.append(None)
        except BaseException as error:
            self._files.remove_all(names)
            if isinstance(error, OSError):
                raise translated("the cache", error) from None
            raise
        return names


def _tagged(transaction: Transaction, tag: str) -> Sequence[Row]:
    return list(rows.select(transaction, rows.TAGGED, tag, BATCH)) if transaction.load() else ()


def _idle(transaction: Transaction, before: float | None) -> CleanupStep | None:
    """Remove some entries that were last used before then; None if there are none."""
    if before is None:
        return None
    found = list(rows.select(transaction, rows.IDLE, microseconds(before), BATCH))
    if not found:
        return None
    keys = tuple(row.key for row in found)
    return CleanupStep(evicted=eviction.remove(transaction, found), evicted_keys=keys)


def _over(transaction: Transaction, limits: Limits) -> CleanupStep:
    """Evict some entries while the limits are exceeded."""
    removed, keys = eviction.evict(transaction, limits)
    return CleanupStep(evicted=removed, evicted_keys=tuple(keys))
