"""Loads: what a loader returns is stored, and concurrent callers of one key share one load."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from cachectl._engine.drivers import Driver
from cachectl._engine.freshness import is_fresh
from cachectl._engine.options import LoadOptions
from cachectl._engine.singleflight.flights import Flight
from cachectl._engine.state import NamespaceState
from cachectl._engine.writer import Writer
from cachectl._metrics.recorder import log
from cachectl._model.deadline import one_call, spent
from cachectl._model.entry import MISSING
from cachectl._model.keys import check_key, check_tags
from cachectl._model.records import Lease
from cachectl._model.write import Write
from cachectl.errors import CacheError

if TYPE_CHECKING:
    from cachectl._engine.operations import Operations


class LoadedValues(NamedTuple):
    """Where the loads of a namespace find and leave values."""

    state: NamespaceState
    operations: "Operations"
    writer: Writer

    async def find(self, key: str) -> Any:
        """Return the value of a fresh entry, recording nothing; MISSING if there is none."""
        try:
            entry = await self.operations.store.peek(key)
            if entry is not None and is_fresh(entry, self.state.clock()):
                return self.state.entries.value(entry)
        except CacheError as error:
            log.debug("namespace %s: %s", self.state.name, error)
        return MISSING

    async def lease(self, key: str, tags: Sequence[str]) -> Lease | None:
        """Return what `store` needs of what is loaded from now on; None if nothing can be stored."""
        return await self.writer.lease(key, check_tags(tags), self.state.clock())

    async def store(self, write: Write, lease: Lease) -> None:
        """Store what a loader made, unless its key was removed or replaced since the lease was taken."""
        now = self.state.clock()
        await self.writer.put([self.state.entries.build_write(write, now)], now, lease)

    async def keep(self, flight: Flight, write: Write, lease: Lease) -> None:
        """Store what a flight brought, unless that is stale."""
        if flight.is_stale:
            await self.writer.release(lease)
        else:
            await self.store(write, lease)

    async def replace(self, write: Write, lease: Lease) -> None:
        """Store what was loaded for one who wants it whatever others bring meanwhile."""
        flights = self.state.flights
        flights.invalidate_key(write.key)
        try:
            await self.store(write, lease)
        finally:
            flights.invalidate_key(write.key)


class Loading:
    """The loads of one namespace, for one kind of caller."""

    def __init__(self, values: LoadedValues, driver: Driver) -> None:
        self._values = values
        self._driver = driver
        self.call: Callable[[Callable[[], Any]], Awaitable[Any]] = driver.call

    async def load(
        self, key: str, loader: Callable[[], Any], options: LoadOptions, completed: int
    ) -> Any:
        """Return what `loader` returns, called by this or a concurrent caller, and store it.

        If loads have completed since there were `completed`, one may have stored the value.
        """
        waited = spent()  # by the lookup, before this
        key = check_key(key)
        options.check()
        flights = self._values.state.flights

        async def load(flight: Flight) -> Any:
            began = monotonic() - waited
            if flights.completed != completed:
                with one_call(began):
                    value = await self._values.find(key)
                if value is not MISSING:
                    return value
            store = partial(self._values.keep, flight)
            return await self._loaded(key, loader, options, began, store)

        return await self._driver.share(flights, key, load)

    async def reload(self, key: str, loader: Callable[[], Any], options: LoadOptions) -> Any:
        """Call `loader` whatever is cached, and store what it returns."""
        key = check_key(key)
        options.check()
        return await self._loaded(key, loader, options, monotonic(), self._values.replace)

    async def _loaded(
        self,
        key: str,
        loader: Callable[[], Any],
        options: LoadOptions,
        began: float,
        store: Callable[[Write, Lease], Awaitable[None]],
    ) -> Any:
        """Return what `loader` returns, in a call that began then. It is stored with the lease that
        was taken before, if there was one to be had.
        """
        with one_call(began):
            lease = await self._values.lease(key, options.tags)
        waited, started = monotonic() - began, perf_counter()
        try:
            value = await self.call(loader)
            write = options.write(key, value, started)
            if lease is not None and not self._values.state.is_closed:
                with one_call(monotonic() - waited):
                    await store(write, lease)
        except GeneratorExit:  # nobody awaits this any more
            raise
        except BaseException:
            if lease is not None and not self._values.state.is_closed:
                await self._values.writer.release(lease)
            raise
        return value
