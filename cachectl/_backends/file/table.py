"""The entries of all namespaces: each method is one transaction, or one for each step."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file import eviction, leases, policies, rows
from cachectl._backends.file.put import Placed, Put
from cachectl._backends.file.transaction import Transaction
from cachectl._backends.file.transactions import Transactions
from cachectl._backends.file.value_files import ROW_LIMIT, ValueFiles
from cachectl._backends.file.writer import Writer
from cachectl._backends.sqlite import Patience, translated
from cachectl._model.batches import BATCH, batches
from cachectl._model.policy import Limits
from cachectl._model.records import (
    Condition,
    Item,
    Lease,
    Written,
)
from cachectl.errors import BackendRefused

if TYPE_CHECKING:
    from cachectl._backends.file.removals import Removals

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
        self._files = ValueFiles(directory)
        self._transactions = Transactions(writer, self._files)
        self._removals: Removals | None = None
        self._unsecured = float("inf")  # bytes that were written since room was kept for them
        self._dropped_at = float("-inf")  # leases that were old then

    @property
    def removals(self) -> "Removals":
        """What removes; made when it is first needed."""
        if self._removals is None:
            from cachectl._backends.file.removals import Removals  # no lookup needs it

            self._removals = Removals(
                self._directory, self._writer, self._files, self._transactions
            )
        return self._removals

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
                large = item.entry.size > ROW_LIMIT
                if large and files is None:
                    files = self._writing_files(patience)
                placed.append((item, self._write_file(item) if large else None))
                self._unsecured += item.entry.size
            action = partial(self._put, put=put, placed=placed)
            try:
                written = self._transactions.run(namespace, action, patience=patience)
            except BackendRefused as error:
                written = self._run_again(error, namespace, action, [put])
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
            try:
                written = self._transactions.run(namespace, run)
            except BackendRefused as error:
                written = self._run_again(error, namespace, run, [put for put, _ in puts])
        except BaseException:
            for put, _ in puts:
                put.requeue()
            raise
        for _, item in puts:
            self._unsecured += item.entry.size
        if self._unsecured > _SECURED:
            self._keep_room()
        return written

    def _run_again(
        self,
        error: BackendRefused,
        namespace: str,
        action: Callable[[Transaction], T],
        puts: Iterable[Put],
    ) -> T:
        """Return what `action` returns in a transaction, if it was refused because the disk is full of a log
        that can begin again. Raises the error if it was not.
        """
        if error.kind != "full" or not self.removals.freeing.shorten_log():
            raise error
        for put in puts:
            put.requeue()
        return self._transactions.run(namespace, action)

    def _keep_room(self) -> None:
        self._unsecured = 0
        self.removals.freeing.keep()
        self._writer.see_to_log()

    def closed(self) -> None:
        """Tidy up when the last connection is closed."""
        if self._removals is not None:
            self._removals.freeing.closed()

    def leases(
        self, namespace: str, wanted: Sequence[tuple[str, Sequence[str], float]]
    ) -> list[Lease]:
        """Take leases of keys, each for a load whose entry will have these tags and begins then."""
        return self._transactions.run(namespace, partial(self._take, wanted=wanted))

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
        self._transactions.run(namespace, partial(_release, lease=lease))

    def revoke_leases(self, namespace: str) -> None:
        """Revoke all leases of a namespace."""
        self.removals.freeing.step(lambda _: self._transactions.run(namespace, _revoke_all))

    def touch(self, namespace: str, used: Sequence[tuple[str, int]]) -> None:
        """Write when keys were last used."""
        patience = self._writer.patience()
        for batch in batches(self._by_place(namespace, used)):
            self._transactions.run(namespace, partial(_touch, used=batch), patience=patience)

    def _by_place(self, namespace: str, used: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Return many uses in the order of their rows, so that those in a page are written together; but
        those of lrfu in their own.
        """
        if len(used) <= BATCH:
            return list(used)
        places: dict[str, int] = {}
        for batch in batches([key for key, _ in used]):
            places |= self._transactions.run(namespace, partial(_places, keys=batch), "DEFERRED")
        return sorted(used, key=lambda use: places.get(use[0], 0))

    def store_policy(self, namespace: str, text: str) -> None:
        """Keep what an application set of a policy."""
        self._transactions.run(namespace, partial(policies.store, text=text))

    def _writing_files(self, patience: Patience) -> ExitStack:
        """Return what lets no file be taken for debris until it is closed."""
        from cachectl._backends.file import debris  # few values are large

        self._writer.open(patience)
        files = ExitStack()
        files.enter_context(debris.being_written(self._directory, patience))
        return files

    def _write_file(self, item: Item) -> str:
        """Write a large value to a file, while it is nobody's turn, and return its name."""
        try:
            return self._files.write(item.head, item.rest)
        except OSError as error:
            raise translated("the cache", error, self._directory) from None


def _release(transaction: Transaction, lease: Lease) -> None:
    if transaction.load():
        leases.give_back(transaction, lease)


def _revoke_all(transaction: Transaction) -> None:
    if transaction.load():
        leases.revoke_all(transaction)


def _places(transaction: Transaction, keys: Sequence[str]) -> dict[str, int]:
    return {} if transaction.load() and transaction.by_lrfu else rows.places(transaction, keys)


def _touch(transaction: Transaction, used: Sequence[tuple[str, int]]) -> None:
    if transaction.load():
        eviction.touch(transaction, used)
