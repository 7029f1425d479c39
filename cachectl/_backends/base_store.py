"""A `Store` out of a few methods: a namespace whose entries are listed to find what has to go."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from itertools import islice
from typing import Concatenate, Final, ParamSpec, TypeVar

from cachectl._backends.immediate import Immediate
from cachectl._backends.leases import Leases
from cachectl._backends.protocols import Store
from cachectl._model import envelope
from cachectl._model.batches import BATCH
from cachectl._model.entry import Entry
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Lease,
    Planned,
    Removed,
    Usage,
    Written,
)
from cachectl._model.turn import CallLock, Turn
from cachectl.errors import DamagedEntry

_BETWEEN_LOOKS: Final = 1.0
"""Seconds between two writes that look for what has expired."""


P = ParamSpec("P")
T = TypeVar("T")


def _whole(
    method: "Callable[Concatenate[BaseStore, P], T]",
) -> "Callable[Concatenate[BaseStore, P], T]":
    """Let a method be one call: others wait for its end, and who interrupts it is refused."""

    @wraps(method)
    def call(store: "BaseStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        lock = store.lock
        lock.acquire()
        try:
            return method(store, *args, **kwargs)
        finally:
            lock.release()

    return call


class BaseStore(ABC):
    """One namespace, whose entries are listed to find the ones that have to go.

    Threads call `peek`, `remove` and `scan` at any time. `touch` and `write` are called by one
    thread at a time, the one that holds `lock`; `with self.lock` may be nested within one call, but
    a signal handler in the middle of a call is refused. What overrides `put`, `remove_tagged` or
    `clear` calls those of this class, which see to the leases of loads.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.lock: CallLock = CallLock(f"namespace {namespace}")
        self._leases = Leases()
        self._looked_at = float("-inf")

    @abstractmethod
    def peek(self, key: str) -> Entry | None:
        """Return the entry, fresh or not; that is not a use. Raises `DamagedEntry`."""

    @abstractmethod
    def touch(self, key: str, now: float) -> None:
        """Make the entry the most recently used, at `now` (Unix seconds), if it is there."""

    @abstractmethod
    def write(self, item: Item, now: float) -> None:
        """Write an entry, in place of another under its key; that is its last use."""

    @abstractmethod
    def remove(self, keys: Iterable[str]) -> Removed:
        """Remove these keys."""

    @abstractmethod
    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        """Yield all entries, or those with `tag`, least recently used first: each once, also if it
        is used meanwhile. A limit removes them in this order.
        """

    def unpack(self, key: str, data: bytes) -> Entry:
        """Return the entry that `Item.data` was made of, for `peek`. Raises `DamagedEntry`."""
        return envelope.unpack(self.namespace, key, data)

    def info(self, key: str, data: bytes, used_at: float) -> EntryInfo:
        """Return the entry that `Item.data` was made of, as `scan` lists it; also damaged ones."""
        try:
            entry: Entry | None = envelope.unpack_header(data)
        except DamagedEntry:
            entry = None
        return EntryInfo(key, entry, len(data), used_at)

    @_whole
    def get(self, key: str, now: float) -> Entry | None:
        entry = self.peek(key)
        if entry is not None:
            self.touch(key, now)
        return entry

    @_whole
    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        stored = expired = 0
        for item in items:
            old = self._standing(item.key)
            fresh = old is not None and old.expires_at > now
            if self._leases.permit(item.key, condition, fresh=fresh):
                self.write(item, now)
                stored += 1
                expired += old is not None and not fresh
        expired += self._remove_some_expired(now)
        evicted = list(self._over(limits))
        self.remove(evicted)
        return Written(stored, expired, tuple(evicted))

    @_whole
    def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        return self._leases.take(key, tags, now)

    @_whole
    def release(self, lease: Lease) -> None:
        self._leases.give_back(lease)

    @_whole
    def revoke_leases(self) -> None:
        """Revoke all leases: nothing is stored of the loads that have them."""
        self._leases.clear()

    @_whole
    def remove_for_good(self, keys: Iterable[str]) -> Removed:
        """Remove these keys, and revoke their leases: those who load them bring nothing back."""
        wanted = list(keys)
        self._leases.revoke(wanted)
        return self.remove(wanted)

    @_whole
    def remove_expired(self, key: str, now: float) -> Removed:
        entry = self._standing(key)
        return self.remove([key]) if entry and entry.expires_at <= now else Removed()

    @_whole
    def remove_tagged(self, tag: str) -> Removed:
        self._leases.revoke_tagged(tag)
        return self.remove([info.key for info in self.scan(tag)])

    @_whole
    def clear(self) -> Removed:
        self._leases.clear()
        return self.remove([info.key for info in self.scan()])

    @_whole
    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        going = list(self.plan(rule))
        expired = self.remove([one.key for one in going if one.is_expired])
        keys = [one.key for one in going if not one.is_expired]
        return CleanupStep(expired, self.remove(keys), tuple(keys))

    def plan(self, rule: CleanupRule) -> Iterator[Planned]:
        """Yield what `cleanup` removes."""
        from cachectl._backends.planning import planned  # no lookup needs it

        return planned(self.scan, rule)

    def usage(self) -> Usage:
        """Return what the namespace holds; the memory of it is not known."""
        with self.lock:
            return listed(self)

    def turns(self) -> Iterator[Turn]:
        yield self.lock

    def before_fork(self) -> bool:
        return True

    def after_fork_in_child(self) -> None:  # noqa: B027 - entries are the child's as well
        """Go on."""

    def _standing(self, key: str) -> Entry | None:
        """Return what a write would replace; what is damaged is as good as absent."""
        try:
            return self.peek(key)
        except DamagedEntry:
            return None

    def _remove_some_expired(self, now: float) -> int:
        """Remove some of what has expired, about once a second, and return how many."""
        if abs(now - self._looked_at) < _BETWEEN_LOOKS:
            return 0
        self._looked_at = now
        expired = (info.key for info in self.scan() if info.has_expired(now))
        return self.remove(list(islice(expired, BATCH))).entries

    def _over(self, limits: Limits) -> Iterator[str]:
        """Yield the keys that have to go for the limits to hold."""
        if limits.max_entries is None and limits.max_bytes is None:
            return
        usage = self.usage()
        entries, size = usage.entries, usage.bytes
        for info in self.scan() if limits.exceeded(entries, size) else ():
            if not limits.exceeded(entries, size):
                return
            yield info.key
            entries, size = entries - 1, size - info.size


def listed(store: Store) -> Usage:
    """Return what a namespace holds by listing it."""
    sizes = [info.size for info in store.scan()]
    return Usage(len(sizes), sum(sizes), None)


class Whole(Immediate):
    """A `BaseStore` as threads use it; what its author wrote is a whole call as well."""

    def __init__(self, store: BaseStore) -> None:
        super().__init__(store)
        self._base = store

    async def remove(self, keys: Iterable[str]) -> Removed:
        return self._base.remove_for_good(keys)
