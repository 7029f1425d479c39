"""Entries in this process: live values, least recently used first.

The counters live in the process too; each cache object has its own. Both are also published on
a `Board`, so that the command line can see an application at work.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from itertools import islice
from sys import getsizeof
from typing import ClassVar, Final

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
from cachectl.backends.board import Board
from cachectl.backends.counterdb import CounterDatabase
from cachectl.batches import BATCH
from cachectl.counters import Batch, CounterStore, Counts, Window
from cachectl.entry import NEVER, Entry
from cachectl.errors import BackendBusy
from cachectl.policy import Limits

_PER_ENTRY: Final = 300
_PER_EXPIRY: Final = 90
_PER_TAG: Final = 80
"""Bytes of bookkeeping, as `tracemalloc` sees them: the record with its place in the ordered
dictionary, a place in the heap, and one in the index of tags."""
_EXPIRED_PER_WRITE: Final = 10


class _Record:
    """An entry, the memory it occupies, and when it was last used."""

    __slots__ = ("entry", "memory", "used_at")

    def __init__(self, item: Item, now: float) -> None:
        self.entry = item.entry
        self.memory = item.memory + getsizeof(item.key) + _PER_ENTRY
        if item.entry.expires_at != NEVER:
            self.memory += _PER_EXPIRY
        for tag in item.entry.tags:
            self.memory += _PER_TAG + getsizeof(tag)
        self.used_at = now


class MemoryStore:
    """One namespace. Every method holds one lock for as long as it works."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._expiries: list[tuple[float, str]] = []
        self._tagged: dict[str, dict[str, None]] = {}
        self._bytes = 0
        self._memory = 0

    def get(self, key: str, now: float) -> Entry | None:
        with self._lock:
            record = self._records.get(key)
            if record is None:
                return None
            self._records.move_to_end(key)
            record.used_at = now
            return record.entry

    def peek(self, key: str) -> Entry | None:
        record = self._records.get(key)
        return record.entry if record else None

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        stored = expired = 0
        with self._lock:
            for item in items:
                old = self._records.get(item.key)
                fresh = old is not None and old.entry.expires_at > now
                if condition and fresh != (condition == "present"):
                    continue
                expired += old is not None and not fresh
                self._replace(item, now)
                stored += 1
            expired += self._drop_expired(now, _EXPIRED_PER_WRITE).entries
            evicted = self._drop_over(limits).entries
        return Written(stored, expired, evicted)

    def remove(self, keys: Iterable[str]) -> Removed:
        with self._lock:
            return self._drop(keys)

    def remove_expired(self, key: str, now: float) -> Removed:
        with self._lock:
            record = self._records.get(key)
            if record is None or record.entry.expires_at > now:
                return Removed()
            return self._drop([key])

    def remove_tagged(self, tag: str) -> Removed:
        with self._lock:
            return self._drop(list(self._tagged.get(tag, ())))

    def clear(self) -> Removed:
        with self._lock:
            return self._drop(list(self._records))

    def sweep(self, rule: Sweep) -> Swept:
        with self._lock:
            expired = self._drop_expired(rule.now, len(self._expiries))
            idle = self._drop(self._idle_keys(rule.idle_before))
            return Swept(expired, idle.plus(self._drop_over(rule.limits)))

    def scan(self, tag: str | None = None) -> Iterator[Listed]:
        with self._lock:
            keys = list(self._records if tag is None else self._tagged.get(tag, ()))
        for key in keys:
            record = self._records.get(key)
            if record:
                yield Listed(key, record.entry, record.entry.size, record.used_at)

    def flush(self) -> None:
        """Do nothing: a use is noted where it happens."""

    def after_fork(self) -> None:
        """Make a new lock; see `Backend.after_fork`."""
        self._lock = threading.RLock()

    def usage(self) -> Usage:
        with self._lock:
            return Usage(len(self._records), self._bytes, self._memory)

    def _replace(self, item: Item, now: float) -> None:
        self._drop([item.key])
        record = self._records[item.key] = _Record(item, now)
        self._bytes += item.entry.size
        self._memory += record.memory
        for tag in item.entry.tags:
            self._tagged.setdefault(tag, {})[item.key] = None
        if item.entry.expires_at != NEVER:
            heappush(self._expiries, (item.entry.expires_at, item.key))
            if len(self._expiries) > 2 * len(self._records) + BATCH:
                self._forget_stale_expiries()

    def _drop(self, keys: Iterable[str]) -> Removed:
        entries = size = 0
        for key in keys:
            record = self._records.pop(key, None)
            if record is None:
                continue
            entries += 1
            size += record.entry.size
            self._memory -= record.memory
            for tag in record.entry.tags:
                self._untag(tag, key)
        self._bytes -= size
        return Removed(entries, size)

    def _untag(self, tag: str, key: str) -> None:
        keys = self._tagged[tag]
        del keys[key]
        if not keys:
            del self._tagged[tag]

    def _drop_expired(self, now: float, most: int) -> Removed:
        keys: list[str] = []
        while self._expiries and len(keys) < most and self._expiries[0][0] <= now:
            expires_at, key = heappop(self._expiries)
            record = self._records.get(key)
            if record and record.entry.expires_at == expires_at:
                keys.append(key)
        return self._drop(keys)

    def _forget_stale_expiries(self) -> None:
        """Drop what overwritten and removed entries left in the heap."""
        self._expiries = [
            (record.entry.expires_at, key)
            for key, record in self._records.items()
            if record.entry.expires_at != NEVER
        ]
        heapify(self._expiries)

    def _drop_over(self, limits: Limits) -> Removed:
        total = Removed()
        while limits.exceeded(len(self._records), self._bytes):
            total = total.plus(self._drop(list(islice(self._records, 1))))
        return total

    def _idle_keys(self, before: float | None) -> list[str]:
        if before is None:
            return []
        return [key for key, record in self._records.items() if record.used_at < before]


