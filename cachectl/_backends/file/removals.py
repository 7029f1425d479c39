"""Removing entries, also where there is no room: each method is one transaction, or one for each step."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import Final

from cachectl._backends.file import clearing, eviction, leases, policies, rebuild, rows, space
from cachectl._backends.file.freeing import Freeing
from cachectl._backends.file.pacing import Pace
from cachectl._backends.file.put import remove_due
from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._backends.file.transactions import Transactions
from cachectl._backends.file.value_files import ValueFiles
from cachectl._backends.file.writer import Writer
from cachectl._model.batches import BATCH, batches
from cachectl._model.interrupts import unbroken
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, CleanupStep, Removed, RemovedEntry
from cachectl._model.tally import note_removed
from cachectl.errors import BackendBusy, BackendError, BackendRefused

_NOTHING: Final = Removed()


class Removals:
    """What takes entries away, of any namespace."""

    def __init__(
        self, directory: Path, writer: Writer, files: ValueFiles, transactions: Transactions
    ) -> None:
        self.freeing: Freeing = Freeing(directory, writer)
        self._directory = directory
        self._writer = writer
        self._files = files
        self._transactions = transactions
        self._pace = Pace(writer)  # of cleanups
        self._rebuilt: tuple[str, int] | None = None  # by which all was looked at, and for whom

    def remove(self, namespace: str, keys: Sequence[str]) -> Removed:
        """Remove these keys; at most `BATCH` of them."""
        try:
            return self._transactions.remove(namespace, partial(_remove_keys, keys=keys))
        except BackendRefused as error:
            self.freeing.begin(error)
        removed = Removed()
        for few in batches(keys, self.freeing.most):
            action = partial(_remove_keys, keys=few)
            removed = removed.plus(self._transactions.remove(namespace, action))
            self.freeing.stepped()
        self.freeing.end()
        return removed

    def remove_expired(self, namespace: str, key: str, now: float) -> Removed:
        """Remove one key if it expired by `now`, unless others write just then: a lookup waits for
        nobody, and what has expired is found again.
        """
        action = partial(_remove_expired, key=key, now=microseconds(now))
        with suppress(BackendBusy):
            return self._transactions.run(namespace, action, "DEFERRED", waits=False)
        return Removed()

    def remove_tagged(self, namespace: str, tag: str) -> Removed:
        """Remove all entries that carry `tag`."""
        total, pace = Removed(), Pace(self._writer)
        while True:
            began = pace.begin()
            with unbroken():
                removed, more = self.freeing.step(
                    lambda most: self._remove_some_tagged(namespace, tag, most)
                )
                note_removed(removed)
            total = total.plus(removed)
            if not more:
                self.freeing.end()
                return total
            pace.end(began)

    def _remove_some_tagged(self, namespace: str, tag: str, most: int) -> tuple[Removed, bool]:
        """Remove at most so many, and return also whether there may be more."""
        removed = self._transactions.remove(namespace, partial(_remove_tagged, tag=tag, most=most))
        return removed, removed.entries == most

    def clear(self, namespace: str) -> Removed:
        """Remove all entries."""
        with unbroken():
            removed = self.freeing.step(
                lambda most: self._transactions.run(namespace, partial(_clear, most=most))
            )
            note_removed(removed)
        if removed.entries:
            with suppress(BackendRefused):  # what was asked for is done
                self.remove_cleared()
            with suppress(BackendError):
                space.give_back(self._writer)
        return removed

    def remove_cleared(self) -> None:
        """Remove what namespaces held that were cleared."""
        more, pace = True, Pace(self._writer)
        while more:
            began = pace.begin()
            more = self.freeing.step(
                lambda most: self._transactions.run(
                    None, partial(clearing.remove_some, most=most, set_aside=pace.rows)
                )
            )
            pace.end(began)
            if self.freeing.is_stuck:
                break
        self.freeing.end()

    def forget(self, namespace: str) -> bool:
        """Remove a namespace if it holds nothing, and return whether that is so."""
        empty = self.freeing.step(lambda _: self._transactions.run(namespace, _forget))
        if empty:
            self.remove_cleared()
        return empty

    def cleanup(self, namespace: str, rule: CleanupRule) -> CleanupStep:
        """Remove some entries that `rule` names; nothing if there are none."""
        began = self._pace.begin()
        step = self.freeing.step(lambda most: self._cleanup(namespace, rule, most))
        if step.expired.entries > BATCH:  # all at once
            with suppress(BackendError):  # what was asked for is done
                self.remove_cleared()
        if step.expired.entries or step.evicted.entries:
            self._pace.end(began)
        else:
            self.freeing.end()
        return step

    def _cleanup(self, namespace: str, rule: CleanupRule, most: int) -> CleanupStep:
        expired = self._remove_due(namespace, microseconds(rule.now), most)
        if expired.entries:
            return CleanupStep(expired)
        return self._transactions.run(namespace, partial(_excess, rule=rule, most=most))

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        """Evict what was used least recently, not after that, and at most so many entries."""
        began = self._pace.begin()
        used = microseconds(used_until)
        step = self.freeing.step(
            lambda few: self._transactions.run(
                namespace, partial(_trim, most=min(most, few), used_until=used)
            )
        )
        self._pace.end(began)
        return step

    def recount(self, reader: Reader) -> None:
        """Correct totals that are not those of what is there, and remove what somebody gave a name that
        no namespace can have.
        """
        from cachectl._backends.file import recount  # only a cleanup needs it

        wrong, impossible = recount.look(reader)
        if wrong:
            action = partial(recount.correct, wrong=wrong)
            self._transactions.run(None, action)
        for name in impossible:
            self.clear(name)
            self.forget(name)

    def compact(self) -> None:
        """Give back to the system what entries left behind that are no more, and processes that ended; as
        far as there is room for that.
        """
        from cachectl._backends.file import debris  # no lookup needs it

        for name in debris.candidates(self._directory, self._files):
            if not self._has_file(name):
                self._files.remove(name)
        try:
            self.remove_cleared()
            space.vacuum(self._writer)
        except BackendRefused as error:
            self.freeing.begin(error)
        self.freeing.relieve()

    def _has_file(self, filename: str) -> bool:
        """Return whether an entry has its value in this file."""
        return self._transactions.run(None, partial(_has_file, filename=filename), "DEFERRED")

    def _remove_all_due(self, namespace: str, now: int) -> Removed:
        """Remove at once what expired by `now`, if hardly anything else is there. Nobody waits while many
        are looked at; so nothing is removed if others write meanwhile.
        """
        try:
            action = partial(_rebuild, now=now, most=inf)
            return self._transactions.run(namespace, action, "DEFERRED")
        except BackendBusy:
            action = partial(_rebuild, now=now, most=rebuild.QUICK)
            return self._transactions.run(namespace, action)

    def _remove_due(self, namespace: str, now: int, most: int) -> Removed:
        """Remove some entries that expired by `now`, each time in a transaction of its own."""
        removed = Removed()
        if most == BATCH and self._rebuilt != (namespace, now):
            self._rebuilt = (namespace, now)
            removed = self._remove_all_due(namespace, now)
        more = True
        while more and not removed.entries:
            step = partial(_remove_some_due, now=now, most=most)
            removed, more = self._transactions.run(namespace, step)
        return removed


def _remove_keys(transaction: Transaction, keys: Sequence[str]) -> Removed:
    found = rows.find_removable(transaction, keys)
    if transaction.has_leases:
        leases.revoke(transaction, keys)
    if not found:
        return _NOTHING
    removed = eviction.remove(transaction, found)
    if len(found) == 1 and (expires_at := found[0].expires_at) is not None:
        removed = RemovedEntry(*removed)
        removed.expires_at = expires_at / 1e6
    return removed


def _clear(transaction: Transaction, most: int) -> Removed:
    return clearing.clear(transaction, most) if transaction.load() else Removed()


def _forget(transaction: Transaction) -> bool:
    if not transaction.load():
        policies.forget(transaction)
        return True
    if transaction.entries == 0:
        clearing.forget(transaction)
        policies.forget(transaction)
        return True
    return False


def _has_file(transaction: Transaction, filename: str) -> bool:
    select = "SELECT 1 FROM entries WHERE filename = ?"
    return transaction.execute(select, (filename,)).fetchone() is not None


def _rebuild(transaction: Transaction, now: int, most: float) -> Removed:
    return rebuild.remove_expired(transaction, now, most) if transaction.load() else Removed()


def _remove_some_due(transaction: Transaction, now: int, most: int) -> tuple[Removed, bool]:
    return remove_due(transaction, now, most) if transaction.load() else (Removed(), False)


def _excess(transaction: Transaction, rule: CleanupRule, most: int) -> CleanupStep:
    """Remove some entries that are neither expired nor to be kept."""
    if not transaction.load():
        return CleanupStep()
    if transaction.has_leases:
        leases.drop_old(transaction, rule.now)
    return _idle(transaction, rule.idle_before, most) or _over(transaction, rule.limits, most)


def _remove_expired(transaction: Transaction, key: str, now: int) -> Removed:
    found = rows.find_removable(transaction, [key])
    return eviction.remove(transaction, [row for row in found if row.is_expired(now)])


def _remove_tagged(transaction: Transaction, tag: str, most: int) -> Removed:
    if not transaction.load():
        return Removed()
    leases.revoke_tagged(transaction, tag)
    return eviction.remove(transaction, list(rows.select(transaction, rows.TAGGED, tag, most)))


def _idle(transaction: Transaction, before: float | None, most: int) -> CleanupStep | None:
    """Remove some entries that were last used before then; None if there are none."""
    if before is None:
        return None
    found = list(rows.select(transaction, rows.IDLE, microseconds(before), most))
    if not found:
        return None
    keys = tuple(row.key for row in found)
    return CleanupStep(evicted=eviction.remove(transaction, found), evicted_keys=keys)


def _trim(transaction: Transaction, most: int, used_until: int) -> CleanupStep:
    if not transaction.load():
        return CleanupStep()
    found = list(rows.select(transaction, rows.USED_UNTIL, used_until, most))
    keys = tuple(row.key for row in found)
    return CleanupStep(evicted=eviction.remove(transaction, found), evicted_keys=keys)


def _over(transaction: Transaction, limits: Limits, most: int) -> CleanupStep:
    """Evict some entries while the limits are exceeded."""
    removed, keys = eviction.evict(transaction, limits, most)
    return CleanupStep(evicted=removed, evicted_keys=tuple(keys))
