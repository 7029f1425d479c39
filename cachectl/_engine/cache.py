"""The cache: namespaces over one backend, with counters that all processes share; for threads."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cachectl._engine.base_cache import BaseCache
from cachectl._engine.hooks import Hook
from cachectl._engine.namespace import Namespace
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


class Cache(BaseCache):
    """Namespaces over one backend. Open it once per process; it may be shared by threads, and
    decorates async functions as well (`AsyncCache` has the operations for tasks).

    A `strict` cache raises whatever happens to its backend, as the command line must. Others
    are for applications: a backend in trouble makes lookups miss, and writes return an
    `Outcome` that is false. One that is dropped without being closed is closed by a thread of
    its own, shortly after.
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
    ) -> Namespace:
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
        namespace = self._handle.namespace(name, policy)
        namespace.state.use_hooks(dump, load)
        return namespace

    def invalidate(self, *, tag: str) -> Removed:
        """Remove every entry that carries `tag`, in all namespaces. While the backend is away, those
        are the ones that this process knows.
        """
        tag = check_tag(tag)
        return Removed.total(
            self._handle.namespace(name, {}).invalidate(tag=tag)
            for name in self._core.figures.namespaces(remember=True)
        )

    def clear(self) -> Removed:
        """Remove every entry of every namespace; counts stay. See `invalidate` for outages."""
        return Removed.total(
            self._handle.namespace(name, {}).clear()
            for name in self._core.figures.namespaces(remember=True)
        )

    def warm(
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
        """Fill the cache, as an application does at its start, and return what was done.

        It reads manifests as `cachectl warm` does (JSONL, CSV, .npz, a directory), takes `writes`, and
        calls `loader` with each of `keys`, in `jobs` threads; an async one is awaited in a loop of its
        own. `namespace` is for all that names none itself; `ttl`, `tags` and `cost` are of what is
        loaded.

        What is fresh is left alone, unless all is to be `refresh`ed. An item that cannot be stored, or
        whose loader raises, is counted as failed and stops nothing; what was removed or replaced while
        it was loaded is not brought back. Raises `UsageError` for what cannot be, before anything is
        written; a strict cache raises `BackendError`.
        """
        from cachectl._engine.warm.application import Wanted

        options = LoadOptions(ttl, tags, cost)
        wanted = Wanted(manifests, namespace, writes, keys, loader, options, refresh, jobs)
        return wanted.warm(self._handle)

    def stats(
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
        return self._core.figures.stats(names, since, parts, details=details)

    def status(self) -> "Status":
        """Return which backend works now, and why it is not the configured one."""
        return self._core.figures.status()

    def namespaces(self) -> Sequence[str]:
        """Return the names of all namespaces that hold anything, or are in use here."""
        return self._core.figures.namespaces()

    def applications(self) -> "Sequence[Application]":
        """Return the processes of this user on this machine that use this cache, and what each is in.
        They are caches for applications that are open for a second; not in memory alone.
        """
        return self._core.figures.applications()

    def usage(self, *names: str) -> Mapping[str, Usage]:
        """Return what each of these namespaces, or of all, holds, by name, of those that hold or held
        anything.
        """
        return self._core.figures.usage(names)

    def plan_cleanup(
        self,
        *,
        older_than: Duration | None = None,
        max_entries: int | None = None,
        max_bytes: int | str | None = None,
        deadline: Duration | None = None,
    ) -> "Cleanup":
        """Return a cleanup that is ready to run, or to tell what it would remove.

        It removes what has expired, what was not used for `older_than`, and the least recently
        used over the limits; `max_entries` and `max_bytes` go before those of the policies.
        `max_bytes` is stored bytes, `deadline` the time that it may take. Raises `UsageError` for what
        cannot be.
        """
        return self._core.plan_cleanup(older_than, max_entries, max_bytes, deadline)

    def cleanup(
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
        plan = self.plan_cleanup(
            older_than=older_than, max_entries=max_entries, max_bytes=max_bytes, deadline=deadline
        )
        return plan.run(namespaces)

    def refuse_loads(self, name: str) -> None:
        """Let nothing be stored of the loads of a namespace that are under way, in any process. Who
        removes what a listing finds calls this before he lists: what is only being loaded is not in it.
        Raises `BackendError`, also while the backend is away: it may have such loads.
        """
        self._core.refuse_loads(name)

    def forget(self, name: str) -> bool:
        """Remove a namespace that holds nothing, with its counters, and return whether it held
        nothing; who uses it makes it anew. Raises `BackendRefused` on memory, and `BackendError`.
        """
        return self._core.forget(name)

    def reset_counts(self, name: str) -> None:
        """Let all that a namespace counted begin anew; what it holds stays. What processes have counted and
        not handed over yet counts afterwards. Raises `BackendRefused` where that is not possible, and
        `BackendError`.
        """
        self._core.reset_counts(name)

    def flush(self) -> None:
        """Write counts and uses now. Raises `BackendError`; nothing is lost then."""
        self._core.flush()

    def compact(self) -> None:
        """Give back to the system what removed entries left behind."""
        self._core.compact()

    def close(self) -> None:
        """Flush and release everything, and refuse all operations from now on; twice does nothing
        more. Only a strict cache raises.
        """
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
