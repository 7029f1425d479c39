"""A namespace: the operations of the engine on one part of the cache."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Never, TypeVar, overload

from cachectl._backends.protocols import Store, SupportsDetails, SupportsFlush
from cachectl._engine.disabled import NOTHING, Readable
from cachectl._engine.entries import Entries
from cachectl._engine.freshness import is_fresh
from cachectl._engine.options import Cost, LoadOptions
from cachectl._engine.writer import Writer
from cachectl._metrics.events import MissReason
from cachectl._metrics.recorder import Recorder, log
from cachectl._model.batches import batches
from cachectl._model.canonical import feature_key
from cachectl._model.entry import MISSING, Entry, MissingType
from cachectl._model.keys import check_key, check_tags
from cachectl._model.outcome import Outcome
from cachectl._model.policy import Policy
from cachectl._model.records import CleanupStep, Condition, EntryInfo, Removed
from cachectl._model.units import Duration, Money
from cachectl._model.write import Write
from cachectl.errors import BackendError, DamagedEntry, UsageError

if TYPE_CHECKING:
    from cachectl._engine.decorator.known import Functions
    from cachectl._engine.loading import Loading
    from cachectl._metrics.reports import NamespaceStats

T = TypeVar("T")


class Namespace:
    """One part of the cache with a policy of its own; made by `Cache.namespace`.

    Safe to share between threads. Lookups never raise for a backend in trouble, a damaged or an
    expired entry: they miss. Removals and reports raise `BackendError` if the backend refuses. A
    value that memory returns is shared with all who get it, so treat it as read-only.
    """

    def __init__(
        self,
        entries: Entries,
        recorder: Recorder,
        store: Store,
        policy: Policy,
        clock: Callable[[], float],
        figures: "Callable[[str, Duration | None], NamespaceStats]",
        *,
        live: bool,
        strict: bool,
    ) -> None:
        self._entries = entries
        self._recorder = recorder
        self._store = store
        self._clock = clock
        self._figures = figures
        self._live = live
        self._strict = strict
        self._writer = Writer(store, recorder, strict=strict)
        self._loading: Loading | None = None
        self._functions: Functions | None = None
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Follow `policy` from now on, in all threads."""
        self._policy = policy
        self._writer.limits = policy.limits
        self._enabled = policy.enabled
        self._readable: Readable = self._store if policy.enabled else NOTHING
        self._absent = MissReason.ABSENT if policy.enabled else MissReason.DISABLED
        self._recorder.counting = policy.metrics
        self._entries.use(policy)
        if self._functions is not None:
            self._functions.forget_keys()

    @property
    def name(self) -> str:
        return self._recorder.namespace

    @property
    def policy(self) -> Policy:
        return self._policy

    def key(self, features: object, **extra: object) -> str:
        """Return a key made of structured features: SHA-256 of their canonical form.

        The order of mappings does not matter, floats are rounded as the policy's
        `key_decimals` says. Raises `InvalidKey` for a value without a canonical form.
        """
        return feature_key(features, extra, self._policy.key_decimals)

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
                value = entry.value if self._live else self._entries.decode(entry)
                self._recorder.record_hit(key, entry, now)
                return value
            if entry is None:
                plain = check_key(key)  # what is found was checked when it was written
                if plain is not key:
                    return self.get(plain, default)
                self._recorder.record_miss(key, self._absent)
            else:
                self._remove_expired(key, now)
                self._recorder.record_miss(key, MissReason.EXPIRED)
        except (TypeError, UnicodeEncodeError):  # the store could make nothing of the key
            plain = check_key(key)
            if plain is key:
                raise
            return self.get(plain, default)
        except DamagedEntry as error:
            plain = check_key(key)
            if plain is not key:  # what is bound to a key is bound to its text
                return self.get(plain, default)
            self._recorder.record_suppressed(error)
            self._recorder.record_miss(key, MissReason.DAMAGED)
        except BackendError as error:
            if self._strict:
                raise
            self._recorder.record_suppressed(error)
            self._recorder.record_miss(key, MissReason.ERROR)
        return default

    def set(
        self,
        key: str,
        value: object,
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Money = 0,
        nx: bool = False,
        xx: bool = False,
    ) -> Outcome:
        """Store a value and return what became of it: truthy if it is stored now.

        `ttl` is a duration, `"none"` for ever, None for the policy's; `cost` is dollars. With
        `nx` only if the key is absent, with `xx` only if it is there. A value that alone is
        over `max_bytes` is not stored. Raises `UnsupportedValue`, `InvalidKey`, `UsageError`.
        """
        if nx and xx:
            raise UsageError("nx and xx exclude each other")
        condition: Condition | None = "absent" if nx else "present" if xx else None
        if not self._enabled:
            return Outcome.DISABLED
        now = self._clock()
        item = self._entries.build(key, value, now, ttl=ttl, tags=tags, cost=cost)
        (outcome,) = self._writer.put([item], now, condition)
        self._invalidate_loads([item.key])
        return outcome

    def set_many(self, writes: Iterable[Write] | Mapping[str, object]) -> list[Outcome]:
        """Store many values in few round trips and return what became of each.

        Takes `Write`s, or a mapping of keys to values. Raises `UnsupportedValue`, `InvalidKey`
        or `UsageError` for one that cannot be stored; some batches before it are stored then.
        """
        if isinstance(writes, Mapping):
            writes = [Write(key, value) for key, value in writes.items()]
        outcomes: list[Outcome] = []
        for batch in batches(writes):
            now = self._clock()
            items = [self._entries.build_write(write, now) for write in batch]
            if self._enabled:
                outcomes += self._writer.put(items, now, None)
                self._invalidate_loads([item.key for item in items])
            else:
                outcomes += [Outcome.DISABLED] * len(items)
        return outcomes

    @overload  # a loader of Any, which would match the next one as well
    def get_or_load(
        self,
        key: str,
        loader: Callable[[], Never],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Cost = 0,
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
        bypass: bool = False,
    ) -> Any:
        """Return the cached value, or call `loader` and store what it returns.

        Concurrent callers of one key share one call of a loader. What it raises reaches all of
        them and is not cached; nor is what it returns if this process changed or removed the
        entry meanwhile. With `bypass` there is no lookup: the loader is called, and its
        value replaces the cached one. `cost` may be a function of the value. Raises
        `UnsupportedValue` for an async loader, which nothing here awaits.
        """
        if not self._enabled:
            from cachectl._engine.sync_loader import called

            return called(loader)
        loading = self._loading or self.loading
        if bypass:
            return loading.reload(key, loader, LoadOptions(ttl, tags, cost))
        completed = loading.flights.completed
        value: Any = self.get(key)
        if value is MISSING:
            value = loading.load(key, loader, LoadOptions(ttl, tags, cost), completed)
        return value

    def delete(self, key: str) -> bool:
        """Remove one entry and return whether it was there."""
        key = check_key(key)
        removed = self._store.remove([key])
        return self._removed(removed, "delete", [key]).entries == 1

    def delete_many(self, keys: Iterable[str]) -> Removed:
        """Remove entries and return how many there were."""
        return self._removed(self._store.remove(map(check_key, keys)), "delete")

    def invalidate(self, *, tag: str) -> Removed:
        """Remove every entry that carries `tag`."""
        (checked,) = check_tags([tag])
        return self._removed(self._store.remove_tagged(checked), "invalidate")

    def clear(self) -> Removed:
        """Remove every entry of the namespace, and of no other."""
        return self._removed(self._store.clear(), "clear")

    def peek(self, key: str) -> Entry | None:
        """Return the entry, expired or not, with its value; nothing is counted, and it is no use.

        Raises `DamagedEntry`.
        """
        entry = self._store.peek(check_key(key))
        return None if entry is None else entry._replace(value=self._entries.value(entry))

    def details(self, key: str) -> Mapping[str, object]:
        """Return what the backend knows of an entry beside what `peek` returns; often nothing."""
        return self._store.details(key) if isinstance(self._store, SupportsDetails) else {}

    def has(self, key: str) -> bool:
        """Return whether there is a fresh entry; nothing is counted, and it is no use."""
        try:
            return is_fresh(self._store.peek(check_key(key)), self._clock())
        except DamagedEntry:
            return False

    def entries(self, tag: str | None = None) -> Iterator[EntryInfo]:
        """Yield all entries, least recently used first; nothing is counted, and it is no use."""
        return self._store.scan(tag)

    def stats(self, *, since: Duration | None = None) -> "NamespaceStats":
        """Return the figures of this namespace, as `Cache.stats` does."""
        return self._figures(self.name, since)

    @property
    def loading(self) -> "Loading":
        """The loads of this namespace, one at a time for each key."""
        if self._loading is None:
            from cachectl._engine.loading import LoadedValues, Loading
            from cachectl._engine.singleflight import SingleFlight

            parts = self.name, self._store, self._entries, self._writer, self._clock
            with SingleFlight.lock:  # threads that load for the first time at once share one
                self._loading = self._loading or Loading(LoadedValues(*parts))
        return self._loading

    @property
    def functions(self) -> "Functions":
        """The decorated functions of this namespace."""
        if self._functions is None:
            from cachectl._engine.decorator.known import Functions
            from cachectl._engine.singleflight import SingleFlight

            with SingleFlight.lock:
                self._functions = self._functions or Functions()
        return self._functions

    def flush(self) -> None:
        """Write the uses that lookups recorded. Raises `BackendError`; nothing is lost then."""
        if isinstance(self._store, SupportsFlush):
            self._store.flush()

    def __contains__(self, key: str) -> bool:
        return self.has(key)

    def __len__(self) -> int:
        """How many entries are held, expired ones that are not removed yet among them."""
        return self.stats().entries

    def __bool__(self) -> bool:
        """True also while it is empty: it is a namespace nevertheless."""
        return True

    def __repr__(self) -> str:
        return f"<Namespace {self.name!r}: {self._policy.summary}>"

    def _remove_expired(self, key: str, now: float) -> None:
        self._recorder.record_cleanup(CleanupStep(self._store.remove_expired(key, now)))

    def _removed(
        self, removed: Removed, operation: str, keys: Iterable[str] | None = None
    ) -> Removed:
        self._invalidate_loads(keys)
        self._recorder.record_invalidated(removed)
        log.debug("%s %s: %d removed", operation, self.name, removed.entries)
        return removed

    def _invalidate_loads(self, keys: Iterable[str] | None) -> None:
        if self._loading is not None:  # or nothing was ever loaded here
            self._loading.invalidate(keys)
