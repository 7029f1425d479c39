"""Opening a database of SQLite where nothing can be written.

SQLite has two files beside a database: its log, and an index of that (`-shm`). Where it cannot make
them, because the medium is full or only read, what is there decides:

- An index that is in use: others have the database open, and what is wrong is something else.
- A log without one: what a crash left, or a copy. `unix-none` takes no locks, and in exclusive mode
  SQLite makes the index in memory.
- Neither: all is in the database. With `immutable` SQLite looks for nothing else.

In the last two cases nobody has it open. As somebody may begin to, such a connection is for one read.
"""

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


def _unshared(path: Path, error: sqlite3.OperationalError) -> Mode:
    if is_locked(error) or _size(path, "-shm") >= _INDEX:
        raise error
    return BESIDE_A_LOG if _size(path, "-wal") else _ALONE


def _size(path: Path, suffix: str) -> int:
    with suppress(OSError):
        return path.with_name(path.name + suffix).lstat().st_size
    return 0
