"""Entries in a directory: diskcache's database, and value files for what is large.

Reading goes through `Reader` and creates nothing; the first write makes the directory and opens
`EntryTable`. Many processes may do both at once.
"""

import fcntl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from cachectl import envelope
from cachectl.backends import (
    Condition,
    Item,
    Listed,
    Removed,
    Sweep,
    Swept,
    Usage,
    Written,
)
from cachectl.backends.counterdb import CounterDatabase
from cachectl.backends.directory import claim, create_private
from cachectl.backends.file.reader import DiskRow, Reader
from cachectl.backends.file.values import ValueFiles
from cachectl.backends.file.writer import Writer
from cachectl.batches import batches
from cachectl.counters import CounterStore
from cachectl.entry import Entry
from cachectl.errors import BackendBusy, ConfigError, DamagedEntry
from cachectl.policy import Limits
from cachectl.recency import Recency

if TYPE_CHECKING:
    from cachectl.backends.file.table import EntryTable

_TIMEOUT: Final = 5.0  # seconds that a write waits for another process's write
_LOOK_EVERY: Final = 1.0  # seconds until a writer looks again for what others did
_ORPHAN_AGE: Final = 3600.0  # seconds after which a value file without a row belongs to nobody


class FileStore:
    """One namespace of a directory."""

    def __init__(self, namespace: str, reader: Reader, backend: "FileBackend") -> None:
        self._namespace = namespace
        self._prefix = f"{namespace}/"  # what row keys begin with; a namespace has no slash
        self._reader = reader
        self._backend = backend
        self._recency = Recency()
        self._limits: Limits | None = None
        self._looked_at = 0.0

    def get(self, key: str, now: float) -> Entry | None:
        data = self._reader.read(self._prefix + key)
        if data is None:
            return None
        entry = envelope.unpack(self._namespace, key, data)
        self._recency.note(key, now)
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
        look = limits != self._limits or not 0 <= now - self._looked_at < _LOOK_EVERY
        written = self._backend.table.put(
            self._namespace, items, limits, now, condition, self._recency, look=look
        )
        if look:
            self._limits, self._looked_at = limits, now
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

    def sweep(self, rule: Sweep) -> Swept:
        self.flush()
        return (
            self._backend.table.sweep(self._namespace, rule) if self._reader.exists() else Swept()
        )

    def scan(self, tag: str | None = None) -> Iterator[Listed]:
        if tag is None:
            rows = self._reader.rows(self._namespace, envelope.HEADER_LIMIT)
        else:
            rows = self._reader.tagged_rows(self._namespace, tag, envelope.HEADER_LIMIT)
        for row in rows:
            yield self._listed(row)

    def flush(self) -> None:
        if len(self._recency):
            self._backend.table.touch(self._namespace, self._recency)

    def _until_done(self, remove: Callable[[str], Removed]) -> Removed:
        total = Removed()
        while self._reader.exists() and (removed := remove(self._namespace)).entries:
            total = total.plus(removed)
        return total

    def _listed(self, row: DiskRow) -> Listed:
        try:
            head = self._reader.head(row, envelope.HEADER_LIMIT)
            entry = envelope.unpack_header(head)._replace(size=row.size)
        except DamagedEntry:
            entry = None
        return Listed(row.key[len(self._prefix) :], entry, row.size, row.used_at)


class FileBackend:
    """Namespaces in `directory`, which is made by the first write."""

    name: ClassVar[str] = "file"
    live: ClassVar[bool] = False

    def __init__(self, *, directory: Path) -> None:
        if "$" in str(directory) or str(directory).startswith("~"):
            raise ConfigError(f"the path of a cache directory has no $ and no ~: {directory}")
        self._directory = directory.absolute()
        self._reader = Reader(self._directory, _TIMEOUT)
        self._writer = Writer(self._directory, _TIMEOUT)
        self._counters = CounterDatabase(self._directory)
        self._stores: dict[str, FileStore] = {}
        self._lock = threading.Lock()

    @property
    def counters(self) -> CounterStore:
        return self._counters

    @cached_property
    def table(self) -> "EntryTable":
        from cachectl.backends.file.table import EntryTable  # a lookup that misses needs none

        return EntryTable(self._directory, self._writer)

    def store(self, namespace: str) -> FileStore:
        with self._lock:
            if namespace not in self._stores:
                self._stores[namespace] = FileStore(namespace, self._reader, self)
            return self._stores[namespace]

    def usage(self) -> Mapping[str, Usage]:
        return self._reader.usage()

    def check(self) -> None:
        self._reader.usage()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        claim(self._directory)
        path = self._directory / f"{name}.lock"
        create_private(path)
        with path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackendBusy(f"another {name} of {self._directory} is running") from None
            yield

    def compact(self) -> None:
        if not self._reader.exists():
            return
        files = ValueFiles(self._directory)
        for name in files.names(older_than=time.time() - _ORPHAN_AGE):
            if not self.table.has_file(name):
                files.remove(name)
        self._writer.vacuum()

    def before_fork(self) -> None:
        self._writer.before_fork()
        self._reader.before_fork()
        self._counters.before_fork()

    def after_fork_in_parent(self) -> None:
        self._counters.after_fork_in_parent()
        self._reader.after_fork_in_parent()
        self._writer.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self._counters.after_fork_in_child()
        self._reader.after_fork_in_child()
        self._writer.after_fork_in_child()

    def close(self) -> None:
        for store in self._stores.values():
            store.flush()
        self._reader.close()
        self._writer.close()
        self._counters.close()
