"""The entries of all namespaces: each method is one transaction, or one for each step."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file import clearing, eviction, leases, policies, rebuild, rows
from cachectl._backends.file.pacing import Pace
from cachectl._backends.file.put import Placed, Put, remove_due
from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._backends.file.value_files import ROW_LIMIT, ValueFiles
from cachectl._backends.file.writer import Mode, Writer
from cachectl._backends.sqlite import Patience, translated
from cachectl._model.batches import BATCH, batches
from cachectl._model.interrupts import unbroken
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    Item,
    Lease,
    Removed,
    RemovedEntry,
    Written,
)
from cachectl._model.tally import note_removed
from cachectl.errors import BackendBusy, BackendError, BackendRefused

if TYPE_CHECKING:
    from cachectl._backends.file.freeing import Freeing

T = TypeVar("T")

_SECURED: Final = 512 * 1024
"""Bytes that are written until it is seen to that there is room for them in the database."""
_BETWEEN_DROPS: Final = 60.0
"""Seconds between two drops of old leases."""


class EntryTable:
    """Entries of all namespaces."""

    def __init__(self, directory: Path, writer: Writer) -> None:
        self._directory = directory
        self._writer = writer
        self._freeing_: Freeing | None = None
        self._unsecured = float("inf")  # bytes that were written since room was kept for them
        self._files = ValueFiles(directory)
        self._pace = Pace(writer)  # of cleanups
        self._dropped_at = float("-inf")  # leases that were old then

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
        put = Put(access_log, limits, now, condition, check_limits)
        placed: list[Placed] = []
        files: ExitStack | None = None
        patience = self._writer.patience()
        try:
            for item in items:
                large = len(item.data) > ROW_LIMIT
                if large and files is None:
                    files = self._writing_files(patience)
                placed.append((item, self._write_file(item.data) if large else None))
                self._unsecured += item.entry.size
            written = self._run(namespace, partial(self._put, put=put, placed=placed), patience)
        except BaseException:
            put.requeue()
            self._files.remove_all(filename for _, filename in placed)
            raise
        finally:
            if files is not None:
                files.close()
        if self._unsecured > _SECURED:
            self._keep_room()
        return written

    def _put(self, transaction: Transaction, put: Put, placed: Sequence[Placed]) -> Written:
        for _, filename in placed:
            if filename is not None:
                self._files.require(filename)
        return put.run(transaction, placed)

    def put_loaded(
        self,
        namespace: str,
        loads: Sequence[tuple[Item, Lease]],
        access_log: AccessLog,
        limits: Limits,
        now: float,
        check_limits: bool,
    ) -> list[Written]:
        """Write what loads brought, each if its lease is good; no value is large."""
        puts = [
            (Put(access_log, limits, now, lease, check_limits and not at), item)
            for at, (item, lease) in enumerate(loads)
        ]

        def run(transaction: Transaction) -> list[Written]:
            return [put.run(transaction, [(item, None)]) for put, item in puts]

        try:
            written = self._run(namespace, run, self._writer.patience())
        except BaseException:
            for put, _ in puts:
                put.requeue()
            raise
        for _, item in puts:
            self._unsecured += item.entry.size
        if self._unsecured > _SECURED:
            self._keep_room()
        return written

    @property
    def freeing(self) -> "Freeing":
        """What removes, also where there is no room; made when it is first needed."""
        if self._freeing_ is None:
            from cachectl._backends.file.freeing import Freeing  # no lookup needs it

            self._freeing_ = Freeing(self._directory, self._writer)
        return self._freeing_

    def _keep_room(self) -> None:
        self._unsecured = 0
        self.freeing.keep()

    def closed(self) -> None:
        """Tidy up when the last connection is closed."""
        if self._freeing_ is not None:
            self._freeing_.closed()

    def leases(
        self, namespace: str, wanted: Sequence[tuple[str, Sequence[str], float]]
    ) -> list[Lease]:
        """Take leases of keys, each for a load whose entry will have these tags and begins then."""
        return self._run(namespace, partial(self._take, wanted=wanted), self._writer.patience())

    def _take(
        self, transaction: Transaction, wanted: Sequence[tuple[str, Sequence[str], float]]
    ) -> list[Lease]:
        now = wanted[-1][2]
        if abs(now - self._dropped_at) > _BETWEEN_DROPS:
            self._dropped_at = now
            leases.drop_old(transaction, now)
        return [leases.take(transaction, *one) for one in wanted]

    def release(self, namespace: str, lease: Lease) -> None:
        """Give a lease back."""
        self._run(namespace, partial(_release, lease=lease), self._writer.patience())

    def revoke_leases(self, namespace: str) -> None:
        """Revoke all leases of a namespace."""
        self.freeing.step(lambda _: self._run(namespace, _revoke_all, self._writer.patience()))

    def touch(self, namespace: str, access_log: AccessLog) -> None:
        """Write when keys were last used."""
        used, patience = access_log.drain(), self._writer.patience()
        try:
            for batch in batches(used):
                self._run(namespace, partial(_touch, used=batch), patience)
        except BaseException:
            access_log.requeue(used)
            raise

    def remove(self, namespace: str, keys: Sequence[str]) -> Removed:
        """Remove these keys; at most `BATCH` of them."""
        try:
            return self._remove(namespace, partial(_remove_keys, keys=keys))
        except BackendRefused as error:
            self.freeing.begin(error)
        removed = Removed()
        for few in batches(keys, self.freeing.most):
            action = partial(_remove_keys, keys=few)
            removed = removed.plus(self._remove(namespace, action))
            self.freeing.stepped()
        self.freeing.end()
        return removed

    def remove_expired(self, namespace: str, key: str, now: float) -> Removed:
        """Remove one key if it expired by `now`, unless others write just then: a lookup waits for
        nobody, and what has expired is found again.
        """
        action = partial(_remove_expired, key=key, now=microseconds(now))
        with suppress(BackendBusy):
            return self._run(namespace, action, None, "DEFERRED")
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
        removed = self._remove(namespace, partial(_remove_tagged, tag=tag, most=most))
        return removed, removed.entries == most

    def clear(self, namespace: str) -> Removed:
        """Remove all entries."""
        with unbroken():
            removed = self.freeing.step(
                lambda most: self._run(
                    namespace, partial(_clear, most=most), self._writer.patience()
                )
            )
            note_removed(removed)
        if removed.entries:
            with suppress(BackendRefused):  # what was asked for is done
                self.remove_cleared()
            with suppress(BackendError):
                self._writer.give_back()
        return removed

    def remove_cleared(self) -> None:
        """Remove what namespaces held that were cleared."""
        more, pace = True, Pace(self._writer)
        while more:
            began = pace.begin()
            more = self.freeing.step(
                lambda most: self._run(
                    None, partial(clearing.remove_some, most=most), self._writer.patience()
                )
            )
            pace.end(began)
            if self.freeing.is_stuck:
                break
        self.freeing.end()

    def forget(self, namespace: str) -> bool:
        """Remove a namespace if it holds nothing, and return whether that is so."""
        empty = self.freeing.step(lambda _: self._run(namespace, _forget, self._writer.patience()))
        if empty:
            self.remove_cleared()
        return empty

    def store_policy(self, namespace: str, text: str) -> None:
        """Keep what an application set of a policy."""
        self._run(namespace, partial(policies.store, text=text), self._writer.patience())

    def cleanup(self, namespace: str, rule: CleanupRule) -> CleanupStep:
        """Remove some entries that `rule` names; nothing if there are none."""
        began = self._pace.begin()
        step = self.freeing.step(lambda most: self._cleanup(namespace, rule, most))
        if step.expired.entries or step.evicted.entries:
            self._pace.end(began)
        else:
            self.freeing.end()
        return step

    def _cleanup(self, namespace: str, rule: CleanupRule, most: int) -> CleanupStep:
        expired = self._remove_due(namespace, microseconds(rule.now), most)
        if expired.entries:
            return CleanupStep(expired)
        return self._run(namespace, partial(_excess, rule=rule, most=most), self._writer.patience())

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        """Evict what was used least recently, not after that, and at most so many entries."""
        began = self._pace.begin()
        used = microseconds(used_until)
        step = self.freeing.step(
            lambda few: self._run(
                namespace,
                partial(_trim, most=min(most, few), used_until=used),
                self._writer.patience(),
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
            self._run(None, action, self._writer.patience())
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
            self._writer.vacuum()
        except BackendRefused as error:
            self.freeing.begin(error)
        self.freeing.end()

    def _has_file(self, filename: str) -> bool:
        """Return whether an entry has its value in this file."""
        return self._run(
            None, partial(_has_file, filename=filename), self._writer.patience(), "DEFERRED"
        )

    def _run(
        self,
        namespace: str | None,
        action: Callable[[Transaction], T],
        patience: Patience | None,
        mode: Mode = "IMMEDIATE",
    ) -> T:
        """Return what `action` returns, called in a transaction on the namespace."""
        for is_last in (False, True):
            cursor = self._writer.begin(mode, patience)
            try:
                transaction = Transaction(cursor, namespace)
                value = action(transaction)
                transaction.commit()
            except BaseException as error:
                if not self._writer.take_back(error) or is_last:
                    raise
            else:
                break
            finally:
                self._writer.turn.release()
        if transaction.unlinked:
            self._files.remove_all(transaction.unlinked)
        return value

    def _remove(self, namespace: str, action: Callable[[Transaction], Removed]) -> Removed:
        """Return what `action` removes. If that is nothing, nothing is written, and no other
        process is waited for.
        """
        patience = self._writer.patience()
        try:
            return self._run(namespace, action, patience, "DEFERRED")
        except BackendBusy:  # another writes, or has since these were read: wait for the turn
            return self._run(namespace, action, patience, "IMMEDIATE")

    def _remove_due(self, namespace: str, now: int, most: int) -> Removed:
        """Remove some entries that expired by `now`, each time in a transaction of its own."""
        removed = Removed()
        if most == BATCH:
            removed = self._run(namespace, partial(_rebuild, now=now), self._writer.patience())
        more = True
        while more and not removed.entries:
            step = partial(_remove_some_due, now=now, most=most)
            removed, more = self._run(namespace, step, self._writer.patience())
        return removed

    def _writing_files(self, patience: Patience) -> ExitStack:
        """Return what lets no file be taken for debris until it is closed."""
        from cachectl._backends.file import debris  # few values are large

        self._writer.open(patience)
        files = ExitStack()
        files.enter_context(debris.being_written(self._directory))
        return files

    def _write_file(self, data: bytes) -> str:
        """Write a large value to a file, while it is nobody's turn, and return its name."""
        try:
            return self._files.write(data)
        except OSError as error:
            raise translated("the cache", error, self._directory) from None


def _release(transaction: Transaction, lease: Lease) -> None:
    if transaction.load():
        leases.give_back(transaction, lease)


def _revoke_all(transaction: Transaction) -> None:
    if transaction.load():
        leases.revoke_all(transaction)


def _remove_keys(transaction: Transaction, keys: Sequence[str]) -> Removed:
    found = rows.find_removable(transaction, keys)
    if transaction.has_leases:
        leases.revoke(transaction, keys)
    removed = eviction.remove(transaction, found)
    if len(found) == 1 and (expires_at := found[0].expires_at) is not None:
        removed = RemovedEntry(*removed)
        removed.expires_at = expires_at / 1e6
    return removed


def _touch(transaction: Transaction, used: Sequence[tuple[str, int]]) -> None:
    if transaction.load():
        eviction.touch(transaction, used)


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


def _rebuild(transaction: Transaction, now: int) -> Removed:
    return rebuild.remove_expired(transaction, now) if transaction.load() else Removed()


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
