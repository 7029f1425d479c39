"""Loads: what a loader returns is stored, and concurrent callers of one key share one load."""

from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from cachectl._engine.drivers import Driver
from cachectl._engine.freshness import is_fresh
from cachectl._engine.loaders import name_of
from cachectl._engine.options import LoadOptions
from cachectl._engine.singleflight.flights import Flight
from cachectl._engine.state import NamespaceState
from cachectl._engine.writer import Writer
from cachectl._metrics.events import MissReason
from cachectl._metrics.recorder import Recorder, log
from cachectl._model.arguments import check_called
from cachectl._model.deadline import one_call, spent
from cachectl._model.entry import Worth
from cachectl._model.keys import check_key
from cachectl._model.outcome import Outcome
from cachectl._model.records import Item, Lease
from cachectl.errors import CacheError, UsageError

if TYPE_CHECKING:
    from cachectl._engine.operations import Operations


class LoadedValues(NamedTuple):
    """Where the loads of a namespace find and leave values."""

    state: NamespaceState
    operations: "Operations"
    writer: Writer

    async def find(self, key: str) -> tuple[Any, Worth] | None:
        """Return the value of a fresh entry, recording nothing; None if there is none."""
        try:
            entry = await self.operations.store.peek(key)
            if entry is not None and is_fresh(entry, self.state.clock()):
                return self.state.entries.value(entry), Worth.of(entry)
        except CacheError as error:
            log.debug("namespace %s: %s", self.state.name, str(error))
        return None

    def made(self, load: "Load", value: object, load_us: int) -> Item | None:
        """Return what to store of what a load brought. That is paid for: what hinders it from being
        stored is recorded, and nothing raises.
        """
        try:
            write = load.options.write(load.key, value, load_us)
            return self.state.entries.build_write(write, self.state.clock())
        except CacheError as error:
            self._record_unstored(load, error)
        except Exception as error:  # noqa: BLE001 - it may tell of the value, which is not logged
            self._record_unstored(load, f"{type(error).__name__} while it was encoded")
        return None

    async def lease(self, load: "Load") -> Lease | None:
        """Return what `store` needs of what is loaded from now on; None if nothing can be stored."""
        return await self.writer.lease(load.key, load.options.tags, self.state.clock())

    async def keep(self, flight: Flight, load: "Load", item: Item, lease: Lease) -> None:
        """Store what a flight brought, unless that is stale."""
        if flight.is_stale:
            await self.release(lease)
        else:
            await self._store(load, item, lease)

    async def replace(self, load: "Load", item: Item, lease: Lease) -> None:
        """Store what was loaded for one who wants it whatever others bring meanwhile."""
        flights = self.state.flights
        flights.invalidate_key(load.key)
        try:
            await self._store(load, item, lease)
        finally:
            flights.invalidate_key(load.key)

    async def release(self, lease: Lease) -> None:
        """Store nothing with this lease."""
        if not self.state.is_closed:
            await self.writer.release(lease)

    async def _store(self, load: "Load", item: Item, lease: Lease) -> None:
        """Store what a load brought, unless its key was removed or replaced since the lease was taken,
        or the cache was closed.
        """
        if self.state.is_closed:
            return
        (outcome,) = await self.writer.put([item], item.entry.created_at, lease)
        if outcome is Outcome.TOO_LARGE:
            self._record_unstored(load, f"{item.entry.size} bytes are over max_bytes")

    def _record_unstored(self, load: "Load", reason: object) -> None:
        self.state.recorder.record_unstored(load.key, name_of(load.loader), reason)


class Load(NamedTuple):
    """What a caller asks for: a key, what makes its value, and how that is stored."""

    key: str
    loader: Callable[[], Any]
    options: LoadOptions

    @classmethod
    def checked(cls, key: str, loader: Callable[[], Any], options: LoadOptions) -> "Load":
        """Return a load. Raises `InvalidKey` and `UsageError` before anything is paid for."""
        check_called("a loader", loader, "without arguments")
        return cls(check_key(key), loader, options.checked())


class Made(NamedTuple):
    """What a loader made: the value, what to store of it if it can be, and what it took."""

    value: Any
    item: Item | None
    worth: Worth


class Lookup:
    """A lookup that found nothing, until it is known who loads; counted once."""

    def __init__(self, recorder: Recorder, key: str) -> None:
        self._recorder = recorder
        self._key = key
        self._reason = recorder.take_reason()
        self._is_counted = False

    def loads(self) -> None:
        """Count it as a miss, unless it was counted."""
        if not self._is_counted:
            self._is_counted = True
            self._recorder.record_load(self._key, self._reason)

    def shares(self, worth: Worth) -> None:
        """Count it as one that shares a load which took so much, unless it was counted."""
        if not self._is_counted:
            self._is_counted = True
            self._recorder.record_shared(worth)


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
        lookup = Lookup(self._values.state.recorder, key)
        try:
            wanted = self._checked(key, loader, options)
            return await self._load(wanted, completed, waited, lookup)
        finally:
            lookup.loads()  # also one that was refused, or ended while it waited

    def _checked(self, key: str, loader: Callable[[], Any], options: LoadOptions) -> Load:
        try:
            return Load.checked(key, loader, options)
        except UsageError as error:
            raise self._values.operations.checks.told(error, "get_or_load", key) from None

    async def _load(self, wanted: Load, completed: int, waited: float, lookup: Lookup) -> Any:
        flights = self._values.state.flights

        async def load(flight: Flight) -> Any:
            began = monotonic() - waited
            if flights.completed != completed:
                with one_call(began):
                    found = await self._values.find(wanted.key)
                if found is not None:
                    value, flight.worth = found
                    lookup.shares(flight.worth)
                    return value
            lookup.loads()
            made = await self._made(wanted, began, partial(self._values.keep, flight))
            flight.worth = made.worth
            return made.value

        def shared(flight: Flight) -> None:
            lookup.shares(flight.worth)

        return await self._driver.share(flights, wanted.key, load, shared)

    async def reload(self, key: str, loader: Callable[[], Any], options: LoadOptions) -> Any:
        """Call `loader` whatever is cached, and store what it returns."""
        wanted = self._checked(key, loader, options)
        state = self._values.state
        state.recorder.record_miss(key, MissReason.BYPASSED, state.clock())
        return (await self._made(wanted, monotonic(), self._values.replace)).value

    async def _made(
        self, wanted: Load, began: float, store: Callable[[Load, Item, Lease], Awaitable[None]]
    ) -> Made:
        """Return what the loader makes, in a call that began then. It is stored with the lease that
        was taken before, if there was one to be had.
        """
        with one_call(began):
            lease = await self._values.lease(wanted)
        waited = monotonic() - began
        try:
            made = await self._called(wanted)
        except GeneratorExit:  # nobody awaits this any more
            raise
        except BaseException:
            if lease is not None:
                await self._values.release(lease)
            raise
        with one_call(monotonic() - waited):
            if lease is not None and made.item is not None:
                await store(wanted, made.item, lease)
            elif lease is not None:
                await self._values.release(lease)
        return made

    async def _called(self, wanted: Load) -> Made:
        started = perf_counter()
        value = await self.call(wanted.loader)
        seconds = perf_counter() - started
        self._values.state.recorder.record_load_time(seconds)
        load_us = round(seconds * 1e6)
        item = self._values.made(wanted, value, load_us)
        return Made(value, item, Worth(load_us) if item is None else Worth.of(item.entry))
