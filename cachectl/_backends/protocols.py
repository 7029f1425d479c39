"""What a backend is: protocols that each one satisfies; `capabilities` has what only some can do.

A backend sees keys and stored entries, never a command. It keeps limits and the storage of
counters, but does not judge freshness: it may drop what has expired, the engine decides what is
served.

The engine knows `AsyncStore`, whose methods are coroutines, and asks a backend for two kinds of it:
one for threads, which blocks and never suspends, and one for tasks, which never blocks. Most
backends are a blocking `Store` of a few methods; `base` makes both kinds of it.
"""

from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager
from typing import Protocol

from cachectl._metrics.counters import CounterStore
from cachectl._model.entry import Entry, Found
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


class Store(Protocol):
    """One namespace of a backend. Safe to use from many threads and, unless it is memory, from
    many processes. Every method may raise `BackendError`.
    """

    def get(self, key: str, now: float) -> Found | None:
        """Return the entry, fresh or not, noting its use at `now`. Raises `DamagedEntry`."""

    def peek(self, key: str) -> Entry | None:
        """Return the entry without noting a use. Raises `DamagedEntry`."""

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        """Write entries, then evict while the limits are exceeded.

        The least recently used go first, reads of this process counted as use. An entry that
        alone exceeds `max_bytes` is not kept. Unless the condition is a lease, those of the keys
        that are written are revoked. Where a limit was lowered, it may evict no more than `BATCH`
        entries beside as many as it writes: the engine calls `cleanup` for the others, later.
        """

    def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        """Return a lease of `key`, which may be absent, for a load whose entry will have `tags`."""

    def release(self, lease: Lease) -> None:
        """Give a lease back: nothing will be stored with it."""

    def remove(self, keys: Iterable[str]) -> Removed:
        """Remove these keys, and revoke their leases."""

    def remove_expired(self, key: str, now: float) -> Removed:
        """Remove `key` if the entry that is there now had expired by `now`; leases stay good."""

    def remove_tagged(self, tag: str) -> Removed:
        """Remove every entry that carries `tag`, and revoke the leases of loads that have it."""

    def clear(self) -> Removed:
        """Remove every entry, and revoke every lease."""

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        """Remove entries that `rule` names, `BATCH` at a time where that keeps others from
        waiting; leases stay good. A step that removed nothing is the last. What exceeds limits goes
        in the order of the eviction with which the namespace was last written.
        """

    def plan(self, rule: CleanupRule) -> Iterator[Planned]:
        """Yield exactly what `cleanup` removes, until it finds nothing more, if nobody writes
        meanwhile and uses are flushed. It changes nothing. Streams.
        """

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        """Yield all entries, or those with `tag`, in the order in which a limit would remove them;
        that is not a use.

        Streams: what is there all the time comes once, and what is written or removed meanwhile
        may come or not. What is used meanwhile may come later than its turn.
        """


class AsyncStore(Protocol):
    """One namespace as the engine uses it. Each method does what that of `Store` does; a store for
    threads does it before it returns, and one for tasks without blocking the event loop.
    """

    def get(self, key: str, now: float) -> Found | None:
        """Do what `fetch` does, at once: the hit path of threads, and of tasks in memory."""

    async def fetch(self, key: str, now: float) -> Found | None:
        """Return the entry, fresh or not, noting its use at `now`. Raises `DamagedEntry`."""

    async def peek(self, key: str) -> Entry | None: ...

    async def details(self, key: str) -> Mapping[str, object]:
        """Return what is known of an entry beside what `peek` returns; often nothing."""

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written: ...

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease: ...

    async def release(self, lease: Lease) -> None: ...

    async def remove(self, keys: Iterable[str]) -> Removed: ...

    async def remove_expired(self, key: str, now: float) -> Removed: ...

    async def remove_tagged(self, tag: str) -> Removed: ...

    async def clear(self) -> Removed: ...

    async def cleanup(self, rule: CleanupRule) -> CleanupStep: ...

    def plan(self, rule: CleanupRule) -> AsyncIterator[Planned]: ...

    def scan(self, tag: str | None = None) -> AsyncIterator[EntryInfo]: ...

    async def flush(self) -> None:
        """Write the uses that lookups recorded, if they were recorded in memory first."""

    async def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        """Write those that others need to know by now: few, unless something `is_limited`. Return whether
        nothing that was noted waits still.
        """


class Backend(Protocol):
    """A place that keeps many namespaces and their counters. Opening one does no I/O.

    All but stores blocks: figures, locks and lifecycle are no matter of single lookups, and the
    asynchronous engine asks for them in a thread of its own.
    """

    @property
    def name(self) -> str:
        """What people call the backend."""

    @property
    def live(self) -> bool:
        """Whether entries hold live values; those of the others hold encoded payloads."""

    @property
    def refusal(self) -> str:
        """Why it writes nothing, in a sentence; empty for one that does write."""

    @property
    def evictions(self) -> Collection[str]:
        """The evictions it has, of `policy.EVICTIONS`."""

    @property
    def counters(self) -> CounterStore:
        """Where the counters of this backend's namespaces are kept."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What it imports only when it is used, by name."""

    @property
    def place(self) -> str | None:
        """Where the entries are, in a form that is the same for all who share them in this process;
        None if they are this object's alone.
        """

    def store_for_threads(self, namespace: str) -> AsyncStore:
        """Return the namespace, which need not exist yet, as a store that never suspends."""

    def store_for_tasks(self, namespace: str) -> AsyncStore:
        """Return the same namespace as a store that never blocks an event loop."""

    def usage(self) -> Mapping[str, Usage]:
        """Return what each namespace holds, at a cost that does not grow with its entries."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock that all processes share and that ends with its holder.

        Raises `BackendBusy` at once if another holds it.
        """

    def close(self) -> None:
        """Flush every store, and release connections and files."""
