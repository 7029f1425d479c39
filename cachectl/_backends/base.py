"""What most backends have in common: a `Backend` and a `Store` out of a few methods.

The smallest backend is a `BaseBackend` with `make_store` and a `BaseStore` with `peek`, `touch`,
`write`, `remove` and `scan`. What a backend can do better than these defaults, it overrides: to
find what has to go they list everything, so a large cache wants `BaseStore.usage` first of all.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from heapq import nsmallest
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from cachectl._backends.capabilities import SupportsFlush, SupportsFork
from cachectl._backends.immediate import Immediate
from cachectl._backends.protocols import AsyncStore, Store
from cachectl._metrics.counters import CounterStore
from cachectl._model.records import CleanupStep, EntryInfo, Usage
from cachectl._model.settings import NoSettings, Table
from cachectl._model.turn import Turn
from cachectl.errors import BackendBusy

if TYPE_CHECKING:
    from cachectl._backends.counter_database import CounterDatabase
    from cachectl._backends.worker import Worker

from cachectl._backends.base_store import BaseStore, Whole, listed

S = TypeVar("S", bound=Store)


class BaseBackend(ABC, Generic[S]):
    """Namespaces that are made when they are first asked for, and counters in this process.

    The entry point of a package names the class itself. Its settings are the table `options`,
    and arrive as keyword arguments.

    Its lock, those of `lock` and its stores are of this process alone. What outlives the process
    overrides `namespaces`; what processes share, `lock` and `counters` as well; and `usage` what
    knows it without listing everything.
    """

    name: ClassVar[str]
    live: ClassVar[bool] = False
    refusal: ClassVar[str] = ""
    modules: ClassVar[tuple[str, ...]] = ()
    evictions: ClassVar[Collection[str]] = ("lru",)
    options: ClassVar[type[Table]] = NoSettings

    def __init__(self) -> None:
        self._stores: dict[str, S] = {}
        self._lock = Turn("the cache")
        self._held: dict[str, object] = {}
        self._counters: CounterDatabase | None = None
        self._worker: Worker | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @abstractmethod
    def make_store(self, namespace: str) -> S:
        """Return a namespace; called once for each."""

    @property
    def counters(self) -> CounterStore:
        if self._counters is None:
            from cachectl._backends.counter_database import CounterDatabase

            with self._lock:
                self._counters = self._counters or CounterDatabase(None)
        return self._counters

    @property
    def place(self) -> str | None:
        return None

    def store(self, namespace: str) -> S:
        """Return the namespace as its own methods know it."""
        if namespace not in self._stores:
            with self._lock:
                if namespace not in self._stores:
                    self._stores[namespace] = self.make_store(namespace)
        return self._stores[namespace]

    def store_for_threads(self, namespace: str) -> AsyncStore:
        store = self.store(namespace)
        return Whole(store) if isinstance(store, BaseStore) else Immediate(store)

    def store_for_tasks(self, namespace: str) -> AsyncStore:
        if self.live:
            return self.store_for_threads(namespace)
        from cachectl._backends.in_thread import InThread, WholeInThread  # imports asyncio

        store = self.store(namespace)
        if isinstance(store, BaseStore):
            return WholeInThread(store, self.worker)
        return InThread(store, self.worker)

    @property
    def worker(self) -> "Worker":
        """The thread that does what must not block an event loop."""
        if self._worker is None:
            from cachectl._backends.worker import CALLS, Worker

            with self._lock:
                self._worker = self._worker or Worker(CALLS)
        return self._worker

    def namespaces(self) -> Iterable[str]:
        """Return the namespaces that may hold anything: those that this process asked for."""
        return list(self._stores)

    def usage(self) -> Mapping[str, Usage]:
        stores = {name: self.store(name) for name in self.namespaces()}
        return {
            name: store.usage() if isinstance(store, BaseStore) else listed(store)
            for name, store in stores.items()
        }

    def totals(self) -> Mapping[str, Usage]:
        return self.usage()

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        return {
            name: [(info.used_at, info.size) for info in _oldest(self.store(name), most)]
            for name in namespaces
        }

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        store = self.store(namespace)
        keys = [info.key for info in _oldest(store, most) if info.used_at <= used_until]
        return CleanupStep(evicted=store.remove(keys), evicted_keys=tuple(keys))

    def revoke_leases(self, namespace: str) -> None:
        store = self.store(namespace)
        if isinstance(store, BaseStore):
            store.revoke_leases()

    def lock(self, name: str) -> AbstractContextManager[None]:
        return self._locked(name)

    def turns(self) -> Iterator[Turn]:
        yield self._lock
        for part in self._forked():
            yield from part.turns()

    def before_fork(self) -> bool:
        at_rest = [part.before_fork() for part in self._forked()]
        return all(at_rest)

    def after_fork_in_child(self) -> None:
        self._held.clear()
        if self._worker is not None:
            self._worker.after_fork_in_child()
        for part in self._forked():
            part.after_fork_in_child()

    def close(self) -> None:
        with ExitStack() as closing:  # whatever fails, the rest is closed
            if self._worker is not None:
                closing.callback(self._worker.close)
            if self._counters is not None:
                closing.callback(self._counters.close)
            for store in list(self._stores.values()):
                if isinstance(store, SupportsFlush):
                    closing.callback(store.flush)

    def _forked(self) -> list[SupportsFork]:
        """Return what is to know of a fork beside this object."""
        parts = (*self._stores.values(), self._counters)
        return [part for part in parts if isinstance(part, SupportsFork)]

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        holder = object()
        if self._held.setdefault(name, holder) is not holder:
            raise BackendBusy(f"another {name} is running")
        try:
            yield
        finally:
            self._held.pop(name, None)


def _oldest(store: Store, most: int) -> list[EntryInfo]:
    """Return what was used least recently, which comes first unless it was used meanwhile."""
    return nsmallest(most, store.scan(), key=attrgetter("used_at"))
