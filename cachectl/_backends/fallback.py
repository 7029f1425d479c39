"""Working on while the backend is away: from bounded memory, and back when it returns.

This is for applications. The command line works on the backend itself, and fails when it must.
"""

import threading
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from cachectl._backends.breaker import CircuitBreaker
from cachectl._backends.memory.store import MemoryStore
from cachectl._backends.pending import PendingInvalidations
from cachectl._backends.protocols import (
    AsyncStore,
    Backend,
    SupportsCheck,
    SupportsCompaction,
    SupportsFork,
    SupportsSlots,
)
from cachectl._metrics.counters import CounterStore
from cachectl._metrics.reports import Status
from cachectl._model.coroutines import run
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

_LOOK: Final = 0.002
_LOOKS: Final = 500
"""How long a change waits for a backend that is just returning: seconds between two looks, and how
often it looks."""

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds: a thread in its own way, a task in its own."""


class StandIn:
    """What one namespace holds while its backend is away, and what the backend has to be told."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.pending = PendingInvalidations()

    def take(self) -> PendingInvalidations:
        """Return what the backend has to be told, and forget it."""
        taken, self.pending = self.pending, PendingInvalidations()
        return taken


class FallbackStore:
    """One namespace of a backend that may be away: memory stands in while the breaker is open."""

    def __init__(
        self, breaker: CircuitBreaker, store: AsyncStore, stand_in: StandIn, pause: Pause
    ) -> None:
        self._breaker = breaker
        self._store = store
        self._stand_in = stand_in
        self._memory = stand_in.memory
        self._pause = pause

    def get(self, key: str, now: float) -> Entry | None:
        if not self._breaker.is_open:  # the path of every hit: without a call in between
            try:
                return self._store.get(key, now)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._memory.get(key, now)

    async def fetch(self, key: str, now: float) -> Entry | None:
        if not self._breaker.is_open:
            try:
                return await self._store.fetch(key, now)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._memory.get(key, now)

    async def peek(self, key: str) -> Entry | None:
        if not self._breaker.is_open:
            try:
                return await self._store.peek(key)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._memory.peek(key)

    async def details(self, key: str) -> Mapping[str, object]:
        return {} if self._breaker.is_open else await self._store.details(key)

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        def put_in_memory() -> Written:
            self._stand_in.pending.add_keys(item.key for item in items)
            fitting = [item for item in items if item.entry.size <= FALLBACK_BYTES]
            return self._memory.put(fitting, _tightened(limits), now, condition)

        return await self._change(
            lambda: self._store.put(items, limits, now, condition), put_in_memory
        )

    async def remove(self, keys: Iterable[str]) -> Removed:
        wanted = tuple(keys)

        def remove_from_memory() -> Removed:
            self._stand_in.pending.add_keys(wanted)
            return self._memory.remove(wanted)

        return await self._change(lambda: self._store.remove(wanted), remove_from_memory)

    async def remove_tagged(self, tag: str) -> Removed:
        def remove_from_memory() -> Removed:
            self._stand_in.pending.add_tag(tag)
            return self._memory.remove_tagged(tag)

        return await self._change(lambda: self._store.remove_tagged(tag), remove_from_memory)

    async def clear(self) -> Removed:
        def clear_memory() -> Removed:
            self._stand_in.pending.add_everything()
            return self._memory.clear()

        return await self._change(self._store.clear, clear_memory)

    async def remove_expired(self, key: str, now: float) -> Removed:
        if not self._breaker.is_open:
            try:
                return await self._store.remove_expired(key, now)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._memory.remove_expired(key, now)

    async def cleanup(self, rule: CleanupRule) -> CleanupStep:
        if not self._breaker.is_open:
            try:
                return await self._store.cleanup(rule)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._memory.cleanup(rule)

    async def scan(self, tag: str | None = None) -> AsyncIterator[EntryInfo]:
        if not self._breaker.is_open:
            try:
                async for info in self._store.scan(tag):
                    yield info
            except BackendUnavailable as error:
                self._breaker.trip(error)
            else:
                return
        for info in self._memory.scan(tag):
            yield info

    async def flush(self) -> None:
        if not self._breaker.is_open:
            try:
                await self._store.flush()
            except BackendUnavailable as error:
                self._breaker.trip(error)
                raise  # or uses would pass for written

    async def _change(self, operation: Callable[[], Awaitable[T]], stand_in: Callable[[], T]) -> T:
        """Change the backend or, while it is away, the memory: never one that is being left."""
        breaker = self._breaker
        for _ in range(_LOOKS):
            if not breaker.is_open:
                try:
                    return await operation()
                except BackendUnavailable as error:
                    breaker.trip(error)
            with breaker.lock:
                if breaker.is_open and not breaker.is_held:
                    return stand_in()
            await self._pause(_LOOK)
        raise BackendUnavailable(breaker.last_error)


