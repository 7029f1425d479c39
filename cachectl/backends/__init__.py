"""Backends: where entries are kept.

To add one, write a module with a class that satisfies `Backend` and register it in `BACKENDS`;
the contract suite in `tests/backends` picks it up from there. A backend sees keys and entries,
never a command; it keeps limits and counters' storage, but it does not judge freshness: it may
drop what has expired, the engine decides what is served.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, NamedTuple, Protocol

from cachectl.counters import CounterStore
from cachectl.entry import Entry
from cachectl.policy import Limits
from cachectl.registry import Registry

Condition = Literal["absent", "present"]
"""What must be true of a key (and not expired) for it to be written."""


class Item(NamedTuple):
    """What is written: an entry under a key. Backends that hold live values get the value in
    `entry` and the bytes of `memory` it occupies; the others get the packed envelope, `data`.
    """

    key: str
    entry: Entry
    data: bytes
    memory: int


class Removed(NamedTuple):
    """How many entries were removed, and their stored bytes."""

    entries: int = 0
    bytes: int = 0

    def plus(self, other: "Removed") -> "Removed":
        return Removed(self.entries + other.entries, self.bytes + other.bytes)


class Written(NamedTuple):
    """What a write did: entries stored, and entries it removed for being expired or too many."""

    stored: int = 0
    expired: int = 0
    evicted: int = 0


class Swept(NamedTuple):
    """What one step of a sweep removed: expired entries, and those over age or limits."""

    expired: Removed = Removed()
    evicted: Removed = Removed()


class Sweep(NamedTuple):
    """What a sweep removes: all that expired by `now` or was last used before `idle_before`
    (Unix seconds), and the least recently used while `limits` are exceeded.
    """

    now: float
    idle_before: float | None
    limits: Limits


class Listed(NamedTuple):
    """An entry in a listing. `entry` is None if it is damaged; its value is not to be read."""

    key: str
    entry: Entry | None
    size: int
    used_at: float


class Usage(NamedTuple):
    """What a namespace holds: entries (also expired ones that are not yet removed), their
    stored bytes, and an estimate of the bytes the backend really spends; None is unknown.
    """

    entries: int = 0
    bytes: int = 0
    memory_bytes: int | None = 0


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
        """Write entries, then hold the limits.

        The least recently used go first, reads of this process counted as use. An entry that
        alone exceeds `max_bytes` is not kept.
        """

    def remove(self, keys: Iterable[str]) -> Removed:
        """Remove these keys."""

    def remove_expired(self, key: str, now: float) -> Removed:
        """Remove `key` if what is there now, whoever wrote it, expired by `now`."""

    def remove_tagged(self, tag: str) -> Removed:
        """Remove every entry that carries `tag`."""

    def clear(self) -> Removed:
        """Remove every entry."""

    def sweep(self, rule: Sweep) -> Swept:
        """Remove entries that `rule` condemns, `BATCH` at a time where that keeps others from
        waiting. Nothing removed means nothing is left to remove.
        """

    def scan(self, tag: str | None = None) -> Iterator[Listed]:
        """Yield all entries, least recently used first, without noting a use.

        Streams: entries written or removed meanwhile may or may not be seen.
        """

    def flush(self) -> None:
        """Hand over the uses that reads noted."""


class Backend(Protocol):
    """A place that keeps many namespaces and their counters. Opening one does no I/O."""

    @property
    def name(self) -> str:
        """What people call the backend."""

    @property
    def live(self) -> bool:
        """Whether entries hold live values; those of the others hold encoded payloads."""

    @property
    def counters(self) -> CounterStore:
        """Where the counters of this backend's namespaces are kept."""

    def store(self, namespace: str) -> Store:
        """Return the namespace; it need not exist yet."""

    def usage(self) -> Mapping[str, Usage]:
        """Return what each namespace holds, at a cost that does not grow with its entries."""

    def check(self) -> None:
        """Reach the backend. Raises `BackendError` saying why that is not possible."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock that all processes share and that ends with its holder.

        Raises `BackendBusy` at once if another holds it.
        """

    def compact(self) -> None:
        """Give back to the system what removed entries left behind."""

    def before_fork(self) -> None:
        """Hold all that threads may be in the middle of, and close what must not be shared."""

    def after_fork_in_parent(self) -> None:
        """Let the threads go on."""

    def after_fork_in_child(self) -> None:
        """Make new locks: who held the old ones did not come along into this process."""

    def close(self) -> None:
        """Flush every store, and release connections and files."""


BACKENDS: Final[Registry[Callable[..., Any]]] = Registry(
    "backend",
    {
        "memory": "cachectl.backends.memory:MemoryBackend",
        "file": "cachectl.backends.file:FileBackend",
        "redis": "cachectl.backends.redis:RedisBackend",
    },
)
"""Backend name to a factory that takes the keyword arguments of its own settings."""
