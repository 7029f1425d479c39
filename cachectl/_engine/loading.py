"""Loads: what a loader returns is stored, and concurrent callers of one key share one load."""

from collections.abc import Awaitable, Callable
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
from cachectl._model.keys import check_key
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

    async def store(self, write: Write) -> None:
        """Store what a loader made, unless the cache was closed meanwhile."""
        if self.state.is_closed:
            return
        now = self.state.clock()
        await self.writer.put([self.state.entries.build_write(write, now)], now, None)


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
            if flights.completed != completed:
                with one_call(monotonic() - waited):
                    value = await self._values.find(key)
                if value is not MISSING:
                    return value
            started = perf_counter()
            value = await self.call(loader)
            write = options.write(key, value, started)
            if not flight.is_stale:
                with one_call(monotonic() - waited):
                    await self._values.store(write)
            return value

        return await self._driver.share(flights, key, load)

    async def reload(self, key: str, loader: Callable[[], Any], options: LoadOptions) -> Any:
        """Call `loader` whatever is cached, and store what it returns."""
        key = check_key(key)
        options.check()
        started = perf_counter()
        value = await self.call(loader)
        flights = self._values.state.flights
        flights.invalidate_key(key)
        try:
            await self._values.store(options.write(key, value, started))
        finally:
            flights.invalidate_key(key)
        return value
