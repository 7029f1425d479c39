"""What most backends have in common: a `Backend` and a `Store` out of a few methods.

The smallest backend is a `BaseBackend` with `make_store` and a `BaseStore` with `peek`, `touch`,
`write`, `remove` and `scan`. What a backend can do better than these defaults, it overrides.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, Generic, TypeVar

from cachectl._backends.protocols import Store, SupportsFlush
from cachectl._metrics.counters import CounterStore
from cachectl._model.entry import Entry
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Removed,
    Usage,
    Written,
)
from cachectl.errors import BackendBusy


class BaseStore(ABC):
    """One namespace, whose entries are listed to find the ones that have to go."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @abstractmethod
    def peek(self, key: str) -> Entry | None:
        """Return the entry, fresh or not; that is not a use. Raises `DamagedEntry`."""

    @abstractmethod
    def touch(self, key: str, now: float) -> None:
        """Make the entry the most recently used, `now` (Unix seconds)."""

    @abstractmethod
    def write(self, item: Item, now: float) -> None:
        """Write an entry, in place of another under its key; that is its last use."""

    @abstractmethod
    def remove(self, keys: Iterable[str]) -> Removed:
        """Remove these keys."""

    @abstractmethod
    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        """Yield all entries, or those with `tag`, least recently used first."""

    def get(self, key: str, now: float) -> Entry | None:
        entry = self.peek(key)
        if entry is not None:
            self.touch(key, now)
        return entry

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
                old = self.peek(item.key)
                fresh = old is not None and old.expires_at > now
                if condition is None or fresh == (condition == "present"):
                    self.write(item, now)
                    stored += 1
                    expired += old is not None and not fresh
            evicted = list(self._over(limits))
            self.remove(evicted)
        return Written(stored, expired, tuple(evicted))

    def remove_expired(self, key: str, now: float) -> Removed:
        with self._lock:
            entry = self.peek(key)
            return self.remove([key]) if entry and entry.expires_at <= now else Removed()

    def remove_tagged(self, tag: str) -> Removed:
        with self._lock:
            return self.remove([info.key for info in self.scan(tag)])

    def clear(self) -> Removed:
        with self._lock:
            return self.remove([info.key for info in self.scan()])

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        with self._lock:
            listed = list(self.scan())
            expired = [i.key for i in listed if i.entry and i.entry.expires_at <= rule.now]
            gone = self.remove(expired)
            before = rule.idle_before
            idle = [i.key for i in listed if before is not None and i.used_at < before]
            evicted = [key for key in idle if key not in set(expired)]
            removed = self.remove(evicted)
            over = list(self._over(rule.limits))
            return CleanupStep(gone, removed.plus(self.remove(over)), (*evicted, *over))

    def usage(self) -> Usage:
        """Return what the namespace holds; the memory of it is not known."""
        with self._lock:
            sizes = [info.size for info in self.scan()]
        return Usage(len(sizes), sum(sizes), None)

    def _over(self, limits: Limits) -> Iterator[str]:
        """Yield the keys that have to go for the limits to hold."""
        if limits.max_entries is None and limits.max_bytes is None:
            return
        listed = list(self.scan())
        entries, size = len(listed), sum(info.size for info in listed)
        for info in listed:
            if not limits.exceeded(entries, size):
                return
            yield info.key
            entries, size = entries - 1, size - info.size


S = TypeVar("S", bound=Store)


class BaseBackend(ABC, Generic[S]):
    """Namespaces that are made when they are first asked for, and counters in this process.

    Its lock, those of `lock` and its stores are of this process alone: what processes share
    overrides `lock` and `counters`, and `usage` where listing everything would take long.
    """

    name: ClassVar[str]
    live: ClassVar[bool] = False
    refusal: ClassVar[str] = ""
    evictions: ClassVar[Collection[str]] = ("lru",)

    def __init__(self) -> None:
        self._stores: dict[str, S] = {}
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._counters: CounterStore | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @abstractmethod
    def make_store(self, namespace: str) -> S:
        """Return a namespace; called once for each."""

    @property
    def counters(self) -> CounterStore:
        if self._counters is None:
            from cachectl._backends.counter_database import CounterDatabase

            self._counters = CounterDatabase(None)
        return self._counters

    def store(self, namespace: str) -> S:
        with self._lock:
            if namespace not in self._stores:
                self._stores[namespace] = self.make_store(namespace)
            return self._stores[namespace]

    def usage(self) -> Mapping[str, Usage]:
        stores = list(self._stores.items())
        return {name: store.usage() for name, store in stores if isinstance(store, BaseStore)}

    def lock(self, name: str) -> AbstractContextManager[None]:
        return self._locked(name)

    def before_fork(self) -> None:
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self._held.clear()

    def close(self) -> None:
        for store in list(self._stores.values()):
            if isinstance(store, SupportsFlush):
                store.flush()

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with self._lock:
            if name in self._held:
                raise BackendBusy(f"another {name} is running")
            self._held.add(name)
        try:
            yield
        finally:
            self._held.discard(name)
