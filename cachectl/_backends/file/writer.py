"""The connection that writes to a cache directory: one for each process.

Threads that write take turns. Who meets another process's write gives the turn back while it waits,
so that nobody waits behind one who waits.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from cachectl._backends.directory import PlaceRefused, claimed, create_private, making
from cachectl._backends.file.schema import is_made, make, make_leases, pragma
from cachectl._backends.place import LOG_BYTES, LOG_KEPT, BegunAnew, Place
from cachectl._backends.sqlite import (
    FAILURES,
    Connection,
    Patience,
    is_damage,
    prepared,
    translated,
    verified,
)
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy, BackendError, BackendRefused

if TYPE_CHECKING:
    from cachectl._backends.file.checkpoints import Checkpoints

T = TypeVar("T")
Mode = Literal["IMMEDIATE", "DEFERRED"]
"""How a transaction begins: it waits for its turn to write; or it reads first, and fails with
`BackendBusy` where it would write if another has written since.
"""

_PREPARATION: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = 8192",
    "PRAGMA mmap_size = 0",  # a truncated file shall be an error, not a SIGBUS
    "PRAGMA trusted_schema = OFF",
    "PRAGMA wal_autocheckpoint = 0",  # `Checkpoints` does it
    "PRAGMA secure_delete = OFF",  # expensive where much is removed; the file is closed to others
)

_UNLOOKED: Final = 7
"""Writes between two looks at the log: one takes 1.7 µs of 33."""
_WHAT: Final = "the cache"
_TAKEN: Final = f"{_WHAT}: others use it"
_FORKED: Final = f"{_WHAT}: the process was forked in the middle of this"


class Writer:
    """Transactions, one at a time; everything in one happens, or nothing.

    Raises `BackendBusy` if others write for longer than one is willing to wait, and other
    `BackendError`. Each begins with a look whether the database is still there, and calls `moved` if
    another is to be written from now on: what is acknowledged is in the file that others open.
    """

    def __init__(
        self, directory: Path, timeout: float, place: Place, moved: Callable[[], None]
    ) -> None:
        self._directory = directory
        self._place = place
        self._moved = moved
        self._timeout = timeout
        self.turn = Turn(f"{_WHAT} in {directory}")
        self._checkpoints: Checkpoints | None = None  # until the log is long
        self._unlooked = _UNLOOKED
        self._connection: Connection | None = None
        self._data_version = 0
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether the database is known to be there, and ours."""
        connection = self._connection
        return connection is not None and connection.file == self._place.file()

    def patience(self, most: float | None = None) -> Patience:
        """Return what one call waits with; for `most` seconds, if that is less than usual."""
        seconds = self._timeout if most is None else min(most, self._timeout)
        return Patience(seconds, self._directory)

    def begin(self, mode: Mode, patience: Patience | None) -> sqlite3.Cursor:
        """Begin a transaction, which is to be committed or taken back; `turn` is to be released then.
        Without patience, only if there is nobody to wait for.
        """
        begin = "BEGIN IMMEDIATE" if mode == "IMMEDIATE" else "BEGIN DEFERRED"
        while True:  # as `Patience.take`, in line: it is the path of every write
            if patience is not None:
                self.turn.acquire(patience)
            elif not self.turn.attempt():
                raise BackendBusy(_TAKEN)
            try:
                connection = self._connection
                if connection is None or (  # who only removes has looked just now
                    mode == "IMMEDIATE" and connection.file != self._place.file()
                ):
                    connection = self._connect()
                if connection.sqlite.in_transaction:  # of one who was interrupted on his way
                    connection.execute("ROLLBACK")
                cursor = connection.execute(begin)
            except FAILURES as error:
                failure = self._met(error)
            except BaseException:
                self.turn.release()
                raise
            else:
                return cursor
            if isinstance(failure, BegunAnew):
                continue
            if isinstance(failure, BackendError):
                raise failure
            if patience is None:
                raise BackendBusy(_TAKEN)
            patience.retry(_WHAT, failure)

    def take_back(self, error: BaseException) -> bool:
        """End a transaction in which there was an error. One of SQLite is translated, but for one that put
        the database aside: return whether that is so, and the transaction may be tried again.
        """
        connection = self._connection
        with suppress(sqlite3.Error):
            if connection is not None and connection.sqlite.in_transaction:
                connection.execute("ROLLBACK")
        if isinstance(error, FAILURES):
            if connection is None:
                raise BackendBusy(_FORKED) from None
            if isinstance(failure := self._damaged(error), BegunAnew):
                return True
            raise failure from None
        return False

    def open(self, patience: Patience) -> None:
        """Make the directory and its database, unless they are there."""
        if not self.is_open:
            self.do(lambda _: None, patience)

    def do(self, action: Callable[[Connection], T], patience: Patience | None = None) -> T:
        """Return what `action` returns, which is called when it is our turn."""
        value = (patience or self.patience()).take(self.turn, _WHAT, lambda: self._try(action))
        self.turn.release()
        self.written()
        return value

    def do_at_once(self, action: Callable[[Connection], T]) -> T:
        """Return what `action` returns. Raises `BackendBusy` instead of waiting for others."""
        if not self.turn.attempt():
            raise BackendBusy(_TAKEN)
        try:
            return action(self._there())
        except FAILURES as error:
            raise translated(_WHAT, error, self._directory) from None
        finally:
            self.turn.release()

    def written(self) -> None:
        """See to the log, after something was written."""
        if self._unlooked < _UNLOOKED:
            self._unlooked += 1
            return
        self.see_to_log()

    def see_to_log(self) -> None:
        """Have the log begin again if it is long."""
        self._unlooked = 0
        if self._place.log_bytes() >= LOG_BYTES:
            if self._checkpoints is None:
                from cachectl._backends.file.checkpoints import Checkpoints

                self._checkpoints = Checkpoints(self._place, self.turn)
            self._checkpoints.written()

    def log_bytes(self) -> int:
        """Return how long the log is."""
        return self._place.log_bytes()

    def at_the_log(self) -> AbstractContextManager[None]:
        """Return what keeps others of this process from the log."""
        return nullcontext() if self._checkpoints is None else self._checkpoints.turn

    def others_wrote(self) -> bool:
        """Return whether another process has written since this was last asked."""
        version = self.do(lambda connection: pragma(connection, "data_version"))
        before, self._data_version = self._data_version, version
        return version != before

    def verify(self) -> None:
        """Read all of the database, if there is one: if that cannot be done, it is put aside."""
        if self._place.file() is None:
            return
        self.begin("DEFERRED", self.patience())
        try:
            connection = self._there()
            verified(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if not self.take_back(error):
                raise
        finally:
            self.turn.release()

    def let_go(self) -> None:
        """Close what is open, unless it is being written."""
        if self.turn.attempt():
            try:
                self._close()
            finally:
                self.turn.release()

    def has_lost_log(self) -> bool:
        """Look, unless it is being written, and return whether the log was lost of what is open, which is
        let go of then.
        """
        if not self.turn.attempt():
            return False
        try:
            connection = self._connection
            lost = connection is not None and self.is_open and connection.has_lost_log()
            if lost:
                self._close()
            return lost
        finally:
            self.turn.release()

    def turns(self) -> Iterator[Turn]:
        if self._checkpoints is not None:
            yield self._checkpoints.turn
        yield self.turn

    def before_fork(self) -> bool:
        """Close what two processes must not share. A write that the fork interrupts is taken back, and
        refused in both.
        """
        self._close()
        return True

    def after_fork_in_child(self) -> None:
        """Go on, with a new connection."""

    def close(self) -> None:
        """Close for good. Raises `BackendBusy` in the middle of a write of this very thread."""
        self._is_closed = True
        if self._checkpoints is not None:
            with suppress(BackendBusy), self._checkpoints.turn:
                pass  # who is at the log is done with it
        with self.turn:
            self._close()

    def _try(self, action: Callable[[Connection], T]) -> T:
        try:
            return action(self._there())
        except FAILURES as error:
            if is_damage(error):
                raise self._damaged(error) from None
            raise

    def _there(self) -> Connection:
        """Return the connection to what is there."""
        if self._connection is None or not self.is_open:
            return self._connect()
        return self._connection

    def _met(self, error: Exception) -> Exception:
        """Return what an error means with which no transaction began, and give the turn back."""
        try:
            return self._damaged(error) if is_damage(error) else error
        finally:
            self.turn.release()

    def _damaged(self, error: Exception) -> BackendError:
        """Return our error; by then there is another database, if this one was damaged."""
        connection = self._connection
        if connection is None or not is_damage(error):
            return translated(_WHAT, error, self._directory)
        self._close()
        failure = self._place.damaged(error, connection.file)
        self._moved()
        return failure

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._is_closed:
            raise BackendRefused("this cache was closed: open it again to use it")
        self._close()
        while True:
            with suppress(BegunAnew):
                connection = self._attempt()
                if connection.file == self._place.file():
                    break
                connection.close()  # another was put there meanwhile
        if self._place.opened(connection.file):
            self._moved()
        connection.note_log()
        self._connection = connection
        return connection

    def _attempt(self) -> Connection:
        with claimed(self._directory):
            with making(self._directory):
                create_private(self._place.path)
            connection = Connection(self._place)
            with prepared(connection, self._place):
                if not is_made(connection, self._directory):
                    _make(connection, self._directory)
                make_leases(connection)
                for statement in (*_PREPARATION, f"PRAGMA journal_size_limit = {LOG_KEPT}"):
                    connection.execute(statement)
            return connection


def _make(connection: Connection, directory: Path) -> None:
    """Make the tables. Raises `PlaceRefused` where there is no room for them."""
    try:
        make(connection, directory)
    except sqlite3.OperationalError as error:
        failure = translated(f"cannot make a cache of {directory}", error)
        if isinstance(failure, BackendBusy):
            raise
        raise PlaceRefused(str(failure)) from None
