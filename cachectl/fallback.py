"""Working on while the backend is away: from bounded memory, and back when it returns.

This is for applications. The command line works on the backend itself, and fails when it must.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import ClassVar, Final, TypeVar

from cachectl.backends import (
    Backend,
    Condition,
    Item,
    Listed,
    Removed,
    Store,
    Sweep,
    Swept,
    Usage,
    Written,
)
from cachectl.backends.memory import MemoryStore
from cachectl.counters import CounterStore
from cachectl.entry import Entry
from cachectl.errors import BackendUnavailable
from cachectl.policy import Limits
from cachectl.reports import Status

FALLBACK_ENTRIES: Final = 10_000
FALLBACK_BYTES: Final = 64 * 1024 * 1024
"""The most that each namespace holds in memory while its backend is away."""
REMEMBERED: Final = 100_000
"""Keys and tags of each namespace that are remembered to be removed when it is back."""

T = TypeVar("T")
log: Final = logging.getLogger("cachectl")


class FallbackStore:
    """One namespace of a backend that may be away."""

    def __init__(self, backend: "FallbackBackend", store: Store) -> None:
        self._backend = backend
        self._store = store
        self.memory = MemoryStore()
        self._changed = _Changed()

    def get(self, key: str, now: float) -> Entry | None:
        if not self._backend.away:  # the path of every hit: without a call in between
            try:
                return self._store.get(key, now)
            except BackendUnavailable as error:
                self._backend.lose(error)
        return self.memory.get(key, now)

    def peek(self, key: str) -> Entry | None:
        return self._do(lambda store: store.peek(key))

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        def put_in_memory() -> Written:
            self._changed.keys(item.key for item in items)
            fitting = [item for item in items if item.entry.size <= FALLBACK_BYTES]
            return self.memory.put(fitting, _tighter(limits), now, condition)

        if not self._backend.away:
            try:
                return self._store.put(items, limits, now, condition)
            except BackendUnavailable as error:
                self._backend.lose(error)
        return self._change(lambda store: store.put(items, limits, now, condition), put_in_memory)

    def remove(self, keys: Iterable[str]) -> Removed:
        wanted = tuple(keys)
        return self._remove(lambda store: store.remove(wanted), lambda: self._changed.keys(wanted))

    def remove_tagged(self, tag: str) -> Removed:
        return self._remove(lambda store: store.remove_tagged(tag), lambda: self._changed.tag(tag))

    def clear(self) -> Removed:
        return self._remove(lambda store: store.clear(), self._changed.everything)

    def remove_expired(self, key: str, now: float) -> Removed:
        return self._do(lambda store: store.remove_expired(key, now))

    def sweep(self, rule: Sweep) -> Swept:
        return self._do(lambda store: store.sweep(rule))

    def scan(self, tag: str | None = None) -> Iterator[Listed]:
        try:
            yield from self._store.scan(tag) if not self._backend.away else self.memory.scan(tag)
        except BackendUnavailable as error:
            self._backend.lose(error)
            yield from self.memory.scan(tag)

    def flush(self) -> None:
        self._do(lambda store: store.flush())

    def recover(self) -> None:
        """Remove from the backend what was written or removed while it was away, and let go of
        the memory: what the backend has under those keys is older than what callers have seen.
        """
        self._changed.remove_from(self._store)
        self._changed = _Changed()
        self.memory.clear()

    def _do(self, operation: Callable[[Store], T]) -> T:
        try:
            return self._backend.primary(lambda: operation(self._store))
        except BackendUnavailable:
            return operation(self.memory)

    def _remove(
        self, operation: Callable[[Store], Removed], remember: Callable[[], None]
    ) -> Removed:
        def remove_from_memory() -> Removed:
            remember()
            return operation(self.memory)

        return self._change(operation, remove_from_memory)

    def _change(self, operation: Callable[[Store], T], fallback: Callable[[], T]) -> T:
        """Change the backend or, while it is away, the memory: never one that is being left."""
        while True:
            with suppress(BackendUnavailable):
                return self._backend.primary(lambda: operation(self._store))
            with self._backend.returning:
                if self._backend.away:
                    return fallback()


class _Changed:
    """What was written or removed in one namespace while its backend was away.

    Too many keys to remember become all of them.
    """

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._tags: set[str] = set()
        self._everything = False

    def keys(self, keys: Iterable[str]) -> None:
        self._keys.update(keys)
        self._forget_if_too_many()

    def tag(self, tag: str) -> None:
        self._tags.add(tag)
        self._forget_if_too_many()

    def everything(self) -> None:
        self._everything = True
        self._keys.clear()
        self._tags.clear()

    def remove_from(self, store: Store) -> None:
        if self._everything:
            store.clear()
            return
        for tag in self._tags:
            store.remove_tagged(tag)
        store.remove(self._keys)

    def _forget_if_too_many(self) -> None:
        if self._everything or len(self._keys) + len(self._tags) > REMEMBERED:
            self.everything()


class FallbackBackend:
    """A backend behind which memory stands in."""

    live: ClassVar[bool] = False

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.name = backend.name
        self._backend = backend
        self._stores: dict[str, FallbackStore] = {}
        self._lock = threading.Lock()
        self.returning = threading.Lock()
        self.away = False
        self._since = 0.0
        self._last_error: str | None = None

    @property
    def counters(self) -> CounterStore:
        return self._backend.counters

    def primary(self, operation: Callable[[], T]) -> T:
        """Do something on the backend itself. Raises `BackendUnavailable` while it is away."""
        if self.away:
            raise BackendUnavailable(self._last_error)
        try:
            return operation()
        except BackendUnavailable as error:
            self.lose(error)
            raise

    def store(self, namespace: str) -> FallbackStore:
        with self._lock:
            if namespace not in self._stores:
                self._stores[namespace] = FallbackStore(self, self._backend.store(namespace))
            return self._stores[namespace]

    def usage(self) -> Mapping[str, Usage]:
        try:
            return self.primary(self._backend.usage)
        except BackendUnavailable:
            return {name: store.memory.usage() for name, store in self._stores.items()}

    def check(self) -> None:
        self.primary(self._backend.check)

    def recover(self) -> None:
        """Return to a lost backend if it is back. Raises `BackendError` if it is not."""
        if not self.away:
            return
        self._backend.check()
        with self.returning:
            if not self.away:  # another thread was faster
                return
            for store in list(self._stores.values()):
                store.recover()
            log.warning("%s is back after %.0f s", self.name, self._clock() - self._since)
            self.away, self._last_error = False, None

    def status(self) -> Status:
        """Return where entries are kept now."""
        with suppress(BackendUnavailable):
            self.check()
        if not self.away:
            return Status(self.name, self.name, "ok", 0)
        entries = sum(store.memory.usage().entries for store in self._stores.values())
        return Status(self.name, "memory", "fallback_only", entries, self._since, self._last_error)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the backend's lock; while it is away there is nothing to share one with."""
        with ExitStack() as held:
            with suppress(BackendUnavailable):
                self.primary(lambda: held.enter_context(self._backend.lock(name)))
            yield

    def compact(self) -> None:
        with suppress(BackendUnavailable):
            self.primary(self._backend.compact)

    def before_fork(self) -> None:
        self._backend.before_fork()

    def after_fork_in_parent(self) -> None:
        self._backend.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self.returning = threading.Lock()
        self._backend.after_fork_in_child()
        for store in self._stores.values():
            store.memory.after_fork_in_child()

    def close(self) -> None:
        self._backend.close()

    def lose(self, error: BackendUnavailable) -> None:
        """Work from memory from now on."""
        with self._lock:
            if not self.away:
                log.warning("%s is away, working from memory: %s", self.name, error)
                self._since, self._last_error, self.away = self._clock(), str(error), True


def _tighter(limits: Limits) -> Limits:
    return Limits(
        min(limits.max_entries or FALLBACK_ENTRIES, FALLBACK_ENTRIES),
        min(limits.max_bytes or FALLBACK_BYTES, FALLBACK_BYTES),
        limits.eviction,
    )
