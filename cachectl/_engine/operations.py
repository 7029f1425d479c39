"""The operations on a namespace, written once for threads and tasks.

They suspend only where their store does. `Namespace` runs them on a store that never does, and
`AsyncNamespace` awaits them; the lookup itself stands in both, for the sake of hits.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from cachectl._backends.protocols import AsyncStore
from cachectl._engine.checks import Checks, condition_of
from cachectl._engine.disabled import CLOSED
from cachectl._engine.freshness import is_fresh
from cachectl._engine.hashed import marked
from cachectl._engine.options import LoadOptions
from cachectl._engine.state import NamespaceState
from cachectl._engine.writer import Writer
from cachectl._model.batches import batches
from cachectl._model.deadline import one_call, spent
from cachectl._model.entry import Entry
from cachectl._model.interrupts import unbroken
from cachectl._model.keys import check_tags
from cachectl._model.outcome import Outcome
from cachectl._model.records import (
    CleanupStep,
    EntryInfo,
    Lease,
    Removed,
    RemovedEntry,
)
from cachectl._model.tally import counted
from cachectl._model.units import Duration, Money, microseconds
from cachectl._model.write import Write
from cachectl.errors import BackendRefused, DamagedEntry, InvalidKey, UsageError

if TYPE_CHECKING:
    from cachectl._engine.drivers import Driver
    from cachectl._engine.loading import Loading


T = TypeVar("T")


class Operations:
    """What is done with one namespace through one kind of store."""

    def __init__(
        self, state: NamespaceState, store: AsyncStore, make_driver: Callable[[], "Driver"]
    ) -> None:
        self.state = state
        self.store: AsyncStore = store
        self.checks: Checks = Checks(state)
        self._make_driver = make_driver
        self._writer = Writer(store, state.recorder, strict=state.strict)
        self._loading: Loading | None = None
        state.follow(self._follow)

    def _follow(self) -> None:
        self._enabled = self.state.policy.enabled
        self._stored_key = self.state.policy.stored_key
        self._writer.limits = self.state.policy.limits
        if self.state.is_closed:
            self.store = self._writer.store = CLOSED

    def loading(self) -> "Loading":
        """Return the loads of this namespace, as this kind of caller begins and awaits them."""
        if self._loading is None:
            from cachectl._engine.loading import LoadedValues, Loading

            values = LoadedValues(self.state, self, self._writer)
            self._loading = Loading(values, self._make_driver())
        return self._loading

    async def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Duration | None,
        tags: Sequence[str],
        cost: Money,
        load_seconds: float,
        label: str,
        nx: bool,
        xx: bool,
    ) -> Outcome:
        now = self.state.clock()
        try:
            condition = None if nx is False and xx is False else condition_of(nx, xx)
            no_time = type(load_seconds) is float and load_seconds == 0
            load_us = 0 if no_time else microseconds(load_seconds)
            if not self._enabled:
                self._stored_key(key)
                LoadOptions(ttl, tags, cost, label).checked()
                return Outcome.DISABLED
            item = self.state.entries.build(
                key, value, now, ttl=ttl, tags=tags, cost=cost, load_us=load_us, label=label
            )
        except UsageError as error:
            raise self.checks.told(error, "set", key) from error.__cause__
        flights = self.state.flights
        flights.invalidate_key(item.key)
        try:
            (outcome,) = await self._writer.put([item], now, condition)
        finally:
            flights.invalidate_key(item.key)
        return outcome

    async def set_many(self, writes: Iterable[Write] | Mapping[str, object]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        given_up = not self._enabled
        for items, now in self.checks.items(writes):
            if given_up:  # a backend that let one batch wait in vain is not waited for again
                outcomes += [outcomes[-1] if outcomes else Outcome.DISABLED] * len(items)
                continue
            keys = [item.key for item in items]
            outcomes += await self._changed(keys, self._writer.put(items, now, None))
            given_up = outcomes[-1] is Outcome.UNAVAILABLE
        return outcomes

    async def lease(self, key: str, tags: Sequence[str]) -> Lease | None:
        """Return what `set_loaded` needs of what is loaded from now on; None if none can be had."""
        now = self.state.clock()
        return await self._writer.lease(self.checks.key("load", key), check_tags(tags), now)

    async def release(self, lease: Lease) -> None:
        """Store nothing with this lease."""
        await self._writer.release(lease)

    async def set_loaded(self, write: Write, lease: Lease) -> tuple[Outcome, int]:
        """Store what was loaded since the lease was taken, unless its key was removed or replaced, and
        return what became of it, and its stored bytes.
        """
        now = self.state.clock()
        try:
            item = self.state.entries.build_write(write, now)
        except UsageError as error:
            raise self.checks.told(error, "load", write.key) from error.__cause__
        (outcome,) = await self._changed([item.key], self._writer.put([item], now, lease))
        return outcome, item.entry.size

    async def load(
        self,
        key: str,
        loader: Callable[[], Any],
        options: LoadOptions,
        completed: int,
        *,
        bypass: bool,
    ) -> Any:
        """Load what a lookup did not find when `completed` loads had ended, or was not to look for."""
        loading = self.loading()
        if not self._enabled:
            self.checks.load(loader, options)
            return await loading.call(loader)
        key = self.checks.key("get_or_load", key)
        if bypass:
            return await loading.reload(key, loader, options)
        return await loading.load(key, loader, options, completed)

    async def delete(self, key: str) -> bool:
        try:
            key = self._stored_key(key)
        except InvalidKey as error:
            raise self.checks.told(error, "delete", None) from None
        flights = self.state.flights
        flights.invalidate_key(key)
        try:
            removed = await self.store.remove([key])
        finally:
            flights.invalidate_key(key)
        self._removed(removed, "delete", [key])
        if type(removed) is RemovedEntry:
            return removed.expires_at > self.state.clock()
        return removed.entries == 1

    async def delete_many(self, keys: Iterable[str]) -> Removed:
        total = Removed()
        for batch in batches(self.checks.keys(keys)):
            with unbroken():
                removed = await self._changed(batch, self.store.remove(batch))
                self._removed(removed, "delete", batch)
            total = total.plus(removed)
        return total

    async def invalidate(self, tag: str) -> Removed:
        checked = self.checks.tag("invalidate", tag)
        return await self._all_removed(self.store.remove_tagged(checked), "invalidate")

    async def clear(self) -> Removed:
        return await self._all_removed(self.store.clear(), "clear")

    async def peek(self, key: str) -> Entry | None:
        entry = await self.store.peek(self.checks.key("peek", key))
        return entry and entry._replace(value=self.state.entries.value(entry))

    async def details(self, key: str) -> Mapping[str, object]:
        return await self.store.details(self.checks.key("details", key))

    async def has(self, key: str) -> bool:
        try:
            return is_fresh(await self.store.peek(self.checks.key("has", key)), self.state.clock())
        except DamagedEntry:
            return False

    def entries(self, tag: str | None) -> AsyncIterator[EntryInfo]:
        if tag is not None:
            tag = self.checks.tag("entries", tag)
        found = self.store.scan(tag)
        return marked(found) if self.state.policy.keys == "hashed" else found

    async def flush(self) -> None:
        await self.store.flush()

    async def remove_expired(self, key: str, now: float) -> None:
        """Remove what a lookup found expired, where anything can be written: a lookup needs none of it."""
        removed = Removed()
        with suppress(BackendRefused), one_call(monotonic() - spent()):
            removed = await self.store.remove_expired(key, now)
        self.state.recorder.record_cleanup(CleanupStep(removed))

    async def _changed(self, keys: Sequence[str] | None, change: Awaitable[T]) -> T:
        """Return what a change brings, of which loads are told before it begins and after it ended,
        whether or not that was seen: none that read before it must store what it read.
        """
        flights = self.state.flights
        flights.invalidate(keys)
        try:
            return await change
        finally:
            flights.invalidate(keys)

    async def _all_removed(self, change: Awaitable[Removed], operation: str) -> Removed:
        """Record what a removal of many steps brings, also if it does not come to its end."""
        with counted() as steps:
            try:
                removed = await self._changed(None, change)
            except BaseException:
                self._removed(steps.removed, operation)
                raise
        return self._removed(removed, operation)

    def _removed(
        self, removed: Removed, operation: str, keys: Sequence[str] | None = None
    ) -> Removed:
        self.state.recorder.record_invalidated(removed, operation, keys)
        return removed
