"""One namespace of a backend that may be away, and the memory that stands in for it."""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Final, TypeVar

from cachectl._backends.fallback.breaker import CircuitBreaker
from cachectl._backends.fallback.journal import Journal
from cachectl._backends.fallback.pending import PendingInvalidations
from cachectl._backends.memory.store import MemoryStore
from cachectl._backends.protocols import AsyncStore
from cachectl._model.entry import Entry, Found
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
    """What one namespace holds while its backend is away, and what the backend has to be told.

    `spared` is called for each lookup and each change that is answered here. What is removed is noted in
    the journal, also for other processes.
    """

    def __init__(self, namespace: str, spared: Callable[[], None], journal: Journal) -> None:
        self.spared = spared
        self.memory = MemoryStore()
        self.pending = PendingInvalidations()
        self._namespace = namespace
        self._journal = journal

    def get(self, key: str, now: float) -> Found | None:
        """Look up in memory what the backend was asked for."""
        self.spared()
        return self.memory.get(key, now)

    def note_keys(self, keys: Iterable[str]) -> None:
        """Remember that these keys were written or removed."""
        if new := self.pending.lacks(keys):
            self._journal.note(self._namespace, keys=new)
            self.pending.add_keys(new)

    def note_tag(self, tag: str) -> None:
        """Remember that all with this tag was removed."""
        self._journal.note(self._namespace, tags=[tag])
        self.pending.add_tag(tag)

    def note_everything(self) -> None:
        """Remember that all was removed."""
        self._journal.note(self._namespace, everything=True)
        self.pending.add_everything()

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

    def get(self, key: str, now: float) -> Found | None:
        if not self._breaker.is_open:  # the path of every hit: without a call in between
            try:
                return self._store.get(key, now)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._stand_in.get(key, now)

    async def fetch(self, key: str, now: float) -> Found | None:
        if not self._breaker.is_open:
            try:
                return await self._store.fetch(key, now)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return self._stand_in.get(key, now)

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
        if not self._breaker.is_open:  # as a rule, without what the rest needs
            try:
                return await self._store.put(items, limits, now, condition)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return await self._change(
            partial(self._store.put, items, limits, now, condition),
            partial(self._put_in_memory, items, limits, now, condition),
        )

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        """Return a lease of the backend or, while it is away, of memory; neither is good for both."""
        return await self._either(
            partial(self._store.lease, key, tags, now),
            partial(self._memory.lease, key, tags, now),
        )

    async def release(self, lease: Lease) -> None:
        self._memory.release(lease)
        if not self._breaker.is_open:
            await self._store.release(lease)

    async def remove(self, keys: Iterable[str]) -> Removed:
        wanted = list(keys)
        if not self._breaker.is_open:
            try:
                return await self._store.remove(wanted)
            except BackendUnavailable as error:
                self._breaker.trip(error)
        return await self._change(
            partial(self._store.remove, wanted), partial(self._remove_from_memory, wanted)
        )

    async def remove_tagged(self, tag: str) -> Removed:
        def remove_from_memory() -> Removed:
            self._stand_in.note_tag(tag)
            return self._memory.remove_tagged(tag)

        return await self._change(lambda: self._store.remove_tagged(tag), remove_from_memory)

    async def clear(self) -> Removed:
        def clear_memory() -> Removed:
            self._stand_in.note_everything()
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

    async def plan(self, rule: CleanupRule) -> AsyncIterator[Planned]:
        if not self._breaker.is_open:
            try:
                async for one in self._store.plan(rule):
                    yield one
            except BackendUnavailable as error:
                self._breaker.trip(error)
            else:
                return
        for one in self._memory.plan(rule):
            yield one

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

    async def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        if not self._breaker.is_open:
            try:
                return await self._store.hand_over(now, is_limited)
            except BackendUnavailable as error:
                self._breaker.trip(error)
                raise
        return True  # as `flush`

    def _put_in_memory(
        self, items: Sequence[Item], limits: Limits, now: float, condition: Condition | None
    ) -> Written:
        self._stand_in.note_keys(item.key for item in items)
        fitting = [item for item in items if item.entry.size <= FALLBACK_BYTES]
        return self._memory.put(fitting, _tightened(limits), now, condition)

    def _remove_from_memory(self, keys: Sequence[str]) -> Removed:
        self._stand_in.note_keys(keys)
        return self._memory.remove(keys)

    async def _change(self, operation: Callable[[], Awaitable[T]], stand_in: Callable[[], T]) -> T:
        """Change the backend or, while it is away, the memory, which spares the caller an error."""

        def spare() -> T:
            self._stand_in.spared()
            return stand_in()

        return await self._either(operation, spare)

    async def _either(self, operation: Callable[[], Awaitable[T]], stand_in: Callable[[], T]) -> T:
        """Do something on the backend or, while it is away, in memory: never on one that is being left."""
        breaker = self._breaker
        for _ in range(_LOOKS):
            if not breaker.is_open:
                try:
                    return await operation()
                except BackendUnavailable as error:
                    breaker.trip(error)
            with breaker.lock:
                value = stand_in() if breaker.is_open and not breaker.is_held else None
            if value is not None:
                return value
            await self._pause(_LOOK)
        raise BackendUnavailable(breaker.last_error, breaker.kind)


def _tightened(limits: Limits) -> Limits:
    return Limits(
        min(limits.max_entries or FALLBACK_ENTRIES, FALLBACK_ENTRIES),
        min(limits.max_bytes or FALLBACK_BYTES, FALLBACK_BYTES),
        limits.eviction,
    )
