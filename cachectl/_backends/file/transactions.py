"""Transactions on one namespace each, and the value files that go with their commits."""

from collections.abc import Callable
from typing import TypeVar

from cachectl._backends.file.transaction import Transaction
from cachectl._backends.file.value_files import ValueFiles
from cachectl._backends.file.writer import Mode, Writer
from cachectl._backends.sqlite import Patience
from cachectl._model.records import Removed
from cachectl.errors import BackendBusy

T = TypeVar("T")


class Transactions:
    """Of one directory, whose value files are `files`."""

    def __init__(self, writer: Writer, files: ValueFiles) -> None:
        self._writer = writer
        self._files = files

    def run(
        self,
        namespace: str | None,
        action: Callable[[Transaction], T],
        mode: Mode = "IMMEDIATE",
        patience: Patience | None = None,
        *,
        waits: bool = True,
    ) -> T:
        """Return what `action` returns, called in a transaction on the namespace; and called again if the
        database was put aside meanwhile. Raises `BackendBusy` if there is somebody to wait for, at
        once or when patience ends.
        """
        if waits and patience is None:
            patience = self._writer.patience()
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
        if mode == "IMMEDIATE" or transaction.has_shrunk:  # else nothing was written
            self._writer.written()
        if transaction.unlinked:
            self._files.remove_all(transaction.unlinked)
        return value

    def remove(self, namespace: str, action: Callable[[Transaction], Removed]) -> Removed:
        """Return what `action` removes. If that is nothing, nothing is written, and no other
        process is waited for.
        """
        patience = self._writer.patience()
        try:
            return self.run(namespace, action, "DEFERRED", patience)
        except BackendBusy:  # another writes, or has since these were read: wait for the turn
            return self.run(namespace, action, "IMMEDIATE", patience)
