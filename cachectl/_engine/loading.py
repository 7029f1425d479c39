"""Loads: what a loader returns is stored, and concurrent callers of one key share one load."""

from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, NamedTuple

from cachectl._backends.protocols import Store
from cachectl._engine.entries import Entries
from cachectl._engine.freshness import is_fresh
from cachectl._engine.options import LoadOptions
from cachectl._engine.singleflight import SingleFlight
from cachectl._engine.sync_loader import called
from cachectl._engine.writer import Writer
from cachectl._metrics.recorder import log
from cachectl._model.entry import MISSING
from cachectl._model.keys import check_key
from cachectl._model.write import Write
from cachectl.errors import CacheError


class LoadedValues(NamedTuple):
    """Where the loads of a namespace find and leave values."""

    namespace: str
    source: Store
    entries: Entries
    writer: Writer
    clock: Callable[[], float]

    def find(self, key: str) -> Any:
        """Return the value of a fresh entry, recording nothing; MISSING if there is none.

        Raises `DamagedEntry` or `BackendError`.
        """
        entry = self.source.peek(key)
        return self.entries.value(entry) if entry and is_fresh(entry, self.clock()) else MISSING

    def store(self, write: Write) -> None:
        """Store what a loader made, though a load of its key is under way: it is that load."""
        now = self.clock()
        self.writer.put([self.entries.build_write(write, now)], now, None)


class Loading:
    """The loads of one namespace."""

    def __init__(self, values: LoadedValues) -> None:
        self._values = values
        self.flights: SingleFlight = SingleFlight()

    def invalidate(self, keys: Iterable[str] | None) -> None:
        """Let loads of these keys, or all, complete without being stored."""
        self.flights.invalidate(keys)

    def load(
        self, key: str, loader: Callable[[], Any], options: LoadOptions, completed: int
    ) -> Any:
        """Return what `loader` returns, called by this or a concurrent caller, and store it.

        If loads have completed since there were `completed`, one may have stored the value.
        """
        key = check_key(key)
        options.check()
        return self.flights.run(
            key,
            lambda: self._stored_since(key, completed, lambda: self._load(key, loader, options)),
        )

    def reload(self, key: str, loader: Callable[[], Any], options: LoadOptions) -> Any:
        """Call `loader` whatever is cached, and store what it returns."""
        key = check_key(key)
        options.check()
        started = perf_counter()
        value = called(loader)
        self._values.store(options.write(key, value, started))
        self.invalidate([key])
        return value

    async def load_async(
        self, key: str, loader: Callable[[], Awaitable[Any]], options: LoadOptions, completed: int
    ) -> Any:
        """Do what `load` does without blocking the event loop: the store is used in a thread."""
        from asyncio import to_thread

        key = check_key(key)
        options.check()

        async def load() -> Any:
            value = await to_thread(self._stored_since, key, completed, lambda: MISSING)
            if value is not MISSING:
                return value
            started = perf_counter()
            value = await loader()
            write = options.write(key, value, started)
            if self.flights.is_current(key):
                await to_thread(self._values.store, write)
            return value

        return await self.flights.run_async(key, load)

    async def reload_async(
        self, key: str, loader: Callable[[], Awaitable[Any]], options: LoadOptions
    ) -> Any:
        """Do what `reload` does without blocking the event loop."""
        from asyncio import to_thread

        key = check_key(key)
        options.check()
        started = perf_counter()
        value = await loader()
        await to_thread(self._values.store, options.write(key, value, started))
        self.invalidate([key])
        return value

    def _load(self, key: str, loader: Callable[[], Any], options: LoadOptions) -> Any:
        started = perf_counter()
        value = called(loader)
        write = options.write(key, value, started)
        if self.flights.is_current(key):
            self._values.store(write)
        return value

    def _stored_since(self, key: str, completed: int, load: Callable[[], Any]) -> Any:
        """Return what another load has stored since there were `completed`, or call `load`."""
        if self.flights.completed != completed:
            try:
                value = self._values.find(key)
            except CacheError as error:
                log.debug("namespace %s: %s", self._values.namespace, error)
            else:
                if value is not MISSING:
                    return value
        return load()
