"""What applications hold of a cache: its namespaces, for threads and for tasks."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from cachectl._engine.core import Core
from cachectl._engine.drivers import for_tasks, for_threads
from cachectl._engine.namespace import Namespace
from cachectl._engine.operations import Operations
from cachectl._metrics.events import Listener
from cachectl._model.arguments import check_called
from cachectl._model.deadline import outside
from cachectl._model.importing import importing
from cachectl._model.policy import Limits, check_namespaces
from cachectl._model.records import Usage
from cachectl._model.units import Duration, window_of

if TYPE_CHECKING:  # imports asyncio
    from cachectl._backends.worker import Worker
    from cachectl._engine.async_namespace import AsyncNamespace
    from cachectl._metrics.details import MissedKey
    from cachectl._metrics.reports import NamespaceStats, Stats

P = ParamSpec("P")
T = TypeVar("T")


class Handle:
    """A cache in use. Both kinds of cache, their namespaces and decorated functions refer to it: once
    nothing does, the core is closed.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self._for_threads: dict[str, Namespace] = {}
        self._for_tasks: dict[str, AsyncNamespace] = {}
        self._worker: Worker | None = None
        weakref.finalize(self, core.counting.flusher.abandon).atexit = False

    def namespace(
        self, name: str, policy: Mapping[str, object] = MappingProxyType({})
    ) -> Namespace:
        """Return a namespace for threads, which follows what `policy` says from now on."""
        state = self.core.state(name, policy)
        found = self._for_threads.get(name)
        if found is None:  # of those that threads make at once, all get the first
            store = self.core.backend.store_for_threads(name)
            made = Namespace(state, Operations(state, store, for_threads), self)
            found = self._for_threads.setdefault(name, made)
        return found

    def async_namespace(self, name: str, policy: Mapping[str, object]) -> "AsyncNamespace":
        """Return the same for tasks."""
        state = self.core.state(name, policy)
        found = self._for_tasks.get(name)
        if found is None:
            with importing:  # asyncio, and what is made for it
                from cachectl._engine.async_namespace import AsyncNamespace

                store = self.core.backend.store_for_tasks(name)
                operations = Operations(state, store, for_tasks)
                operations.loading()
            made = AsyncNamespace(state, operations, self)
            found = self._for_tasks.setdefault(name, made)
        return found

    def observe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each event of this process, until what is returned is called."""
        check_called("a listener", listener, "of an event")
        return self.core.counting.listeners.add(listener)

    def flush(self) -> None:
        """Write counts and uses, and hold the limits over all namespaces."""
        self.core.flush()

    @property
    def limits(self) -> Limits:
        """The most that all namespaces together may hold."""
        return self.core.policies.limits()

    def usage(self, *names: str) -> Mapping[str, Usage]:
        """Return what each of these namespaces holds."""
        return self.core.figures.usage(names)

    def figures(self, name: str, since: Duration | None) -> "NamespaceStats":
        """Return the figures of one namespace."""
        return self.core.figures.stats([name], since).namespaces[name]

    async def in_thread(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns that blocks. Raises `UsageError` once the cache was closed."""
        return await self._in_use().call(function, *args, **kwargs)

    def top_misses(self, name: str, limit: int, since: Duration | None) -> "Sequence[MissedKey]":
        """Return the keys of one namespace that were missed most."""
        return self.core.figures.top_misses(name, limit, since)

    async def stats(
        self,
        names: tuple[str, ...],
        since: Duration | None,
        parts: int | None = None,
        *,
        details: bool = False,
    ) -> "Stats":
        """Return figures, which are read once for all tasks that wait for the same."""
        chosen, seconds = tuple(check_namespaces(names)), window_of(since)
        read = partial(self.core.figures.stats, chosen, seconds, parts, details=details)
        return await self._in_use().share((chosen, seconds, parts, details), read)

    async def in_thread_of_its_own(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do so with one that takes long, such as a cleanup: no other call waits behind it."""
        self.core.require_open()
        with importing:
            from cachectl._backends.worker import CALLS, Worker

        worker = Worker(CALLS)
        try:
            return await worker.call(outside, function, *args, **kwargs)
        finally:
            worker.close()

    def _in_use(self) -> "Worker":
        self.core.require_open()
        if self._worker is None:
            with importing:
                from cachectl._backends.worker import CALLS, Worker

                self._worker = self._worker or Worker(CALLS)
        return self._worker

    async def close(self) -> None:
        """Close the core in the thread, which ends with it."""
        if self.core.is_open:
            await self.in_thread(self.core.close)
        if self._worker is not None:
            self._worker.close()
