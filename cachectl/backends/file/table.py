"""The table of entries: diskcache's, with statements of ours.

diskcache keeps the schema, the connections of each thread and process, the transactions, and
the removal of value files after a commit. What it cannot do is done in `rows`: limits and
totals per namespace, several tags, least recently used order without a write per read. Its own
`get`, `set` and iteration, which may unpickle, are never called; `BytesDisk` refuses them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import diskcache

from cachectl.backends import Condition, Item, Removed, Sweep, Swept, Written
from cachectl.backends.counterdb import sqlite_errors
from cachectl.backends.file import rows
from cachectl.backends.file.reader import key_range
from cachectl.backends.file.rows import Rows
from cachectl.backends.file.settings import SETTINGS
from cachectl.backends.file.values import ROW_LIMIT, ValueFiles
from cachectl.batches import BATCH
from cachectl.errors import BackendBusy
from cachectl.policy import Limits

_EXPIRED_PER_WRITE: Final = 10
_TICK: Final = 1e-6  # seconds between two uses, so that they have an order


class BytesDisk(diskcache.Disk):
    """Removes value files that are ours, and does nothing else: no key or value passes here."""

    def __init__(self, directory: str, min_file_size: int = 0, pickle_protocol: int = 0) -> None:
        super().__init__(directory, min_file_size, pickle_protocol)
        self._files = ValueFiles(directory)

    def remove(self, file_path: str) -> None:
        self._files.remove(file_path)

    def put(self, key: object) -> NoReturn:
        raise TypeError("cachectl does not write through diskcache.Disk")

    def get(self, key: object, raw: object) -> NoReturn:
        raise TypeError("cachectl does not read keys through diskcache.Disk")

    def store(self, value: object, read: object, key: object = None) -> NoReturn:
        raise TypeError("cachectl does not write through diskcache.Disk")

    def fetch(self, mode: object, filename: object, value: object, read: object) -> NoReturn:
        raise TypeError("cachectl does not read values through diskcache.Disk")


class EntryTable(diskcache.Cache):
    """Entries of all namespaces. One transaction per method; safe with many processes."""

    def __init__(self, directory: Path, timeout: float) -> None:
        with sqlite_errors(str(directory)):
            super().__init__(str(directory), timeout=timeout, disk=BytesDisk, **SETTINGS)
            self._con.executescript(rows.SCHEMA)
        self._files = ValueFiles(directory)

    def put(
        self,
        namespace: str,
        items: Sequence[tuple[Item, float]],
        limits: Limits,
        now: float,
        condition: Condition | None,
        used: Iterable[tuple[str, float]],
    ) -> Written:
        """Write items with their times of use, after noting `used`; then hold the limits."""
        stored = expired = 0
        with self._value_files(items) as filenames, self._rows(namespace) as table:
            table.touch(used)
            newest = table.newest()
            for (item, stamp), filename in zip(items, filenames, strict=True):
                old = table.find(item.key)
                fresh = old is not None and not old.expired(now)
                if condition and fresh != (condition == "present"):
                    table.unlink(filename)
                    continue
                newest = max(stamp, newest + _TICK)
                table.write(item, newest, filename, old)
                stored += 1
                expired += old is not None and not fresh
            expired += table.remove(rows.EXPIRED, now, _EXPIRED_PER_WRITE).entries
            evicted = table.evict(limits).entries
        return Written(stored, expired, evicted)

    def touch(self, namespace: str, used: Iterable[tuple[str, float]]) -> None:
        """Note when keys were last used."""
        with self._rows(namespace) as table:
            table.touch(used)

    def remove(self, namespace: str, keys: Sequence[str]) -> Removed:
        """Remove these keys; at most `BATCH` of them."""
        with self._rows(namespace) as table:
            return table.remove_keys(keys)

    def remove_expired(self, namespace: str, key: str, now: float) -> Removed:
        """Remove one key if it expired by `now`."""
        with self._rows(namespace) as table:
            return table.remove(rows.IF_EXPIRED, rows.row_key(namespace, key), now)

    def remove_tagged(self, namespace: str, tag: str) -> Removed:
        """Remove up to `BATCH` entries that carry `tag`."""
        with self._rows(namespace) as table:
            return table.remove(rows.TAGGED, tag, *key_range(namespace), BATCH)

    def clear(self, namespace: str) -> Removed:
        """Remove up to `BATCH` entries."""
        with self._rows(namespace) as table:
            return table.remove(rows.ALL, BATCH)

    def sweep(self, namespace: str, rule: Sweep) -> Swept:
        """Remove up to `BATCH` entries that `rule` condemns."""
        with self._rows(namespace) as table:
            expired = table.remove(rows.EXPIRED, rule.now, BATCH)
            if expired.entries:
                return Swept(expired)
            if rule.idle_before is not None:
                idle = table.remove(rows.IDLE, rule.idle_before, BATCH)
                if idle.entries:
                    return Swept(evicted=idle)
            return Swept(evicted=table.evict_some(rule.limits))

    def give_back(self) -> None:
        """Return free pages to the file system, a few at a time."""
        with sqlite_errors("the cache"):
            while self._con.execute("PRAGMA freelist_count").fetchone()[0]:
                self._con.execute("PRAGMA incremental_vacuum(200)").fetchall()

    def has_file(self, filename: str) -> bool:
        """Return whether an entry has its value in this file."""
        select = "SELECT 1 FROM Cache WHERE filename = ?"
        with sqlite_errors("the cache"):
            return self._con.execute(select, (filename,)).fetchone() is not None

    @contextmanager
    def _value_files(self, items: Sequence[tuple[Item, float]]) -> Iterator[list[str | None]]:
        """Write the large values to files first, so that no lock is held meanwhile."""
        names: list[str | None] = []
        try:
            for item, _ in items:
                large = len(item.data) > ROW_LIMIT
                names.append(self._files.write(item.data) if large else None)
            yield names
        except BaseException:
            for name in names:
                self._files.remove(name or "")
            raise

    @contextmanager
    def _rows(self, namespace: str) -> Iterator[Rows]:
        """Begin a transaction on one namespace, and bring its totals up to date at the end."""
        with sqlite_errors("the cache"):
            try:
                with self._transact() as (sql, unlink):
                    table = Rows(sql, unlink, namespace)
                    yield table
                    table.finish()
            except diskcache.Timeout:
                raise BackendBusy("the cache: another process has it locked") from None
