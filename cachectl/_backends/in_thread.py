"""Blocking stores as tasks use them: in a thread of the backend."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from cachectl._backends.base_store import BaseStore
from cachectl._backends.capabilities import SupportsDetails, SupportsFlush, SupportsHandOver
from cachectl._backends.protocols import Store
from cachectl._backends.worker import Worker
from cachectl._model.batches import BATCH
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

T = TypeVar("T")


class InThread:
    """A blocking store that tasks use through a thread."""

    def __init__(self, store: Store, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self.get: Callable[[str, float], Found | None] = store.get

    async def fetch(self, key: str, now: float) -> Found | None:
        return await self._worker.call(self._store.get, key, now)

    async def peek(self, key: str) -> Entry | None:
        return await self._worker.call(self._store.peek, key)

    async def details(self, key: str) -> Mapping[str, object]:
        if isinstance(self._store, SupportsDetails):
            return await self._worker.call(self._store.details, key)
        return {}

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        return await self._worker.call(self._store.put, items, limits, now, condition)

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        return await self._worker.call(self._store.lease, key, tags, now)

    async def release(self, lease: Lease) -> None:
        await self._worker.call(self._store.release, lease)

    async def remove(self, keys: Iterable[str]) -> Removed:
        return await self._worker.call(self._store.remove, keys)

    async def remove_expired(self, key: str, now: float) -> Removed:
        return await self._worker.call(self._store.remove_expired, key, now)

    async def remove_tagged(self, tag: str) -> Removed:
        return await self._worker.call(self._store.remove_tagged, tag)

    async def clear(self) -> Removed:
        return await self._worker.call(self._store.clear)

    async def cleanup(self, rule: CleanupRule) -> CleanupStep:
        return await self._worker.call(self._store.cleanup, rule)

    def plan(self, rule: CleanupRule) -> AsyncIterator[Planned]:
        return self._pages(self._store.plan(rule))

    def scan(self, tag: str | None = None) -> AsyncIterator[EntryInfo]:
        return self._pages(self._store.scan(tag))

    async def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        if isinstance(self._store, SupportsHandOver):
            return await self._worker.call(self._store.hand_over, now, is_limited)
        await self.flush()
        return True

    async def flush(self) -> None:
        if isinstance(self._store, SupportsFlush):
            await self._worker.call(self._store.flush)

    async def _pages(self, items: Iterator[T]) -> AsyncIterator[T]:
        while page := await self._worker.call(_page, items):
            for item in page:
                yield item


class WholeInThread(InThread):
    """A `BaseStore` as tasks use it."""

    def __init__(self, store: BaseStore, worker: Worker) -> None:
        super().__init__(store, worker)
        self._base = store

    async def remove(self, keys: Iterable[str]) -> Removed:
        return await self._worker.call(self._base.remove_for_good, keys)


def _page(items: Iterator[T]) -> list[T]:
    return list(islice(items, BATCH))
