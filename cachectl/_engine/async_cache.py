"""The cache for tasks: the same engine as `Cache`, awaited."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cachectl._engine.async_namespace import AsyncNamespace
from cachectl._engine.base_cache import BaseCache
from cachectl._engine.handle import Handle
from cachectl._engine.hooks import Hook
from cachectl._engine.options import LoadOptions, policy_options
from cachectl._model.entry import MISSING, MissingType
from cachectl._model.keys import check_tag
from cachectl._model.policy import Compression, Eviction, Keys
from cachectl._model.records import Removed, Usage
from cachectl._model.units import Duration
from cachectl._model.write import Write

if TYPE_CHECKING:  # imported where they are used: a lookup needs none of them
    from cachectl._engine.cleanup import Cleanup
    from cachectl._engine.options import Cost
    from cachectl._engine.warm.report import WarmReport
    from cachectl._metrics.reports import Application, CleanupReport, Stats, Status


class AsyncCache(BaseCache):
    """Namespaces over one backend, for asyncio: the names, parameters, results and errors of `Cache`,
    awaited. Open it once per process; tasks of any number of event loops may share it.

    Figures, cleanups and the end are done in a thread of the cache's own, never in the event loop's
    default executor.
    """

    def namespace(
        self,
        name: str,
        *,
        ttl: Duration | MissingType | None = MISSING,
        max_entries: int | MissingType | None = MISSING,
        max_bytes: int | str | MissingType | None = MISSING,
        key_decimals: int | Mapping[str, int] | MissingType | None = MISSING,
        enabled: bool | MissingType = MISSING,
        metrics: bool | MissingType = MISSING,
        eviction: Eviction | MissingType = MISSING,
        compress: Compression | MissingType = MISSING,
        keys: Keys | MissingType = MISSING,
        labels: bool | MissingType | None = MISSING,
        dump: Hook | MissingType | None = MISSING,
        load: Hook | MissingType | None = MISSING,
    ) -> AsyncNamespace:
        """Return the namespace; it need not be configured. Raises `InvalidKey`.

        Settings of a namespace given here, such as `ttl="7d"`, replace those of the configuration
        from now on. Raises `ConfigError` for what cannot be one.

        `dump` makes of a value what is stored in its place, JSON, text, bytes or arrays, and `load`
        makes the value of that again, for each hit and on every backend. What `load` raises for is
        a miss. They too hold from now on; None removes one.
        """
        policy = policy_options(
            ttl, max_entries, max_bytes, key_decimals, enabled, metrics, eviction, compress, keys,
            labels,
        )  # fmt: skip
        namespace = self._handle.async_namespace(name, policy)
        namespace.state.use_hooks(dump, load)
        return namespace

    async def invalidate(self, *, tag: str) -> Removed:
        """Remove every entry that carries `tag`, in all namespaces. While the backend is away, those
        are the ones that this process knows.
        """
        tag = check_tag(tag)
        names = await self._handle.in_thread(partial(self._core.figures.namespaces, remember=True))
        return Removed.total(
            [await self._handle.async_namespace(name, {}).invalidate(tag=tag) for name in names]
        )

    async def clear(self) -> Removed:
        """Remove every entry of every namespace; counts stay. See `invalidate` for outages."""
        names = await self._handle.in_thread(partial(self._core.figures.namespaces, remember=True))
        return Removed.total(
            [await self._handle.async_namespace(name, {}).clear() for name in names]
        )

    async def warm(
        self,
        *manifests: str | os.PathLike[str],
        namespace: str | None = None,
        writes: Iterable[Write] | Mapping[str, object] | None = None,
        keys: Iterable[str] | None = None,
        loader: Callable[[str], Any] | None = None,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: "Cost" = 0,
        refresh: bool = False,
        jobs: int = 4,
    ) -> "WarmReport":
        """Fill the cache in a thread of its own, as an application does at its start; see `Cache.warm`.

        An async loader is awaited in this loop, beside what else runs there; another is called in a
        thread. A task that is cancelled loads no more.
        """
        from cachectl._engine.warm.application import Wanted

        options = LoadOptions(ttl, tags, cost)
        wanted = Wanted(manifests, namespace, writes, keys, loader, options, refresh, jobs)
        return await wanted.warm_for_tasks(self._handle)

    async def stats(
        self,
        *names: str,
        since: Duration | None = None,
        parts: int | None = None,
        details: bool = False,
    ) -> "Stats":
        """Return the figures of these namespaces, or of all, counted by all processes.

        With `since`, counts are those of the time before now, such as `"1h"`; what is held is
        that of now. With `parts` there are `trends` as well, of so many parts of that time, and all
        that was ever counted (`all_time`); with `details` how long lookups and loads take, and the ten
        keys of each namespace that are missed most. The cost does not grow with the number of entries.
        Raises `BackendError` if the backend refuses; while it is away, the figures are those of
        this process, without trends.
        """
        return await self._handle.stats(names, since, parts, details=details)

    async def status(self) -> "Status":
        """Return which backend works now, and why it is not the configured one."""
        return await self._handle.in_thread(self._core.figures.status)

    async def namespaces(self) -> Sequence[str]:
        """Return the names of all namespaces that hold anything, or are in use here."""
        return await self._handle.in_thread(self._core.figures.namespaces)

    async def applications(self) -> "Sequence[Application]":
        """Return the processes of this user on this machine that use this cache, and what each is in.
        They are caches for applications that are open for a second; not in memory alone.
        """
        return await self._handle.in_thread(self._core.figures.applications)

    async def usage(self, *names: str) -> Mapping[str, Usage]:
        """Return what each of these namespaces, or of all, holds, by name, of those that hold or held
        anything.
        """
        return await self._handle.in_thread(self._core.figures.usage, names)

    async def plan_cleanup(
        self,
        *,
        older_than: Duration | None = None,
        max_entries: int | None = None,
        max_bytes: int | str | None = None,
        deadline: Duration | None = None,
    ) -> "AsyncCleanup":
        """Return a cleanup that is ready to run, or to tell what it would remove.

        It removes what has expired, what was not used for `older_than`, and the least recently
        used over the limits; `max_entries` and `max_bytes` go before those of the policies.
        `max_bytes` is stored bytes, `deadline` the time that it may take. Raises `UsageError` for what
        cannot be.
        """
        plan = await self._handle.in_thread(
            self._core.plan_cleanup, older_than, max_entries, max_bytes, deadline
        )
        return AsyncCleanup(plan, self._handle)

    async def cleanup(
        self,
        *namespaces: str,
        older_than: Duration | None = None,
        max_entries: int | None = None,
        max_bytes: int | str | None = None,
        deadline: Duration | None = None,
    ) -> "CleanupReport":
        """Remove what has expired or is over a limit, in the given or in all namespaces.

        Options are those of `plan_cleanup`. Raises `BackendBusy` if another cleanup is running.
        """
        plan = await self.plan_cleanup(
            older_than=older_than, max_entries=max_entries, max_bytes=max_bytes, deadline=deadline
        )
        return await plan.run(namespaces)

    async def refuse_loads(self, name: str) -> None:
        """Let nothing be stored of the loads of a namespace that are under way, in any process. Who
        removes what a listing finds calls this before he lists: what is only being loaded is not in it.
        Raises `BackendError`, also while the backend is away: it may have such loads.
        """
        await self._handle.in_thread(self._core.refuse_loads, name)

    async def forget(self, name: str) -> bool:
        """Remove a namespace that holds nothing, with its counters, and return whether it held
        nothing; who uses it makes it anew. Raises `BackendRefused` on memory, and `BackendError`.
        """
        return await self._handle.in_thread(self._core.forget, name)

    async def reset_counts(self, name: str) -> None:
        """Let all that a namespace counted begin anew; what it holds stays. What processes have counted and
        not handed over yet counts afterwards. Raises `BackendRefused` where that is not possible, and
        `BackendError`.
        """
        await self._handle.in_thread(self._core.reset_counts, name)

    async def flush(self) -> None:
        """Write counts and uses now. Raises `BackendError`; nothing is lost then."""
        await self._handle.in_thread(self._core.flush)

    async def compact(self) -> None:
        """Give back to the system what removed entries left behind."""
        await self._handle.in_thread_of_its_own(self._core.compact)

    async def close(self) -> None:
        """Flush and release everything, and refuse all operations from now on; twice does nothing
        more. Only a strict cache raises.
        """
        await self._handle.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncCleanup:
    """One cleanup, made by `AsyncCache.plan_cleanup`: what `Cleanup` does, awaited."""

    def __init__(self, plan: "Cleanup", handle: Handle) -> None:
        self._plan = plan
        self._handle = handle

    async def run(self, namespaces: Sequence[str] = ()) -> "CleanupReport":
        """Remove, batch by batch; see `Cleanup.run`."""
        return await self._handle.in_thread_of_its_own(self._plan.run, namespaces)

    async def dry_run(self, namespaces: Sequence[str] = ()) -> "CleanupReport":
        """Return what `run` would report, removing nothing."""
        return await self._handle.in_thread_of_its_own(self._plan.dry_run, namespaces)

    def report(self) -> "CleanupReport":
        """Return what was removed so far."""
        return self._plan.report()
