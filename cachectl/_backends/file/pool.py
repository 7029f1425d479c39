"""Connections that read a cache directory: as many as are in use at once, and a few at rest."""

import sqlite3
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final, SupportsIndex

from cachectl._backends.directory import require_ours
from cachectl._backends.file.schema import LONGEST_ROW, is_made
from cachectl._backends.place import BegunAnew, Place
from cachectl._backends.sqlite import (
    Connection,
    Mode,
    Patience,
    is_damage,
    leave_to_parent,
    opened,
    prepared,
    translated,
)
from cachectl._model.turn import Turn
from cachectl.errors import BackendRefused

MOST_IDLE: Final = 8
_READS: Final = 0.005
_LOOK: Final = 0.0005
"""Seconds in which reads under way can be expected to end, and between two looks whether they have."""
_WHAT: Final = "the cache"


class ReadConnection(Connection):
    """A connection that cannot write, and believes no row that is longer than ours are."""

    __slots__ = ()

    def __init__(self, place: Place, mode: Mode) -> None:
        super().__init__(place, mode)
        self.sqlite.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_ROW)


class _Unshared(list[ReadConnection]):
    """Those at rest of a database that SQLite does not share with others: they are good as long as nobody
    has written to its files.
    """

    def __init__(
        self, is_same: Callable[[], bool], retire: Callable[[ReadConnection], None]
    ) -> None:
        super().__init__()
        self.is_same: Callable[[], bool] = is_same
        self._retire = retire

    def pop(self, index: SupportsIndex = -1) -> ReadConnection:
        connection = super().pop(index)
        if not self.is_same():
            self._retire(connection)
            raise IndexError
        return connection


class ReadConnections:
    """Whoever reads takes a connection from the end of `idle`, or else from `open`, and gives it
    back to the same list, or else to `retire`: threads of any kind, and greenlets.

    Taking and giving are each one step of the interpreter, and need no lock.
    """

    def __init__(self, directory: Path, place: Place) -> None:
        self.idle: list[ReadConnection] = []
        self._directory = directory
        self._place = place
        self._turn = Turn(f"{_WHAT} in {directory}")  # of those who open one
        self._opened: weakref.WeakSet[ReadConnection] = weakref.WeakSet()
        self._is_closed = False

    def exists(self) -> bool:
        """Return whether there is a cache; see `Reader.exists`."""
        try:
            return require_ours(self._directory) and self._place.path.exists()
        except OSError as error:
            raise translated(str(self._directory), error) from None

    def open(self, patience: Patience) -> ReadConnection | None:
        """Return a new connection; None if there is no cache."""
        connection = patience.take(self._turn, _WHAT, self._connect)
        self._turn.release()
        return connection

    def retire(self, connection: ReadConnection) -> None:
        """Close a connection that is not needed any more."""
        connection.close()
        self._opened.discard(connection)

    def look(self) -> bool:
        """Let go of a database that is not there any more, and return whether that was so."""
        moved = self._place.has_moved()
        if moved:
            self.drop()
        return moved

    def has_lost_log(self) -> bool:
        """Look, unless all are in use, and return whether the log was lost of what is idle, which is let go
        of then.
        """
        idle = self.idle
        lost = False
        with suppress(IndexError):  # there is none
            connection = idle.pop()
            lost = connection.file == self._place.file() and connection.has_lost_log()
            if lost:
                self.drop()
            if idle is self.idle:
                idle.append(connection)
            else:
                self.retire(connection)
        return lost

    def drop(self) -> None:
        """Close what is idle, and what is in use once it is given back."""
        before, self.idle = self.idle, []
        with suppress(IndexError):  # somebody took the last just then
            while before:
                self.retire(before.pop())

    def is_to_retry(self, connection: ReadConnection, failure: Exception) -> bool:
        """Return whether what failed may be done again, as there is another database now. Raises
        `BackendError` if that was damaged which is there.
        """
        if not is_damage(failure):
            return False
        error = self._place.damaged(failure, connection.file)
        self.drop()
        if not isinstance(error, BegunAnew):
            raise error from None
        return True

    def turns(self) -> Iterator[Turn]:
        yield self._turn

    def before_fork(self) -> bool:
        """Close all of them, and return whether none is in use."""
        return self._close(_READS)

    def after_fork_in_child(self) -> None:
        leave_to_parent(self._opened)
        self._opened = weakref.WeakSet()

    def close(self) -> None:
        """Close those that are not in use; who uses one closes it. No more are opened."""
        self._is_closed = True
        self._close(0)

    def _close(self, seconds: float) -> bool:
        """Close all, waiting so long at most for those that others use; return whether all are."""
        before, self.idle = self.idle, []
        deadline = time.monotonic() + seconds
        while True:
            while before:
                with suppress(IndexError):  # what is retired by that
                    self.retire(before.pop())
            for connection in _interrupted() if len(self._opened) else ():
                self.retire(connection)
            if not len(self._opened):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK)

    def _connect(self) -> ReadConnection | None:
        if self._is_closed:
            raise BackendRefused("this cache was closed: open it again to use it")
        while self.exists():
            with suppress(BegunAnew):
                connection, unshared = self._attempt()
                if connection is None:
                    return None
                if connection.file == self._place.file():
                    self._admit(connection, unshared)
                    return connection
                connection.close()  # another was put there meanwhile
        return None

    def _attempt(self) -> tuple[ReadConnection | None, _Unshared | None]:
        """Return what `_open` does for what is there; no connection if it is empty: another process may be
        about to make it.
        """
        connection, unshared = self._open()
        with prepared(connection, self._place):
            made = is_made(connection, self._directory)
        if made:
            return connection, unshared
        connection.close()
        return None, None

    def _admit(self, connection: ReadConnection, unshared: _Unshared | None) -> None:
        """Keep account of a connection, and of where it is to rest."""
        if self._place.opened(connection.file):
            self.drop()
        now = self.idle
        if unshared is None:
            connection.note_log()
            if isinstance(now, _Unshared):  # something can be written by now
                self.idle = []
        elif not (isinstance(now, _Unshared) and now.is_same()):
            self.idle = unshared
        self._opened.add(connection)

    def _open(self) -> tuple[ReadConnection, _Unshared | None]:
        """Return a connection, and where it is to rest if SQLite does not share its database."""
        try:
            return opened(ReadConnection, self._place, "rw"), None
        except sqlite3.OperationalError:
            from cachectl._backends import reading  # not as a rule

            is_same = reading.watched(self._place.path)
            connection = reading.open_to_read(ReadConnection, self._place)
            is_unshared = reading.is_unshared(connection)
            return connection, _Unshared(is_same, self.retire) if is_unshared else None


def _interrupted() -> list[ReadConnection]:
    """Return what the code uses that this call interrupts: it goes on when this has returned."""
    found: list[ReadConnection] = []
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - as `inspect.currentframe`
    while frame is not None:
        if "connection" in frame.f_code.co_varnames:
            used = frame.f_locals.get("connection")
            found += [used] if isinstance(used, ReadConnection) else []
        frame = frame.f_back
    return found
