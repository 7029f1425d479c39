"""Free pages of a database, and its log: how they are given back to the file system."""

from collections.abc import Callable
from itertools import count
from typing import Final

from cachectl._backends.file.pacing import Pace
from cachectl._backends.file.schema import pragma
from cachectl._backends.file.writer import Writer
from cachectl._backends.sqlite import Connection

_LITTLE: Final = 4 * 1024 * 1024  # bytes that are copied while others wait
_PAGES: Final = 500  # that are given back at a time
_STEPS: Final = 8  # until the file is made shorter
_FEW: Final = 50  # where there is no room

Step = Callable[[Connection], int]
"""Gives some pages back, and returns how many are free still."""


def vacuum(writer: Writer) -> None:
    """Give free pages back: all at once if little would be left, which is copied then, or else some at a
    time, so that nobody waits for long.
    """
    _vacuum(writer, _vacuum_little, _vacuum_some)


def vacuum_carefully(writer: Writer) -> None:
    """Give free pages back with little in the log."""
    _vacuum(writer, _vacuum_few, _vacuum_few)


def give_back(writer: Writer) -> None:
    """Give free pages back if they are many, and most of the database; and with them its log."""
    free, left = writer.do(_pages)
    if free > max(left, _PAGES):
        vacuum(writer)
        with writer.at_the_log():
            writer.do(shorten_log)


def shorten_log(connection: Connection) -> bool:
    """Let the log be empty, unless others read it just then; return whether it is."""
    blocked: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not blocked


def growth(connection: Connection) -> int:
    """Return by how many bytes the database is to grow for what is in its log."""
    assert connection.path is not None
    size = pragma(connection, "page_count") * pragma(connection, "page_size")
    return max(0, size - connection.path.stat().st_size)


def _vacuum(writer: Writer, first: Step, then: Step) -> None:
    free, pace = writer.do(first), Pace(writer)
    for number in count(1):
        if not free:
            return
        began = pace.begin()
        before, free = free, writer.do(then)
        pace.end(began)
        is_last = not free or free >= before  # or others free pages faster
        if is_last or number % _STEPS == 0:
            writer.do(_shorten)
        if is_last:
            return


def _shorten(connection: Connection) -> None:
    """Let the file be as long as it need be, unless others read what is in its log. That may take long,
    but no other process waits for it.
    """
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _vacuum_little(connection: Connection) -> int:
    """Give all free pages back if little is left, and return how many there are now."""
    free, left = _pages(connection)
    if free > left and left * pragma(connection, "page_size") <= _LITTLE:
        connection.execute("VACUUM")
        _shorten(connection)  # or the next to write much would do it, and wait
    return _pages(connection)[0]


def _vacuum_some(connection: Connection) -> int:
    """Give some free pages back, and return how many there are now."""
    connection.cursor.executescript(f"PRAGMA incremental_vacuum({_PAGES})")  # `execute`: one page
    return _pages(connection)[0]


def _vacuum_few(connection: Connection) -> int:
    """Give free pages back with little in the log: all if hardly any other is left."""
    free, left = _pages(connection)
    connection.cursor.executescript(f"PRAGMA incremental_vacuum({free if left < _FEW else _FEW})")
    return _pages(connection)[0]


def _pages(connection: Connection) -> tuple[int, int]:
    """Return how many pages of the database are free, and how many are not."""
    free = pragma(connection, "freelist_count")
    return free, pragma(connection, "page_count") - free
