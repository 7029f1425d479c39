"""A namespace: the operations of the engine on one part of the cache, for threads."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Never, TypeVar, overload

from cachectl._engine.base_namespace import NO_KEY, BaseNamespace
from cachectl._engine.operations import Operations
from cachectl._engine.options import TO_LOAD, Cost, LoadOptions
from cachectl._engine.state import NamespaceState
from cachectl._metrics.events import MissReason
from cachectl._model.coroutines import iterate, run
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


class Namespace(BaseNamespace):
    """One part of the cache with a policy of its own; made by `Cache.namespace`.

    Safe to share between threads. Lookups never raise for a backend in trouble, a damaged or an
    expired entry: they miss. Removals and reports raise `BackendError` if the backend refuses. A
    value that memory returns is shared with all who get it, so treat it as read-only.
    """

    def __init__(self, state: NamespaceState, operations: Operations, handle: "Handle") -> None:
        super().__init__(state, operations)
        self._handle = handle

    @overload
    def get(self, key: str) -> Any | MissingType: ...
    @overload
    def get(self, key: str, default: T) -> Any | T: ...
    def get(self, key: str, default: object = MISSING) -> Any:
        """Return the value, or `default` on a miss. A cached None is a value."""
        now = self._clock()
        try:
            entry = self._readable.get(key, now)
            if entry is not None and entry.expires_at > now:
                value = entry.value if self._as_is else self._entries.decode(entry)
                self._recorder.record_hit(key, entry, now)
                return value
            if entry is None:
                plain = self._checks.key(
                    "get", key
                )  # what is found was checked when it was written
                if plain is not key:
                    return self.get(plain, default)
                self._recorder.record_miss(key, self._absent, now, loads=default is TO_LOAD)
            else:
                run(self.operations.remove_expired(key, now))
                self._recorder.record_miss(key, MissReason.EXPIRED, now, loads=default is TO_LOAD)
        except NO_KEY:  # the store could make nothing of it
            plain = self._checks.key("get", key)
            if plain is key:
                raise
            return self.get(plain, default)
        except DamagedEntry as error:
            plain = self._checks.key("get", key)
            if plain is not key:  # what is bound to a key is bound to its text
                return self.get(plain, default)
            self._recorder.record_suppressed(error)
            self._recorder.record_miss(key, MissReason.DAMAGED, now, loads=default is TO_LOAD)
        except BackendError as error:
            plain = self._checks.key("get", key)
            if plain is not key:
                return self.get(plain, default)
            if self.state.strict:
                raise
            self._recorder.record_suppressed(error)
            self._recorder.record_miss(key, MissReason.ERROR, now, loads=default is TO_LOAD)
        return default

    def set(
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
        """Store a value and return what became of it: truthy if it is stored now.

        `ttl` is a duration, `"none"` for ever, None for the policy's; `cost` is dollars, and
        `load_seconds` what making the value took: each hit saves both. `label` says to people what a
        key does not: its beginning is kept, 80 characters, if the namespace has labels. With `nx` only if the
        key is absent, with `xx` only if it is there. A value that alone is over `max_bytes` is
        not stored. Raises `UnsupportedValue`, `InvalidKey`, `UsageError`.
        """
        change = self.operations.set(
            key, value, ttl=ttl, tags=tags, cost=cost, load_seconds=load_seconds, label=label,
            nx=nx, xx=xx,
        )  # fmt: skip
        return run(change)

    def set_many(self, writes: Iterable[Write] | Mapping[str, object]) -> list[Outcome]:
        """Store many values in few round trips and return what became of each.

        Takes `Write`s, or a mapping of keys to values. Raises `UnsupportedValue`, `InvalidKey`
        or `UsageError` for one that cannot be stored; some batches before it are stored then.
        """
        return run(self.operations.set_many(writes))

    @overload  # a loader of Any, which would match the next one as well
    def get_or_load(
        self,
        key: str,
        loader: Callable[[], Never],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Cost = 0,
        label: str = "",
        bypass: bool = False,
    ) -> Any: ...
    @overload  # an async loader is refused: nothing can be done with what is returned then
    def get_or_load(
        self,
        key: str,
        loader: Callable[[], Awaitable[Any]],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Cost = 0,
        label: str = "",
        bypass: bool = False,
    ) -> None: ...
    @overload
    def get_or_load(
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
    def get_or_load(
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
        """Return the cached value, or call `loader` and store what it returns.

        Concurrent callers of one key share one call of a loader. What it raises reaches all of
        them and is not cached; nor is what it returns if anybody, in any process, wrote or removed
        the key meanwhile, or a tag of `tags`. With `bypass` nothing is looked up, which is a miss:
        the loader is called, and its value replaces the cached one. `cost` may be a function of
        the value; `label` is that of `set`. A value that cannot be stored is returned all the same,
        and counted as an error. Raises `UnsupportedValue` for an async loader, which nothing here
        awaits.
        """
        completed = self.state.flights.completed
        if bypass is not False:
            bypass = self._checks.bypass(bypass)
        value: Any = TO_LOAD if bypass else self.get(key, TO_LOAD)
        if value is TO_LOAD:
            options = LoadOptions(ttl, tags, cost, label)
            value = run(self.operations.load(key, loader, options, completed, bypass=bypass))
        return value

    def delete(self, key: str) -> bool:
        """Remove one entry and return whether it was there, and had not expired."""
        return run(self.operations.delete(key))

    def delete_many(self, keys: Iterable[str]) -> Removed:
        """Remove entries and return how many there were."""
        return run(self.operations.delete_many(keys))

    def invalidate(self, *, tag: str) -> Removed:
        """Remove every entry that carries `tag`."""
        return run(self.operations.invalidate(tag))

    def clear(self) -> Removed:
        """Remove every entry of the namespace, and of no other."""
        return run(self.operations.clear())

    def peek(self, key: str) -> Entry | None:
        """Return the entry, expired or not, with its value; nothing is counted, and it is no use.

        Raises `DamagedEntry`.
        """
        return run(self.operations.peek(key))

    def details(self, key: str) -> Mapping[str, object]:
        """Return what the backend knows of an entry beside what `peek` returns; often nothing."""
        return run(self.operations.details(key))

    def has(self, key: str) -> bool:
        """Return whether there is a fresh entry; nothing is counted, and it is no use."""
        return run(self.operations.has(key))

    def entries(self, tag: str | None = None) -> Iterator[EntryInfo]:
        """Yield all entries, or those with a tag, in the order in which a limit would remove them;
        nothing is counted, and it is no use.

        What is there all the time comes once, also if it is used meanwhile, as others may: then
        it may come later. Uses of the last second may not be told yet (`Cache.flush`).
        """
        return iterate(self.operations.entries(tag))

    def stats(self, *, since: Duration | None = None) -> "NamespaceStats":
        """Return the figures of this namespace, as `Cache.stats` does."""
        return self._handle.figures(self.name, since)

    def top_misses(
        self, limit: int = 10, *, since: Duration | None = None
    ) -> "Sequence[MissedKey]":
        """Return the keys that were missed most, by all processes, in that order: within the last eight
        days, or the time before now, in pieces of two hours. See `Details`.
        """
        return self._handle.top_misses(self.name, limit, since)

    def flush(self) -> None:
        """Write the uses that lookups recorded. Raises `BackendError`; nothing is lost then."""
        run(self.operations.flush())

    def __contains__(self, key: str) -> bool:
        return self.has(key)

    def __len__(self) -> int:
        """How many entries are held, expired ones that are not removed yet among them."""
        return self.stats().entries

    def __bool__(self) -> bool:
        """True also while it is empty: it is a namespace nevertheless."""
        return True
