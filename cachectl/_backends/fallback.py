"""Working on while the backend is away: from bounded memory, and back when it returns.

This is for applications. The command line works on the backend itself, and fails when it must.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import ClassVar, Final, TypeVar

from cachectl._backends.breaker import CircuitBreaker
from cachectl._backends.memory.store import MemoryStore
from cachectl._backends.pending import PendingInvalidations
from cachectl._backends.protocols import (
    Backend,
    Store,
    SupportsCheck,
    SupportsCompaction,
    SupportsFlush,
    SupportsFork,
)
from cachectl._metrics.counters import CounterStore
from cachectl._metrics.reports import Status
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
from cachectl.errors import BackendUnavailable

FALLBACK_ENTRIES: Final = 10_000
FALLBACK_BYTES: Final = 64 * 1024 * 1024
"""The most that each namespace holds in memory while its backend is away."""

T = TypeVar("T")


class FallbackStore:
    """One namespace of a backend that may be away: memory stands in while the breaker is open."""

    def __init__(self, breaker: CircuitBreaker, store: Store) -> None:
        self._breaker = breaker
        self._store = store
        self._memory = MemoryStore()
        self._pending = PendingInvalidations()

    def get(self, key: str, now: float) -> Entry | None:
        if not self._breaker.is_open:  # the path of every hit: without a call in between
            try:
                return self._store.get(key, now)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._memory.get(key, now)

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
            self._pending.add_keys(item.key for item in items)
            fitting = [item for item in items if item.entry.size <= FALLBACK_BYTES]
            return self._memory.put(fitting, _tightened(limits), now, condition)

        if not self._breaker.is_open:
            try:
                return self._store.put(items, limits, now, condition)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._change(lambda store: store.put(items, limits, now, condition), put_in_memory)

    def remove(self, keys: Iterable[str]) -> Removed:
        wanted = tuple(keys)
        if not self._breaker.is_open:
            try:
                return self._store.remove(wanted)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._remove(
            lambda store: store.remove(wanted), lambda: self._pending.add_keys(wanted)
        )

    def remove_tagged(self, tag: str) -> Removed:
        return self._remove(
            lambda store: store.remove_tagged(tag), lambda: self._pending.add_tag(tag)
        )

    def clear(self) -> Removed:
        return self._remove(lambda store: store.clear(), self._pending.add_everything)

    def remove_expired(self, key: str, now: float) -> Removed:
        return self._do(lambda store: store.remove_expired(key, now))

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        return self._do(lambda store: store.cleanup(rule))

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        try:
            yield from (self._memory if self._breaker.is_open else self._store).scan(tag)
        except BackendUnavailable as error:
            self._breaker.trip(error)
            yield from self._memory.scan(tag)

    def flush(self) -> None:
        if isinstance(self._store, SupportsFlush):
            with suppress(BackendUnavailable):
                self._breaker.call(self._store.flush)

    def replay(self) -> None:
        """Remove from the backend what was written or removed while it was away, and clear the
        memory: what the backend has under those keys is older than what callers have seen.
        """
        self._pending.apply(self._store)
        self._pending = PendingInvalidations()
        self._memory.clear()

    def memory_usage(self) -> Usage:
        """Return what is held in memory."""
        return self._memory.usage()

    def after_fork_in_child(self) -> None:
        self._memory.after_fork_in_child()

    def _do(self, operation: Callable[[Store], T]) -> T:
        try:
            return self._breaker.call(lambda: operation(self._store))
        except BackendUnavailable:
            return operation(self._memory)

    def _remove(
        self, operation: Callable[[Store], Removed], remember: Callable[[], None]
    ) -> Removed:
        def remove_from_memory() -> Removed:
            remember()
            return operation(self._memory)

        return self._change(operation, remove_from_memory)

    def _change(self, operation: Callable[[Store], T], fallback: Callable[[], T]) -> T:
        """Change the backend or, while it is away, the memory: never one that is being left."""
        while True:
            if not self._breaker.is_open:
                try:
                    return operation(self._store)
                except BackendUnavailable as error:
                    self._breaker.trip(error)
            with self._breaker.half_open:
                if self._breaker.is_open:
                    return fallback()


class FallbackBackend:
    """A backend behind which memory stands in."""

    live: ClassVar[bool] = False

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self.name = backend.name
        self.refusal = backend.refusal
        self.evictions: Collection[str] = backend.evictions
        self._backend = backend
        self._breaker = CircuitBreaker(backend.name, clock)
        self._stores: dict[str, FallbackStore] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"FallbackBackend({self._backend!r})"

    @property
    def counters(self) -> CounterStore:
        return self._backend.counters

    def store(self, namespace: str) -> FallbackStore:
        with self._lock:
            if namespace not in self._stores:
                inner = self._backend.store(namespace)
                self._stores[namespace] = FallbackStore(self._breaker, inner)
            return self._stores[namespace]

    def usage(self) -> Mapping[str, Usage]:
        try:
            return self._breaker.call(self._backend.usage)
        except BackendUnavailable:
            return {name: store.memory_usage() for name, store in self._stores.items()}

    def check(self) -> None:
        self._breaker.call(self._check)

    def recover(self) -> None:
        if self._breaker.is_open:
            self._breaker.probe(self._check, self._replay)

    def status(self) -> Status:
        with suppress(BackendUnavailable):
            self.check()
        if not self._breaker.is_open:
            return Status(self.name, self.name, "ok", 0)
        entries = sum(store.memory_usage().entries for store in self._stores.values())
        since, error = self._breaker.since, self._breaker.last_error
        return Status(self.name, "memory", "fallback_only", entries, since, error)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the backend's lock; while it is away there is nothing to share one with."""
        with ExitStack() as held:
            with suppress(BackendUnavailable):
                self._breaker.call(lambda: held.enter_context(self._backend.lock(name)))
            yield

    def compact(self) -> None:
        if isinstance(self._backend, SupportsCompaction):
            with suppress(BackendUnavailable):
                self._breaker.call(self._backend.compact)

    def before_fork(self) -> None:
        if isinstance(self._backend, SupportsFork):
            self._backend.before_fork()

    def after_fork_in_parent(self) -> None:
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        self._lock = Lock()
        self._breaker.reset_locks()
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_child()
        for store in self._stores.values():
            store.after_fork_in_child()

    def close(self) -> None:
        self._backend.close()

    def _check(self) -> None:
        if isinstance(self._backend, SupportsCheck):
            self._backend.check()

    def _replay(self) -> None:
        for store in list(self._stores.values()):
            store.replay()


def _tightened(limits: Limits) -> Limits:
    return Limits(
        min(limits.max_entries or FALLBACK_ENTRIES, FALLBACK_ENTRIES),
        min(limits.max_bytes or FALLBACK_BYTES, FALLBACK_BYTES),
        limits.eviction,
    )
