"""Entries in a directory: diskcache's database, and value files for what is large.

Reading goes through `Reader` and creates nothing; the first write makes the directory and opens
`EntryTable`. Many processes may do both at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file.reader import DiskRow, Reader
from cachectl._model import envelope
from cachectl._model.batches import batches
from cachectl._model.entry import Entry
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Removed,
    Written,
)
from cachectl.errors import DamagedEntry

if TYPE_CHECKING:
    from cachectl._backends.file.backend import FileBackend

_TIMEOUT: Final = 5.0  # seconds that a write waits for another process's write
_CHECK_EVERY: Final = 1.0  # seconds until a writer looks again for what others did
_ORPHAN_AGE: Final = 3600.0  # seconds after which a value file without a row belongs to nobody


class FileStore:
    """One namespace of a directory."""

    def __init__(self, namespace: str, reader: Reader, backend: "FileBackend") -> None:
        self._namespace = namespace
        self._prefix = f"{namespace}/"  # what row keys begin with; a namespace has no slash
        self._reader = reader
        self._backend = backend
        self._access_log = AccessLog()
        self._limits: Limits | None = None
        self._limits_checked_at = 0.0

    def get(self, key: str, now: float) -> Entry | None:
        data = self._reader.read(self._prefix + key)
        if data is None:
            return None
        entry = envelope.unpack(self._namespace, key, data)
        self._access_log.record(key, now)
        return entry

    def peek(self, key: str) -> Entry | None:
        data = self._reader.read(self._prefix + key)
        return None if data is None else envelope.unpack(self._namespace, key, data)

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        check_limits = (
            limits != self._limits or not 0 <= now - self._limits_checked_at < _CHECK_EVERY
        )
        written = self._backend.table.put(
            self._namespace,
            items,
            limits,
            now,
            condition,
            self._access_log,
            check_limits=check_limits,
        )
        if check_limits:
            self._limits, self._limits_checked_at = limits, now
        return written

    def remove(self, keys: Iterable[str]) -> Removed:
        total = Removed()
        for batch in batches(keys):
            if self._reader.exists():
                total = total.plus(self._backend.table.remove(self._namespace, batch))
        return total

    def remove_expired(self, key: str, now: float) -> Removed:
        return self._backend.table.remove_expired(self._namespace, key, now)

    def remove_tagged(self, tag: str) -> Removed:
        return self._until_done(lambda namespace: self._backend.table.remove_tagged(namespace, tag))

    def clear(self) -> Removed:
        return self._until_done(self._backend.table.clear)

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        self.flush()
        return (
            self._backend.table.cleanup(self._namespace, rule)
            if self._reader.exists()
            else CleanupStep()
        )

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        if tag is None:
            rows = self._reader.rows(self._namespace, envelope.HEADER_LIMIT)
        else:
            rows = self._reader.tagged_rows(self._namespace, tag, envelope.HEADER_LIMIT)
        for row in rows:
            yield self._listed(row)

    def flush(self) -> None:
        if len(self._access_log):
            self._backend.table.touch(self._namespace, self._access_log)

    def _until_done(self, remove: Callable[[str], Removed]) -> Removed:
        total = Removed()
        while self._reader.exists() and (removed := remove(self._namespace)).entries:
            total = total.plus(removed)
        return total

    def _listed(self, row: DiskRow) -> EntryInfo:
        try:
            head = self._reader.head(row, envelope.HEADER_LIMIT)
            entry = envelope.unpack_header(head)._replace(size=row.size)
        except DamagedEntry:
            entry = None
        return EntryInfo(row.key[len(self._prefix) :], entry, row.size, row.used_at)
