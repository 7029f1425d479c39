"""One database of a diskcache directory: the only one, or a shard of a `FanoutCache`."""

import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from cachectl._backends.diskcache.database import Database
from cachectl._backends.diskcache.keys import Key, PickledKey, keys_of
from cachectl._backends.diskcache.place import DATABASE
from cachectl._backends.diskcache.rows import COLUMNS, MODE_PICKLE, Row
from cachectl._backends.diskcache.schema import ORDERS, Figures, read_figures
from cachectl._backends.diskcache.value_files import read_file
from cachectl._model.batches import BATCH
from cachectl._model.codecs.unread import Unread
from cachectl.errors import DamagedEntry

_FIND: Final = f"SELECT {COLUMNS}, CASE WHEN mode = 1 THEN value END FROM Cache WHERE "
_BY_KEY: Final = f"{_FIND} key = ? AND raw = 1"
_BY_ROW: Final = f"{_FIND} rowid = ? AND raw IS NOT 1"
_REPLACED: Final = 20  # how often in a row a value may be replaced while it is read


class Found(NamedTuple):
    """A row with its value, and the policy that says what is kept of its use."""

    row: Row
    value: object
    eviction_policy: str


class Shard:
    """A database and its value files. `name` is empty unless there are several."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self._directory = directory
        self._database = Database(directory / DATABASE)

    def figures(self) -> Figures:
        """Return what the database says of itself."""
        return self._database.read(lambda connection: read_figures(connection, self._path))

    def log_size(self) -> int:
        """Return the bytes of the write-ahead log."""
        return self._database.log_size()

    def find(self, key: Key) -> Found | None:
        """Return what is under a key. Raises `DamagedEntry`."""
        for _ in range(_REPLACED):
            found = self._database.read(lambda connection: self._find(connection, key))
            if found is None:
                return None
            with suppress(FileNotFoundError):  # replaced or removed since
                row, in_row, policy = found
                return Found(row, self._value(row, in_row), policy)
        raise DamagedEntry("its value file is gone")

    def rows(self, tag: str | None) -> Iterator[Row]:
        """Yield the rows in the order in which the policy removes them.

        Only numbers of rows are read in advance, eight bytes each: not every policy has an index
        in this order, and each page would sort all of them.
        """
        numbers = iter(self._database.read(lambda connection: self._order(connection, tag)))
        while page := list(islice(numbers, BATCH)):
            rows = self._database.read(lambda connection: _rows(connection, page))
            yield from (rows[number] for number in page if number in rows)

    @property
    def _path(self) -> Path:
        return self._database.path

    def _order(self, connection: sqlite3.Connection, tag: str | None) -> "array[int]":
        policy = read_figures(connection, self._path).eviction_policy
        column = ORDERS.get(policy, "store_time")
        where = "" if tag is None else "WHERE tag IN (?, ?)"
        tags = [] if tag is None else [*keys_of(tag), tag][:2]
        query = f"SELECT rowid FROM Cache {where} ORDER BY {column}, rowid"
        return array("q", (number for (number,) in connection.execute(query, tags)))

    def _find(self, connection: sqlite3.Connection, key: Key) -> Found | None:
        if not isinstance(key, PickledKey):
            found = connection.execute(_BY_KEY, (key,)).fetchone()
        elif key.shard == self.name:
            found = connection.execute(_BY_ROW, (key.row,)).fetchone()
        else:
            return None
        if found is None:
            return None
        policy = read_figures(connection, self._path).eviction_policy
        return Found(Row(*found[:-1]), found[-1], policy)

    def _value(self, row: Row, in_row: object) -> object:
        if row.mode == MODE_PICKLE:
            return Unread()
        if row.type is None:
            raise DamagedEntry("diskcache writes no such row")
        if row.filename is None:
            return in_row
        content = read_file(self._directory, row.filename)
        try:
            return content if row.type is bytes else content.decode()
        except UnicodeDecodeError:
            raise DamagedEntry("its value file is not UTF-8") from None


def _rows(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, Row]:
    marks = ",".join("?" * len(numbers))
    found = connection.execute(f"SELECT {COLUMNS} FROM Cache WHERE rowid IN ({marks})", numbers)
    return {row[0]: Row(*row) for row in found}