class MemoryBackend:
    """Namespaces in this process.

    `publish` shows counters and usage to other processes under `name`; with `observe` it is
    those that are reported, of every process that published, instead of this one's.
    """

    name: ClassVar[str] = "memory"
    live: ClassVar[bool] = True

    def __init__(
        self,
        *,
        name: str = "default",
        publish: bool = False,
        observe: bool = False,
    ) -> None:
        self._stores: dict[str, MemoryStore] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._counts = CounterDatabase(None)
        self._board = Board(name) if publish or observe else None
        self._observe = observe

    @property
    def counters(self) -> CounterStore:
        return self

    def add(self, batch: Batch) -> None:
        self._counts.add(batch)
        if self._board and not self._observe:
            self._board.publish(batch, self._own_usage())

    def read(self, window: Window) -> dict[str, Counts]:
        if self._board and self._observe:
            return self._board.read(window)
        return self._counts.read(window)

    def store(self, namespace: str) -> MemoryStore:
        with self._lock:
            return self._stores.setdefault(namespace, MemoryStore())

    def usage(self) -> Mapping[str, Usage]:
        if self._board and self._observe:
            return self._board.usage()
        return self._own_usage()

    def check(self) -> None:
        """Do nothing: this process can be reached."""

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(blocking=False):
            raise BackendBusy(f"another {name} is running")
        try:
            yield
        finally:
            lock.release()

    def compact(self) -> None:
        """Do nothing: memory is given back as entries go."""

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._locks = {}
        for store in self._stores.values():
            store.after_fork()

    def close(self) -> None:
        if self._board and not self._observe:
            self._board.withdraw()
        self._counts.close()
        self._stores.clear()

    def _own_usage(self) -> dict[str, Usage]:
        with self._lock:
            return {name: store.usage() for name, store in self._stores.items()}
