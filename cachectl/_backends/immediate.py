"""Blocking stores as threads use them: at once."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from cachectl._backends.capabilities import SupportsDetails, SupportsFlush, SupportsHandOver
from cachectl._backends.protocols import Store
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


class Immediate:
    """A blocking store whose methods never suspend: what threads use, and tasks as well if it is
    memory.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.get: Callable[[str, float], Found | None] = store.get  # not a call more for a hit
        self.reads: Store = store  # nor a look at an attribute, for those who keep this

    async def fetch(self, key: str, now: float) -> Found | None:
        return self._store.get(key, now)

    async def peek(self, key: str) -> Entry | None:
        return self._store.peek(key)

    async def details(self, key: str) -> Mapping[str, object]:
        return self._store.details(key) if isinstance(self._store, SupportsDetails) else {}

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        return self._store.put(items, limits, now, condition)

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        return self._store.lease(key, tags, now)

    async def release(self, lease: Lease) -> None:
        self._store.release(lease)

    async def remove(self, keys: Iterable[str]) -> Removed:
        return self._store.remove(keys)

    async def remove_expired(self, key: str, now: float) -> Removed:
        return self._store.remove_expired(key, now)

    async def remove_tagged(self, tag: str) -> Removed:
        return self._store.remove_tagged(tag)

    async def clear(self) -> Removed:
        return self._store.clear()

    async def cleanup(self, rule: CleanupRule) -> CleanupStep:
        return self._store.cleanup(rule)

    async def plan(self, rule: CleanupRule) -> AsyncIterator[Planned]:
        for one in self._store.plan(rule):
            yield one

    async def scan(self, tag: str | None = None) -> AsyncIterator[EntryInfo]:
        for info in self._store.scan(tag):
            yield info

    async def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        if isinstance(self._store, SupportsHandOver):
            return self._store.hand_over(now, is_limited)
        await self.flush()
        return True

    async def flush(self) -> None:
        if isinstance(self._store, SupportsFlush):
            self._store.flush()
