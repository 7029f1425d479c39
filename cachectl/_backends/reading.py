"""Opening a database of SQLite where nothing can be written.

SQLite has two files beside a database: its log, and an index of that (`-shm`). Where it cannot make
them, because the medium is full or only read, what is there decides:

- An index that is in use: others have the database open, and what is wrong is something else.
- A log without one: what a crash left, or a copy. `unix-none` takes no locks, and in exclusive mode
  SQLite makes the index in memory.
- Neither: all is in the database. With `immutable` SQLite looks for nothing else.

In the last two cases nobody has it open. As somebody may begin to, such a connection is good only as long
as the files are the same.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from cachectl._backends.place import Place
from cachectl._backends.sqlite import BESIDE_A_LOG, Connection, Mode, is_locked, opened

C = TypeVar("C", bound=Connection)

_ALONE: Final[Mode] = "ro&immutable=1"
_INDEX: Final = 32 * 1024
"""The least bytes of an index that is in use."""


def open_to_read(kind: Callable[[Place, Mode], C], place: Place) -> C:
    """Return a connection that asks for no more than to read. Raises what SQLite does."""
    try:
        return opened(kind, place, "ro")
    except sqlite3.OperationalError as error:
        return opened(kind, place, _unshared(place.path, error))


def is_unshared(connection: Connection) -> bool:
    """Return whether a connection is not told of what others write."""
    return connection.mode in (BESIDE_A_LOG, _ALONE)


def watched(path: Path) -> Callable[[], bool]:
    """Return what tells whether the files of a database are still as they are now."""
    before = _files(path)
    return lambda: _files(path) == before


def _files(path: Path) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for suffix, least in (("", 1), ("-wal", 1), ("-shm", _INDEX)):  # what is smaller says nothing
        with suppress(OSError):
            status = os.lstat(f"{path}{suffix}")
            if status.st_size >= least:
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
                continue
        found.append(None)
    return found


def _unshared(path: Path, error: sqlite3.OperationalError) -> Mode:
    if is_locked(error) or _size(path, "-shm") >= _INDEX:
        raise error
    return BESIDE_A_LOG if _size(path, "-wal") else _ALONE


def _size(path: Path, suffix: str) -> int:
    with suppress(OSError):
        return path.with_name(path.name + suffix).lstat().st_size
    return 0
