"""Counters in an SQLite database, for backends that live on one machine.

A database of its own: a process that writes counts never waits for one that writes
entries.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from cachectl._backends import counter_tables, sketch_tables
from cachectl._backends.directory import claimed, create_private, require_ours
from cachectl._backends.place import COUNTERS, BegunAnew, Place
from cachectl._backends.sqlite import (
    FAILURES,
    Connection,
    Patience,
    is_damage,
    is_locked,
    prepared,
    verified,
)
from cachectl._metrics.counters import Batch, Counts, Series
from cachectl._metrics.sketches import Sketch
from cachectl._metrics.windows import RINGS, Window
from cachectl._model.deadline import SECONDS
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy, BackendError

_WHAT: Final = "the counters"

T = TypeVar("T")


class CounterDatabase:
    """A `CounterStore` in `directory`, made when the first counts arrive; None is in memory.

    One that is damaged is put aside, or else nothing is read of it and nothing added, and that is told.
    """

    def __init__(
        self, directory: Path | None, timeout: float = SECONDS, *, puts_aside: bool = True
    ) -> None:
        self._directory = directory
        self._place: Place | None = None
        if directory is not None:
            self._place = Place(directory / COUNTERS, puts_aside=puts_aside)
        self._timeout = timeout
        self._connection: Connection | None = None
        self._turn = Turn(_WHAT if directory is None else f"{_WHAT} in {directory}")
        self._pruned = 0.0

    def add(self, batch: Batch) -> None:
        def add(connection: Connection) -> None:
            counter_tables.add(connection, batch)
            if batch.at - self._pruned >= RINGS[0].width:
                self._pruned = batch.at
                counter_tables.prune(connection, batch.at)

        try:
            self._do(lambda: self._whole(add))
        except BackendError as error:
            if not self._is_told(error) or (self._place and self._place.puts_aside):
                raise

    def read(self, window: Window) -> dict[str, Counts]:
        return self._read_or_tell(lambda found: counter_tables.counts(found, window))

    def names(self) -> Collection[str]:
        """Return of what there are counts, also what can be the name of no namespace."""
        return self._read_or_tell(counter_tables.names)

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        found = self._read_or_tell(lambda found: counter_tables.series(found, window, parts))
        return {name: found[name] for name in of if name in found} if of else found

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        return self._read_or_tell(lambda found: sketch_tables.read(found, window, of))

    def reset(self) -> None:
        """Delete all counts."""
        self._do(lambda: self._whole(counter_tables.reset))

    def forget(self, namespace: str) -> None:
        """Delete the counts of a namespace."""

        def forget() -> None:
            if self._found() is not None:
                self._whole(partial(counter_tables.forget, namespace=namespace))

        self._do(forget)

    def look(self) -> list[str]:
        """Let go of a database that is not there any more, and return in words what became of it since
        this was called last.
        """
        if self._place is None:
            return []
        if self._place.has_moved():
            with suppress(BackendBusy):  # who uses it looks for himself
                self._do(self._there)
        return self._place.news()

    def verify(self) -> None:
        """Read all of it. Raises `BackendError` if that cannot be done."""

        def verify(connection: Connection) -> dict[str, None]:
            verified(connection)
            return {}

        self._do(lambda: self._read(verify))

    def close(self) -> None:
        with self._turn:
            self._close()

    def turns(self) -> Iterator[Turn]:
        yield self._turn

    def before_fork(self) -> bool:
        """Close what two processes must not share."""
        if self._directory is not None:
            self._close()
        return True

    def after_fork_in_child(self) -> None:
        """Open a new connection when needed; counts in memory stay with the parent."""
        self._connection = None

    def _do(self, action: Callable[[], T]) -> T:
        """Return what `action` returns, which is called when it is our turn."""
        value = Patience(self._timeout, self._directory).take(
            self._turn, _WHAT, partial(self._attempt, action)
        )
        self._turn.release()
        return value

    def _whole(self, write: Callable[[Connection], None]) -> None:
        """Write all of something, or nothing if there is an error."""
        connection = self._made()
        with connection.transaction():
            write(connection)

    def _attempt(self, action: Callable[[], T]) -> T:
        """Return what `action` returns, with another database if this one is damaged and put aside."""
        try:
            return action()
        except BegunAnew:
            return action()
        except FAILURES as error:
            connection = self._connection
            if self._place is None or connection is None or not is_damage(error):
                raise
            self._close()
            failure = self._place.damaged(error, connection.file)
        if not isinstance(failure, BegunAnew):
            raise failure
        return action()

    def _read_or_tell(self, read: Callable[[Connection], dict[str, T]]) -> dict[str, T]:
        """Return what is read of the database; nothing if it is damaged, which is told."""
        try:
            return self._do(lambda: self._read(read))
        except BackendError as error:
            if not self._is_told(error):
                raise
            return {}

    def _is_told(self, error: BackendError) -> bool:
        """Tell of damage, and return whether this is an error of that kind."""
        if self._place is None or not is_damage(error):
            return False
        self._place.tell(f"nothing is known of what was counted: {error}")
        return True

    def _there(self) -> Connection | None:
        """Return the connection, unless another file is there by now."""
        connection, place = self._connection, self._place
        if connection is not None and place is not None and connection.file != place.file():
            self._close()
        return self._connection

    def _read(self, read: Callable[[Connection], dict[str, T]]) -> dict[str, T]:
        """Return what is read of the database, also where nothing can be written; nothing if there is none."""
        try:
            connection = self._found()
        except sqlite3.OperationalError as error:
            if self._place is None or is_locked(error):
                raise
            from cachectl._backends.reading import open_to_read  # not as a rule

            connection = open_to_read(Connection, self._place)
            with prepared(connection, self._place):
                found = {}
                if connection.execute("SELECT 1 FROM sqlite_master").fetchall():
                    counter_tables.supplement(connection)
                    found = read(connection)
            connection.close()
            return found
        return {} if connection is None else read(connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _made(self) -> Connection:
        """Return the connection, having made the database if there was none."""
        connection = self._there()
        if connection is None:
            connection = self._make()
        elif connection.sqlite.in_transaction:  # of one who was interrupted on his way
            connection.execute("ROLLBACK")
        return connection

    def _make(self) -> Connection:
        if self._directory is None:
            return self._connect()
        with claimed(self._directory):
            create_private(self._directory / COUNTERS)
            return self._connect()

    def _found(self) -> Connection | None:
        """Return the connection if there is a database."""
        directory = self._directory
        if self._there() is None and (
            directory is None or (require_ours(directory) and (directory / COUNTERS).exists())
        ):
            return self._connect()
        return self._connection

    def _connect(self) -> Connection:
        connection = Connection(self._place)
        with prepared(connection, self._place):
            counter_tables.prepare(connection)
        if self._place is not None:
            self._place.opened(connection.file)
        self._connection = connection
        return connection
