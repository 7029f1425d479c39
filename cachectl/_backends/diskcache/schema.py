"""What a database of diskcache must be, and what its table of settings says.

The schema is that of diskcache 5. Settings are read as data: diskcache itself makes an attribute
or a PRAGMA of each row.
"""

import math
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cachectl.errors import BackendRefused

LRU: Final = "least-recently-used"
"""The only policy under which diskcache keeps when an entry was last used."""
LFU: Final = "least-frequently-used"
"""The only policy under which it keeps how often."""
EVICTION_POLICIES: Final = ("none", "least-recently-stored", LRU, LFU)
ORDERS: Final = {LRU: "access_time", LFU: "access_count"}
"""What entries are removed by, the lowest first; under the other policies it is when they were stored."""
_LARGEST: Final = 2**63
_COLUMNS: Final = (
    "rowid", "key", "raw", "store_time", "expire_time", "access_time", "access_count", "tag",
    "size", "mode", "filename", "value",
)  # fmt: skip


class Figures(NamedTuple):
    """What a database says of itself; sizes are bytes, None is no limit."""

    entries: int
    file_size: int
    hits: int
    misses: int
    statistics: bool
    size_limit: int | None
    eviction_policy: str
    database_size: int

    @property
    def volume(self) -> int:
        """The bytes that diskcache holds against the limit (`Cache.volume`)."""
        return self.database_size + self.file_size


def require_diskcache(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `BackendRefused` unless the tables are those of diskcache."""
    for table, columns in (("Cache", _COLUMNS), ("Settings", ("key", "value"))):
        query = "SELECT 1 FROM sqlite_master WHERE name = ? AND type = 'table'"
        if not connection.execute(query, (table,)).fetchone():
            raise BackendRefused(f"{path} is not a database of diskcache (no table {table})")
        found = connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,))
        if found.fetchall() != [(name, 0) for name in columns]:
            raise BackendRefused(
                f"{path} has another schema than diskcache 5 (the columns of {table});"
                " was it made by a newer diskcache?"
            )


def read_figures(connection: sqlite3.Connection, path: Path) -> Figures:
    """Return the figures. Raises `BackendRefused` for settings that cannot be."""
    settings = dict(connection.execute("SELECT key, value FROM Settings").fetchall())
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    ((page_size,),) = connection.execute("PRAGMA page_size").fetchall()
    try:
        return _figures(settings, pages * page_size)
    except (KeyError, ValueError) as error:
        reason = f"the setting {error.args[0]}"
    raise BackendRefused(f"{path} has other settings than diskcache 5 ({reason})")


def _figures(settings: Mapping[str, object], database_size: int) -> Figures:
    if settings["eviction_policy"] not in EVICTION_POLICIES:
        raise ValueError("eviction_policy")
    unlimited = settings["size_limit"] == math.inf
    return Figures(
        entries=_number(settings, "count"),
        file_size=_number(settings, "size"),
        hits=_number(settings, "hits"),
        misses=_number(settings, "misses"),
        statistics=bool(_number(settings, "statistics")),
        size_limit=None if unlimited else _number(settings, "size_limit"),
        eviction_policy=str(settings["eviction_policy"]),
        database_size=database_size,
    )


def _number(settings: Mapping[str, object], name: str) -> int:
    """Return a whole number; a `FanoutCache` divides its limit, and so makes it a float."""
    found = settings[name]
    if not isinstance(found, int | float) or not 0 <= found < _LARGEST:
        raise ValueError(name)
    return int(found)
