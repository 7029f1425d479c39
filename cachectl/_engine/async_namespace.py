"""A namespace: the operations of the engine on one part of the cache, for tasks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cachectl._engine.base_namespace import NO_KEY, BaseNamespace
from cachectl._engine.operations import Operations
from cachectl._engine.options import TO_LOAD, Cost, LoadOptions
from cachectl._engine.state import NamespaceState
from cachectl._metrics.events import MissReason
from cachectl._model.entry import MISSING, Entry, MissingType
from cachectl._model.outcome import Outcome
from cachectl._model.records import EntryInfo, Removed
from cachectl._model.units import Duration, Money
from cachectl._model.write import Write
from cachectl.errors import BackendError, DamagedEntry

if TYPE_CHECKING:
    from cachectl._engine.handle import Handle
    from cachectl._metrics.details import MissedKey
    from cachectl._metrics.reports import NamespaceStats

T = TypeVar("T")


class AsyncNamespace(BaseNamespace):
    """One part of the cache with a policy of its own; made by `AsyncCache.namespace`.

    Its methods are those of `Namespace`, awaited: what they return, raise and count is the same. Safe
    to share between tasks, event loops and threads. Nothing blocks the event loop: memory answers at
    once, Redis over one connection that all tasks of a loop share, files in the loop where that is a
    matter of microseconds, else in a thread of the cache. Cancelling a task never leaves its reply
    to another; a write that was cancelled may have happened.
    """

    def __init__(self, state: NamespaceState, operations: Operations, handle: "Handle") -> None:
        super().__init__(state, operations)
        self._handle = handle

    @overload
    async def get(self, key: str) -> Any | MissingType: ...
    @overload
    async def get(self, key: str, default: T) -> Any | T: ...
    async def get(self, key: str, default: object = MISSING) -> Any:
        """Return the value, or `default` on a miss. A cached None is a value."""
        now = self._clock()
        try:
            entry = (
                self._readable.get(key, now)  # memory, which is not waited for
                if self._live
                else await self._readable.fetch(key, now)
            )
            if entry is not None and entry.expires_at > now:
                value = entry.value if self._as_is else self._entries.decode(entry)
                self._recorder.record_hit(key, entry, now)
                return value
            if entry is None:
                plain = self._checks.key(
                    "get", key
                )  # what is found was checked when it was written
                if plain is not key:
                    return await self.get(plain, default)
                self._recorder.record_miss(key, self._absent, now, loads=default is TO_LOAD)
            else:
                await self.operations.remove_expired(key, now)
                self._recorder.record_miss(key, MissReason.EXPIRED, now, loads=default is TO_LOAD)
        except NO_KEY:  # the store could make nothing of it
            plain = self._checks.key("get", key)
            if plain is key:
                raise
            return await self.get(plain, default)
        except DamagedEntry as error:
            plain = self._checks.key("get", key)
            if plain is not key:  # what is bound to a key is bound to its text
                return await self.get(plain, default)
            self._recorder.record_suppressed(error)
            self._recorder.record_miss(key, MissReason.DAMAGED, now, loads=default is TO_LOAD)
        except BackendError as error:
            plain = self._checks.key("get", key)
            if plain is not key:
                return await self.get(plain, default)
            if self.state.strict:
                raise
            self._recorder.record_suppressed(error)
            self._recorder.record_miss(key, MissReason.ERROR, now, loads=default is TO_LOAD)
        return default

    async def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Money = 0,
        load_seconds: float = 0.0,
        label: str = "",
        nx: bool = False,
        xx: bool = False,
    ) -> Outcome:
        """Store a value and return what became of it; see `Namespace.set`."""
        return await self.operations.set(
            key, value, ttl=ttl, tags=tags, cost=cost, load_seconds=load_seconds, label=label,
            nx=nx, xx=xx,
        )  # fmt: skip

    async def set_many(self, writes: Iterable[Write] | Mapping[str, object]) -> list[Outcome]:
        """Store many values in few round trips; see `Namespace.set_many`."""
        return await self.operations.set_many(writes)

    @overload
    async def get_or_load(
        self,
        key: str,
        loader: Callable[[], Awaitable[T]],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Cost = 0,
        label: str = "",
        bypass: bool = False,
    ) -> T: ...
    @overload
    async def get_or_load(
        self,
        key: str,
        loader: Callable[[], T],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Cost = 0,
        label: str = "",
        bypass: bool = False,
    ) -> T: ...
    async def get_or_load(
        self,
        key: str,
        loader: Callable[[], Any],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Cost = 0,
        label: str = "",
        bypass: bool = False,
    ) -> Any:
        """Return the cached value, or what `loader` returns or its awaitable brings, and store that.

        Concurrent callers of one key, tasks and threads alike, share one call of a loader. It runs in
        a task of its own, which goes on when its caller is cancelled for as long as others wait.
        The rest is as in `Namespace.get_or_load`.
        """
        completed = self.state.flights.completed
        if bypass is not False:
            bypass = self._checks.bypass(bypass)
        value: Any = TO_LOAD if bypass else await self.get(key, TO_LOAD)
        if value is TO_LOAD:
            options = LoadOptions(ttl, tags, cost, label)
            value = await self.operations.load(key, loader, options, completed, bypass=bypass)
        return value

    async def delete(self, key: str) -> bool:
        """Remove one entry and return whether it was there, and had not expired."""
        return await self.operations.delete(key)

    async def delete_many(self, keys: Iterable[str]) -> Removed:
        """Remove entries and return how many there were."""
        return await self.operations.delete_many(keys)

    async def invalidate(self, *, tag: str) -> Removed:
        """Remove every entry that carries `tag`."""
        return await self.operations.invalidate(tag)

    async def clear(self) -> Removed:
        """Remove every entry of the namespace, and of no other."""
        return await self.operations.clear()

    async def peek(self, key: str) -> Entry | None:
        """Return the entry with its value, expired or not; see `Namespace.peek`."""
        return await self.operations.peek(key)

    async def details(self, key: str) -> Mapping[str, object]:
        """Return what the backend knows of an entry beside what `peek` returns; often nothing."""
        return await self.operations.details(key)

    async def has(self, key: str) -> bool:
        """Return whether there is a fresh entry; nothing is counted, and it is no use."""
        return await self.operations.has(key)

    def entries(self, tag: str | None = None) -> AsyncIterator[EntryInfo]:
        """Yield all entries, or those with a tag, in the order in which a limit would remove them;
        nothing is counted, and it is no use.

        What is there all the time comes once, also if it is used meanwhile, as others may: then
        it may come later. Uses of the last second may not be told yet (`Cache.flush`).
        """
        return self.operations.entries(tag)

    async def stats(self, *, since: Duration | None = None) -> "NamespaceStats":
        """Return the figures of this namespace, as `AsyncCache.stats` does."""
        return (await self._handle.stats((self.name,), since)).namespaces[self.name]

    async def top_misses(
        self, limit: int = 10, *, since: Duration | None = None
    ) -> "Sequence[MissedKey]":
        """Return the keys that were missed most; see `Namespace.top_misses`."""
        return await self._handle.in_thread(self._handle.top_misses, self.name, limit, since)

    async def flush(self) -> None:
        """Write the uses that lookups recorded. Raises `BackendError`; nothing is lost then."""
        await self.operations.flush()
