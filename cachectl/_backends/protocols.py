"""What a backend is: protocols that each one satisfies, and capabilities that some have.

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
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cachectl._metrics.counters import CounterStore, Counts
from cachectl._model.entry import Entry
from cachectl._model.policy import Limits, Policy
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
from cachectl._model.turn import Turn

if TYPE_CHECKING:
    from cachectl._metrics.reports import Status
    from cachectl._metrics.windows import Window


class Store(Protocol):
    """One namespace of a backend. Safe to use from many threads and, unless it is memory, from
    many processes. Every method may raise `BackendError`.
    """

    def get(self, key: str, now: float) -> Entry | None:
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
        that are written are revoked.
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

    def get(self, key: str, now: float) -> Entry | None:
        """Do what `fetch` does, at once: the hit path of threads, and of tasks in memory."""

    async def fetch(self, key: str, now: float) -> Entry | None:
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


@runtime_checkable
class SupportsFlush(Protocol):
    """A store that records uses in memory first."""

    def flush(self) -> None:
        """Write the uses that lookups recorded."""


@runtime_checkable
class SupportsCheck(Protocol):
    """A backend that may be out of reach."""

    def check(self) -> None:
        """Reach the backend. Raises `BackendError` saying why that is not possible."""


@runtime_checkable
class SupportsCompaction(Protocol):
    """A backend in which something is left behind of entries that are no more."""

    def compact(self) -> None:
        """Give it back to the system."""


@runtime_checkable
class SupportsDiscovery(Protocol):
    """A backend that may lose the names of namespaces, and finds them again."""

    def find_namespaces(self) -> Collection[str]:
        """Return all namespaces that hold anything, at whatever that costs."""


@runtime_checkable
class SupportsSelection(Protocol):
    """A backend that tells of some namespaces without looking at all of them."""

    def usage_of(self, names: Collection[str]) -> Mapping[str, Usage]:
        """Return what those of them hold that `usage` tells of."""

    def counts_of(self, names: Collection[str], window: "Window") -> Mapping[str, Counts]:
        """Return the counts of those of them that its `counters` tell of, within `window`."""


@runtime_checkable
class SupportsExpiredEntries(Protocol):
    """A backend that knows what has expired and is not removed yet."""

    def expired_entries(self, now: float, of: Collection[str] = ()) -> Mapping[str, int]:
        """Return how many entries of each namespace expired by `now`, at a cost that does not grow with
        the entries: if they are more than `MOST_EXPIRED`, perhaps only that many. Who asks for some
        namespaces may be told of others as well.
        """


@runtime_checkable
class SupportsPublishing(Protocol):
    """A backend that shows other processes what it holds."""

    def publish(self, now: float) -> None:
        """Show what is held now. It never raises."""


@runtime_checkable
class SupportsForgetting(Protocol):
    """A backend that knows namespaces also when they hold nothing, and no process uses them."""

    def forget(self, namespace: str, now: float) -> bool:
        """Remove what is known of a namespace, counters included, if it holds nothing; return whether
        that is so.
        """


@runtime_checkable
class SupportsRecount(Protocol):
    """A backend that keeps totals, which may be damaged."""

    def recount(self) -> None:
        """Count anew what there is: it reads all entries, and nobody waits for it."""


@runtime_checkable
class SupportsFork(Protocol):
    """A backend, or a store of one, that holds what two processes must not share."""

    def turns(self) -> Iterable[Turn]:
        """Return the turns that threads take. Who forks holds all of them, in both processes; there
        must be no more once he has those that came first.
        """

    def before_fork(self) -> bool:
        """Close what must not be shared, while all turns are held. Return whether nobody uses any of
        it: otherwise all turns are free for a moment before this is called again.
        """

    def after_fork_in_child(self) -> None:
        """Forget what the threads were doing that did not come along into this process."""


@runtime_checkable
class SupportsSlots(Protocol):
    """A backend for which processes note in slots what they have not written yet."""

    def slots(self, *, create: bool) -> Path | None:
        """Return the directory of slots, which need not exist; what it is in is made if it is to
        be created. None if there can be no slots. Raises `BackendRefused`.
        """

    def note_uses(self, note: Callable[[str, str, int], None]) -> None:
        """Call `note` with namespace, key and stamp of what is used from now on: of its first use
        since uses were written.
        """

    def touch(self, namespace: str, uses: Sequence[tuple[str, int]]) -> None:
        """Write the stamps of last uses, which another process noted; none moves back."""


@runtime_checkable
class SupportsStatus(Protocol):
    """A backend that has more to say of itself than its name."""

    def status(self) -> "Status":
        """Return where entries are kept now."""


@runtime_checkable
class SupportsState(SupportsStatus, Protocol):
    """A backend that knows where entries are kept now without asking anybody."""

    def state(self) -> "Status":
        """Return what `status` returned when this was seen last, or what was seen since."""


@runtime_checkable
class SupportsRecovery(SupportsStatus, Protocol):
    """A backend that stands in for another while that is away."""

    def recover(self) -> None:
        """Return to the other if it is back. Raises `BackendError` if it is not."""


@runtime_checkable
class SupportsSparing(Protocol):
    """A backend that spares its callers errors, and says so."""

    def note_spared(self, note: Callable[[str], None]) -> None:
        """Call `note` with the namespace of each lookup, and of each call that writes or removes,
        that something else answers because the backend is away.
        """


@runtime_checkable
class SupportsRevocation(Protocol):
    """A backend that can revoke leases whose keys nobody names."""

    def revoke_leases(self, namespace: str) -> None:
        """Revoke all leases of a namespace: nothing is stored of the loads that have them."""


@runtime_checkable
class SupportsTrimming(Protocol):
    """A backend in which one can say what was used least recently of all namespaces, and remove that."""

    def totals(self) -> Mapping[str, Usage]:
        """Return what `usage` does, without estimates."""

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        """Return last use (Unix seconds) and stored bytes of the entries of each namespace that were used
        least recently, in that order, at most so many of each.
        """

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        """Evict the entries that were used least recently, not after `used_until`, and at most so many;
        not more than `BATCH`. Leases stay good.
        """


@runtime_checkable
class SupportsPolicies(Protocol):
    """A backend whose namespaces and limits somebody else decides, not our configuration."""

    def policy(self, namespace: str) -> Policy:
        """Return what was decided. Raises `UsageError` for an unknown namespace."""


@runtime_checkable
class SupportsStoredPolicies(Protocol):
    """A backend that keeps what applications set of policies, so that others can follow it."""

    def stored_policies(self, of: Collection[str] = ()) -> Mapping[str, str]:
        """Return what was stored, by namespace, whatever became of it since. Who asks for some may be told
        of others as well.
        """

    def store_policy(self, namespace: str, text: str) -> None:
        """Keep a text, in place of another, until the namespace is forgotten."""


@runtime_checkable
class SupportsDetails(Protocol):
    """A store that knows more of an entry than all stores do."""

    def details(self, key: str) -> Mapping[str, object]:
        """Return facts by name, Unix seconds under names in `_at`; nothing for an absent key."""
