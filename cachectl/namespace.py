"""A namespace: the operations of the engine on one part of the cache."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cachectl.backends import Condition, Item, Listed, Removed, Store, Swept
from cachectl.batches import batches
from cachectl.entry import MISSING, Entry
from cachectl.errors import BackendError, CacheError, DamagedEntry
from cachectl.keys import check_key, check_tags
from cachectl.logic import NamespaceLogic, log
from cachectl.policy import Policy
from cachectl.units import Duration, Money

if TYPE_CHECKING:
    from cachectl.loading import Flights
    from cachectl.reports import NamespaceStats

D = TypeVar("D")


class Write(NamedTuple):
    """One value for `Namespace.set_many`."""

    key: str
    value: object
    ttl: Duration | None = None
    tags: Sequence[str] = ()
    cost: Money = 0
    load_us: int = 0


class Namespace:
    """One part of the cache with a policy of its own; made by `Cache.namespace`.

    Safe to share between threads. Lookups never raise for a backend in trouble, a damaged or an
    expired entry: they miss. A value that memory returns is shared with all who get it, so
    treat it as read-only.
    """

    def __init__(
        self,
        logic: NamespaceLogic,
        store: Store,
        clock: Callable[[], float],
        figures: "Callable[[str, Duration | None], NamespaceStats]",
        *,
        strict: bool,
    ) -> None:
        self._logic = logic
        self._store = store
        self._clock = clock
        self._figures = figures
        self._strict = strict
        self._enabled = logic.policy.enabled

    def use(self, policy: Policy) -> None:
        """Follow `policy` from now on, in all threads."""
        self._logic.use(policy)
        self._enabled = policy.enabled

    @property
    def name(self) -> str:
        return self._logic.name

    @property
    def policy(self) -> Policy:
        return self._logic.policy

    def key(self, features: object, **extra: object) -> str:
        """Return a key made of structured features: SHA-256 of their canonical form.

        The order of mappings does not matter, floats are rounded as the policy's
        `key_decimals` says. Raises `InvalidKey` for a value without a canonical form.
        """
        return self._logic.key(features, extra)

    def get(self, key: str, default: D = MISSING) -> Any | D:  # type: ignore[assignment]
        """Return the value, or `default` on a miss. A cached None is a value."""
        if not self._enabled:
            return default
        now = self._clock()
        try:
            entry = self._store.get(key, now)
            if entry is not None and entry.expires_at > now:
                return self._logic.hit(entry, now)
            if entry is None:
                check_key(key)  # what is found was checked when it was written
            else:
                self._expired(key, now)
            self._logic.missed()
        except (TypeError, UnicodeEncodeError):  # the store could make nothing of the key
            check_key(key)
            raise
        except DamagedEntry as error:
            self._logic.failed(error)
        except BackendError as error:
            if self._strict:
                raise
            self._logic.failed(error)
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
    ) -> bool:
        """Store a value and return whether it is stored now.

        `ttl` is a duration, `"none"` for ever, None for the policy's; `cost` is dollars. With
        `nx` only if the key is absent, with `xx` only if it is there. A value that alone is
        over `max_bytes` is not stored. Raises `UnsupportedValue`, `InvalidKey`, `UsageError`.
        """
        condition: Condition | None = "absent" if nx else "present" if xx else None
        if not self._enabled:
            return False
        now = self._clock()
        item = self._logic.item(key, value, now, ttl=ttl, tags=tags, cost=cost)
        stored = self._put([item], now, condition) == 1
        self._outdate([key])
        return stored

    def set_many(self, writes: Iterable[Write]) -> int:
        """Store many values in few round trips and return how many are stored."""
        stored = 0
        for batch in batches(writes) if self._enabled else ():
            now = self._clock()
            stored += self._put([self._item(write, now) for write in batch], now, None)
        return stored

    def stored_size(self, write: Write) -> int:
        """Return the bytes that `write` would take of `max_bytes`."""
        return self._item(write, self._clock()).entry.size

    def get_or_load(
        self,
        key: str,
        loader: Callable[[], D],
        *,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Money = 0,
        bypass: bool = False,
    ) -> D:
        """Return the cached value, or call `loader` and store what it returns.

        Concurrent callers of one key share one call of a loader. What it raises reaches all of
        them and is not cached; nor is what it returns if this process changed or removed the
        entry meanwhile. With `bypass` there is no lookup: the loader is called, and its
        value replaces the cached one.
        """
        if not self._enabled:
            return loader()

        def load() -> D:
            started = perf_counter()
            value = loader()
            load_us = round((perf_counter() - started) * 1e6)
            if bypass or self.flights.wanted(key):
                self.keep(key, value, ttl=ttl, tags=tags, cost=cost, load_us=load_us)
            return value

        if bypass:
            check_key(key)
            fresh = load()
            self._outdate([key])
            return fresh
        landed = self.flights.landed
        value: Any = self.get(key)
        if value is MISSING:
            value = self.flights.run(key, lambda: self._landed_or(load, key, landed))
        return value  # type: ignore[no-any-return]

    def _landed_or(self, load: Callable[[], object], key: str, landed: int) -> object:
        """Return what another load of `key` has stored meanwhile, or what this one brings."""
        value = self.landed_value(key, landed)
        return load() if value is MISSING else value

    def keep(
        self,
        key: str,
        value: object,
        *,
        ttl: Duration | None,
        tags: Sequence[str],
        cost: Money,
        load_us: int,
    ) -> None:
        """Store what a loader took `load_us` microseconds to make."""
        now = self._clock()
        item = self._logic.item(key, value, now, ttl=ttl, tags=tags, cost=cost, load_us=load_us)
        self._put([item], now, None)

    def landed_value(self, key: str, landed: int) -> object:
        """Return what another load has stored since `flights.landed` was read, or MISSING."""
        if self.flights.landed == landed:
            return MISSING
        try:
            entry = self._fresh(key)
            if entry is not None:
                return self._logic.value(entry)
        except CacheError as error:
            log.debug("namespace %s: %s", self.name, error)
        return MISSING

    def delete(self, key: str) -> bool:
        """Remove one entry and return whether it was there."""
        removed = self._store.remove([check_key(key)])
        return self._invalidated(removed, "delete", [key]).entries == 1

    def delete_many(self, keys: Iterable[str]) -> Removed:
        """Remove entries and return how many there were."""
        return self._invalidated(self._store.remove(map(check_key, keys)), "delete")

    def invalidate(self, *, tag: str) -> Removed:
        """Remove every entry that carries `tag`."""
        (checked,) = check_tags([tag])
        return self._invalidated(self._store.remove_tagged(checked), "invalidate")

    def clear(self) -> Removed:
        """Remove every entry of the namespace, and of no other."""
        return self._invalidated(self._store.clear(), "clear")

    def peek(self, key: str) -> Entry | None:
        """Return the entry, expired or not, with its value; no counter and no recency moves.

        Raises `DamagedEntry`.
        """
        entry = self._store.peek(check_key(key))
        return None if entry is None else entry._replace(value=self._logic.value(entry))

    def has(self, key: str) -> bool:
        """Return whether there is a fresh entry; no counter and no recency moves."""
        try:
            return self._fresh(check_key(key)) is not None
        except DamagedEntry:
            return False

    def entries(self, tag: str | None = None) -> Iterator[Listed]:
        """Yield all entries, least recently used first; no counter and no recency moves."""
        return self._store.scan(tag)

    def stats(self, *, since: Duration | None = None) -> "NamespaceStats":
        """Return the figures of this namespace, as `Cache.stats` does."""
        return self._figures(self.name, since)

    @cached_property
    def flights(self) -> "Flights":
        """The loads under way in this process."""
        from cachectl.loading import Flights

        return Flights()

    def _fresh(self, key: str) -> Entry | None:
        entry = self._store.peek(key)
        return entry if entry is not None and entry.expires_at > self._clock() else None

    def _expired(self, key: str, now: float) -> None:
        self._logic.swept(Swept(expired=self._store.remove_expired(key, now)))

    def _item(self, w: Write, now: float) -> Item:
        return self._logic.item(
            w.key, w.value, now, ttl=w.ttl, tags=w.tags, cost=w.cost, load_us=w.load_us
        )

    def _put(self, items: list[Item], now: float, condition: Condition | None) -> int:
        limits = self._logic.limits
        try:
            if limits.max_bytes is not None:
                items = self._fitting(items, limits.max_bytes, condition)
            written = self._store.put(items, limits, now, condition)
        except BackendError as error:
            if self._strict:
                raise
            self._logic.spared(error)
            return 0
        self._logic.wrote(written)
        return written.stored

    def _fitting(
        self, items: list[Item], max_bytes: int, condition: Condition | None
    ) -> list[Item]:
        """Return the items that alone are not over the limit. What stands under the keys of the
        others is removed, since it would have been replaced.
        """
        large = [item for item in items if item.entry.size > max_bytes]
        if large and condition != "absent":
            for item in large:
                log.info("namespace %s: %d bytes are over max_bytes", self.name, item.entry.size)
                self._logic.invalidated(self._store.remove([item.key]))
        return [item for item in items if item.entry.size <= max_bytes] if large else items

    def _invalidated(
        self, removed: Removed, operation: str, keys: Iterable[str] | None = None
    ) -> Removed:
        self._outdate(keys)
        self._logic.invalidated(removed)
        log.debug("%s %s: %d removed", operation, self.name, removed.entries)
        return removed

    def _outdate(self, keys: Iterable[str] | None) -> None:
        if "flights" in vars(self):  # or nothing was ever loaded here
            self.flights.outdate(keys)
