"""One namespace of a directory.

Reading goes through `Reader` and creates nothing; the first write makes the directory and opens
`EntryTable`. Many processes may do both at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.file.reader import Reader
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
    Lease,
    Planned,
    Removed,
    Written,
)
from cachectl.errors import BackendRefused, DamagedEntry

if TYPE_CHECKING:
    from cachectl._backends.file.backend import FileBackend
    from cachectl._backends.file.listing import DiskRow

FAR: Final = Entry(None, 0, 0.0, 0.0, 0, 0, (), 0)
"""Stands for an entry whose value is large, in a file, or not to be had at once."""
_NEAR: Final = 256 * 1024  # bytes: reading more takes longer than a thread takes to answer
_CHECK_EVERY: Final = 1.0  # seconds until a writer looks again for what others did


class FileStore:
    """One namespace of a directory."""

    def __init__(
        self, namespace: str, reader: Reader, backend: "FileBackend", access_log: AccessLog
    ) -> None:
        self._namespace = namespace
        self._reader = reader
        self._backend = backend
        self._access_log = access_log
        self._limits: Limits | None = None
        self._limits_checked_at = 0.0

    def get(self, key: str, now: float) -> Entry | None:
        found = self._reader.read(self._namespace, key)
        if found is None:
            return None
        entry, written = found
        self._access_log.record(key, now, written, entry.created_at)
        return entry

    def peek(self, key: str) -> Entry | None:
        found = self._reader.read(self._namespace, key)
        return None if found is None else found[0]

    def get_near(self, key: str, now: float) -> Entry | None:
        """Do what `get` does, or return `FAR` if that might take long."""
        found = self._reader.read_near(self._namespace, key, _NEAR)
        if found is None:
            return None
        if not found[0]:
            return FAR
        entry = envelope.unpack(self._namespace, key, found[0])
        self._access_log.record(key, now, found[1], entry.created_at)
        return entry

    def peek_near(self, key: str) -> Entry | None:
        """Do what `peek` does, or return `FAR` if that might take long."""
        found = self._reader.read_near(self._namespace, key, _NEAR)
        if found is None:
            return None
        return envelope.unpack(self._namespace, key, found[0]) if found[0] else FAR

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        check_limits = self._is_to_check(limits, now)
        written = self._backend.table.put(
            self._namespace, items, self._access_log, limits, now, condition, check_limits
        )
        if check_limits:
            self._limits, self._limits_checked_at = limits, now
        return written

    def put_loaded(
        self, loads: Sequence[tuple[Item, Lease]], limits: Limits, now: float
    ) -> list[Written]:
        """Do in one transaction what several calls of `put` with leases would; no value is large."""
        check_limits = self._is_to_check(limits, now)
        written = self._backend.table.put_loaded(
            self._namespace, loads, self._access_log, limits, now, check_limits
        )
        if check_limits:
            self._limits, self._limits_checked_at = limits, now
        return written

    def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        return self.leases([(key, tags, now)])[0]

    def leases(self, wanted: Sequence[tuple[str, Sequence[str], float]]) -> list[Lease]:
        """Take several leases in one transaction."""
        return self._backend.table.leases(self._namespace, wanted)

    def release(self, lease: Lease) -> None:
        self._backend.table.release(self._namespace, lease)

    def remove(self, keys: Iterable[str]) -> Removed:
        table, total = self._backend.existing_table(), None
        if table is not None:
            for batch in batches(keys):
                removed = table.removals.remove(self._namespace, batch)
                total = total.plus(removed) if total else removed
        return total or Removed()

    def remove_expired(self, key: str, now: float) -> Removed:
        return self._backend.table.removals.remove_expired(self._namespace, key, now)

    def remove_tagged(self, tag: str) -> Removed:
        table = self._backend.existing_table()
        return table.removals.remove_tagged(self._namespace, tag) if table else Removed()

    def clear(self) -> Removed:
        table = self._backend.existing_table()
        return table.removals.clear(self._namespace) if table else Removed()

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        with suppress(BackendRefused):  # where there is no room, they stay noted
            self.flush()
        table = self._backend.existing_table()
        return table.removals.cleanup(self._namespace, rule) if table else CleanupStep()

    def plan(self, rule: CleanupRule) -> Iterator[Planned]:
        from cachectl._backends.file.plan import planned  # no lookup needs it

        return planned(self._reader, self._namespace, rule)

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        from cachectl._backends.file import listing  # no lookup needs it

        for row in listing.rows(self._reader, self._namespace, tag, envelope.HEADER_LIMIT):
            yield self._listed(row)

    def flush(self) -> None:
        if len(self._access_log):
            self._touch(self._access_log.drain())

    def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        if not len(self._access_log):
            return True
        due = self._access_log.due(now, limited=is_limited())
        if due:
            self._touch(due)
        return due is not None

    def _touch(self, used: list[tuple[str, int]]) -> None:
        """Write when keys were last used; what cannot be written stays noted."""
        try:
            self._backend.table.touch(self._namespace, used)
        except BaseException:
            self._access_log.requeue(used)
            raise

    def _is_to_check(self, limits: Limits, now: float) -> bool:
        """Whether a write is to look for what others did, too."""
        return limits != self._limits or not 0 <= now - self._limits_checked_at < _CHECK_EVERY

    def _listed(self, row: "DiskRow") -> EntryInfo:
        try:
            head = self._reader.head(row.head, row.filename, row.size, envelope.HEADER_LIMIT)
            entry = envelope.unpack_header(head)._replace(size=row.size)
        except DamagedEntry:
            entry = None
        return EntryInfo(row.key, entry, row.size, row.used_at / 1e6)
