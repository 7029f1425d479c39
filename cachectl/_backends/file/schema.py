"""The database of entries: diskcache's, and what is added to it.

diskcache makes the database, so that its tools can read it, and is imported for nothing else:
statements, connections and transactions are ours. In its table the `tag` column holds the
namespace, `access_time` the time of last use and `size` the stored bytes.

`access_count` holds a time before which an entry does not expire, and that is what the index of
expiry is made of: an entry that is replaced may stay where it is in there, until that time has
come and it is filed anew (the lazy timers of Varghese and Lauck, SOSP 1987). diskcache's own
index of expiry, and its triggers, which count what `cachectl_totals` counts, are dropped. Together
they would make each write much dearer (`make bench ROW=floor-file`).
"""

from pathlib import Path
from typing import Final, NoReturn

import diskcache

from cachectl._backends.file import eviction_index
from cachectl._backends.file.settings import SETTINGS, VERSION

_ADDED: Final = f"""
CREATE INDEX IF NOT EXISTS cachectl_used ON Cache(tag, access_time);
DROP INDEX IF EXISTS cachectl_expiry;
CREATE INDEX IF NOT EXISTS cachectl_expiry ON Cache(tag, access_count);
CREATE INDEX IF NOT EXISTS cachectl_files ON Cache(filename) WHERE filename IS NOT NULL;
CREATE TABLE IF NOT EXISTS cachectl_totals(
    namespace TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cachectl_tags(key TEXT, tag TEXT, PRIMARY KEY(key, tag)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cachectl_tagged ON cachectl_tags(tag, key);
{eviction_index.SCHEMA}
DROP INDEX IF EXISTS Cache_expire_time;
DROP TRIGGER IF EXISTS Settings_count_insert;
DROP TRIGGER IF EXISTS Settings_count_delete;
DROP TRIGGER IF EXISTS Settings_size_insert;
DROP TRIGGER IF EXISTS Settings_size_update;
DROP TRIGGER IF EXISTS Settings_size_delete;
PRAGMA user_version = {VERSION};
"""


class BytesDisk(diskcache.Disk):
    """Refuses whatever would pass a key or a value through diskcache, and so through pickle."""

    def remove(self, file_path: str) -> NoReturn:
        raise TypeError("cachectl does not remove files through diskcache.Disk")

    def put(self, key: object) -> NoReturn:
        raise TypeError("cachectl does not write keys through diskcache.Disk")

    def get(self, key: object, raw: object) -> NoReturn:
        raise TypeError("cachectl does not read keys through diskcache.Disk")

    def store(self, value: object, read: object, key: object = None) -> NoReturn:
        raise TypeError("cachectl does not write values through diskcache.Disk")

    def fetch(self, mode: object, filename: object, value: object, read: object) -> NoReturn:
        raise TypeError("cachectl does not read values through diskcache.Disk")


class _Database(diskcache.Cache):
    """diskcache's database while it is made."""

    def complete(self) -> None:
        """Add what diskcache does not have."""
        self._con.executescript(_ADDED)


def create(directory: Path, timeout: float) -> None:
    """Make the database, or what it lacks; processes that do so at once do no harm."""
    database = _Database(str(directory), timeout=timeout, disk=BytesDisk, **SETTINGS)
    try:
        database.complete()
    finally:
        database.close()
