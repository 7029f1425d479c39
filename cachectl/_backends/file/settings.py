"""What a database must say of itself before it is used: our settings, our version.

diskcache turns each row of its table of settings into an attribute or a PRAGMA, so a database
with any other row is not opened at all.
"""

import sqlite3
from typing import Final

from cachectl._backends.file.value_files import ROW_LIMIT
from cachectl.errors import BackendRefused

SETTINGS: Final[dict[str, str | int]] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 2**62,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 2,  # incremental: `cleanup` gives pages back, not every delete
    "sqlite_cache_size": 8192,
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,  # a truncated file shall be an error, not a SIGBUS
    "sqlite_synchronous": 1,
    "disk_min_file_size": ROW_LIMIT,
    "disk_pickle_protocol": 0,
}
VERSION: Final = 1
"""Of our schema: the database's `user_version` once all of it is there."""

_METADATA: Final = frozenset(("count", "size", "hits", "misses"))
_TEXTS: Final = frozenset(("none", "wal"))


def require_known_settings(connection: sqlite3.Connection) -> None:
    """Raise `BackendRefused` unless every row is one that diskcache writes for us."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone():
        return
    for key, value in connection.execute("SELECT key, value FROM Settings").fetchall():
        known = key in SETTINGS or key in _METADATA
        if not known or not (type(value) is int or value in _TEXTS):
            raise BackendRefused("the cache was tampered with: its table of settings is not ours")


def is_complete(connection: sqlite3.Connection) -> bool:
    """Return whether the schema is there. Raises `BackendRefused` for one from the future."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise BackendRefused(f"the cache was made by a newer cachectl (its version is {version})")
    return version == VERSION
