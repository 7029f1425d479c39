"""Writes of one namespace: what became of each value, whatever the limits and the backend say."""

from collections.abc import Sequence
from contextlib import suppress

from cachectl._backends.protocols import AsyncStore
from cachectl._metrics.recorder import Recorder, log
from cachectl._model.outcome import Outcome
from cachectl._model.policy import Limits
from cachectl._model.records import Condition, Item, Lease
from cachectl.errors import BackendError, CacheError


class Writer:
    """Writes to a store and records that. Unless `strict`, a backend in trouble is an outcome."""

    limits: Limits = Limits()

    def __init__(self, store: AsyncStore, recorder: Recorder, *, strict: bool) -> None:
        self.store = store
        self._recorder = recorder
        self._strict = strict

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease | None:
        """Return a lease of the key; None if none can be had."""
        try:
            return await self.store.lease(key, tags, now)
        except BackendError as error:
            if self._strict:
                raise
            self._recorder.record_suppressed(error)
            return None

    async def release(self, lease: Lease) -> None:
        """Give a lease back. If that fails it grows old."""
        with suppress(CacheError):
            await self.store.release(lease)

    async def put(
        self, items: list[Item], now: float, condition: Condition | None
    ) -> list[Outcome]:
        """Write items and return what became of each; with a condition, of the only one."""
        limits = self.limits
        fitting = items
        try:
            if limits.max_bytes is not None:
                fitting = await self._fitting(items, limits.max_bytes, condition)
            written = await self.store.put(fitting, limits, now, condition)
        except BackendError as error:
            if self._strict:
                raise
            self._recorder.record_suppressed(error)
            return [Outcome.UNAVAILABLE] * len(items)
        self._recorder.record_write(fitting, written)
        stored = Outcome.STORED if condition is None or written.stored else Outcome.REFUSED
        if fitting is items:
            return [stored] * len(items)
        kept = {id(item) for item in fitting}
        return [stored if id(item) in kept else Outcome.TOO_LARGE for item in items]

    async def _fitting(
        self, items: list[Item], max_bytes: int, condition: Condition | None
    ) -> list[Item]:
        """Return the items that alone are not over the limit. What stands under the keys of the
        others is removed, since it would have been replaced.
        """
        large = [item for item in items if item.entry.size > max_bytes]
        if large and condition != "absent":
            for item in large:
                size, namespace = item.entry.size, self._recorder.namespace
                log.info("namespace %s: %d bytes are over max_bytes", namespace, size)
                removed = await self.store.remove([item.key])
                self._recorder.record_invalidated(removed, "set", [item.key])
        return [item for item in items if item.entry.size <= max_bytes] if large else items