class FallbackBackend:
    """A backend behind which memory stands in."""

    live: ClassVar[bool] = False

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self.name = backend.name
        self.refusal = backend.refusal
        self.evictions: Collection[str] = backend.evictions
        self.modules: tuple[str, ...] = backend.modules
        self.place: str | None = backend.place
        self._backend = backend
        self._breaker = CircuitBreaker(backend.name, clock)
        self._stand_ins: dict[str, StandIn] = {}
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"FallbackBackend({self._backend!r})"

    @property
    def counters(self) -> CounterStore:
        return self._backend.counters

    def store_for_threads(self, namespace: str) -> AsyncStore:
        return self._around(self._backend.store_for_threads(namespace), namespace, _sleep)

    def store_for_tasks(self, namespace: str) -> AsyncStore:
        from asyncio import sleep

        return self._around(self._backend.store_for_tasks(namespace), namespace, sleep)

    def slots(self, *, create: bool) -> Path | None:
        if isinstance(self._backend, SupportsSlots):
            return self._backend.slots(create=create)
        return None

    def note_uses(self, note: Callable[[str, str, int], None]) -> None:
        if isinstance(self._backend, SupportsSlots):
            self._backend.note_uses(note)

    def touch(self, namespace: str, uses: Sequence[tuple[str, int]]) -> None:
        if isinstance(self._backend, SupportsSlots):
            self._backend.touch(namespace, uses)

    def usage(self) -> Mapping[str, Usage]:
        try:
            return self._breaker.call(self._backend.usage)
        except BackendUnavailable:
            return {name: stand_in.memory.usage() for name, stand_in in self._standing_in()}

    def check(self) -> None:
        self._breaker.call(self._check)

    def recover(self) -> None:
        """Return to the backend, having removed from it what was written or removed while it was
        away: what it has under those keys is older than what callers have seen.
        """
        if not self._breaker.is_open or not self._breaker.probe(self._check):
            return
        try:
            self._replay()  # nearly all of it, while callers go on to work from memory
            self._breaker.hold()
            self._replay()
        except BaseException:
            self._breaker.stay_open()
            raise
        for _, stand_in in self._standing_in():
            stand_in.memory.clear()
        self._breaker.close()

    def status(self) -> Status:
        with suppress(BackendUnavailable):
            self.check()
        if not self._breaker.is_open:
            return Status(self.name, self.name, "ok", 0)
        entries = sum(stand_in.memory.usage().entries for _, stand_in in self._standing_in())
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
        self._lock.acquire()
        self._breaker.lock.acquire()
        for _, stand_in in self._standing_in():
            stand_in.memory.lock.acquire()
        if isinstance(self._backend, SupportsFork):
            self._backend.before_fork()

    def after_fork_in_parent(self) -> None:
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_parent()
        for _, stand_in in self._standing_in():
            stand_in.memory.lock.release()
        self._breaker.lock.release()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        self._breaker.after_fork_in_child()
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_child()
        for _, stand_in in self._standing_in():
            stand_in.memory.after_fork_in_child()

    def close(self) -> None:
        self._backend.close()

    def _around(self, store: AsyncStore, namespace: str, pause: Pause) -> FallbackStore:
        with self._lock:
            stand_in = self._stand_ins.setdefault(namespace, StandIn())
        return FallbackStore(self._breaker, store, stand_in, pause)

    def _standing_in(self) -> list[tuple[str, StandIn]]:
        return list(self._stand_ins.items())

    def _check(self) -> None:
        if isinstance(self._backend, SupportsCheck):
            self._backend.check()

    def _replay(self) -> None:
        for name, stand_in in self._standing_in():
            with self._breaker.lock:
                taken = stand_in.take()
            try:
                run(taken.apply(self._backend.store_for_threads(name)))
            except BaseException:
                with self._breaker.lock:
                    stand_in.pending.add(taken)
                raise


async def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251 - for threads, which are to block


def _tightened(limits: Limits) -> Limits:
    return Limits(
        min(limits.max_entries or FALLBACK_ENTRIES, FALLBACK_ENTRIES),
        min(limits.max_bytes or FALLBACK_BYTES, FALLBACK_BYTES),
        limits.eviction,
    )
