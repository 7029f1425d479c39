"""The cache: namespaces over one backend, with counters that all processes share."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cachectl._backends.protocols import (
    Backend,
    SupportsCompaction,
    SupportsPolicies,
    SupportsRecovery,
    SupportsStatus,
)
from cachectl._config import Settings, load, policy_fields
from cachectl._engine import forking
from cachectl._engine.compose import check_policy, open_backend
from cachectl._engine.counting import Counting
from cachectl._engine.entries import Entries
from cachectl._engine.namespace import Namespace
from cachectl._metrics.events import Listener, log_lookup
from cachectl._metrics.recorder import Recorder, log
from cachectl._model.entry import MISSING, MissingType
from cachectl._model.policy import Compression, Eviction, Policy, check_namespace
from cachectl._model.records import Usage
from cachectl._model.units import Duration, parse_duration
from cachectl.errors import BackendError, BackendRefused, BackendUnavailable

if TYPE_CHECKING:  # imported where they are used: a lookup needs none of them
    from cachectl._engine.cleanup import Cleanup
    from cachectl._engine.decorator.decorate import CachedFunction, P, R
    from cachectl._engine.options import Cost
    from cachectl._metrics.reports import CleanupReport, NamespaceStats, Stats, Status


class Cache:
    """Namespaces over one backend. Open it once per process; it may be shared by threads.

    A `strict` cache raises whatever happens to its backend, as the command line must. Others
    are for applications: a backend in trouble makes lookups miss, and writes return an
    `Outcome` that is false.
    """

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> None:
        self._backend = backend
        self._settings = settings
        self._clock = clock
        self._strict = strict
        self._namespaces: dict[str, Namespace] = {}
        self._counting = Counting(backend, self.flush, clock, strict=strict)
        if log.isEnabledFor(logging.DEBUG):  # asked once: it would be a tenth of a hit
            self._counting.listeners.add(log_lookup)
        forking.opened.add(self._counting)

    @classmethod
    def open(
        cls,
        config: str | os.PathLike[str] | None = None,
        *,
        backend: str | None = None,
        url: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        settings: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> Self:
        """Open the cache that a configuration file describes; without one, the usual places.

        `settings` are those of the file, as nested tables or dotted names; they, `backend`, `url`
        (of Redis) and `directory` (of the chosen backend) go before the environment and the file.
        `clock` returns Unix seconds. Raises `ConfigError`; connects to nothing yet.
        """
        flags = {"backend": backend, "redis.url": url}
        given = {name: value for name, value in flags.items() if value is not None}
        overrides = {**(settings or {}), **given}
        chosen = load(config, overrides=overrides, directory=directory)
        return cls.of(chosen, clock=clock, strict=strict)

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> Self:
        """Open the cache that `settings` describe."""
        backend = open_backend(settings, clock=clock, strict=strict)
        return cls(backend, settings, clock=clock, strict=strict)

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
    ) -> Namespace:
        """Return the namespace; it need not be configured. Raises `InvalidKey`.

        Settings of a namespace given here, such as `ttl="7d"`, replace those of the configuration
        from now on. Raises `ConfigError` for what cannot be one.
        """
        found = self._namespaces.get(name)
        if found is None:  # of those that threads make at once, all get the first
            made = self._make_namespace(check_namespace(name))
            found = self._namespaces.setdefault(name, made)
        settings = {
            "ttl": ttl,
            "max_entries": max_entries,
            "max_bytes": max_bytes,
            "key_decimals": key_decimals,
            "enabled": enabled,
            "metrics": metrics,
            "eviction": eviction,
            "compress": compress,
        }
        policy = {each: value for each, value in settings.items() if value is not MISSING}
        if policy:
            found.use(
                check_policy(self._backend, name, replace(found.policy, **policy_fields(policy)))
            )
        return found

    def cached(
        self,
        namespace: str,
        *,
        key: Callable[..., str] | None = None,
        name: str | None = None,
        ignore: Sequence[str] = (),
        bypass: str | Callable[..., object] | None = None,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: "Cost" = 0,
    ) -> "Callable[[Callable[P, R]], CachedFunction[P, R]]":
        """Return a decorator that caches what a function, sync or async, returns.

        The key is the function's name, `module.qualname`, and the SHA-256 of its arguments in
        canonical form, so functions may share a namespace. Define one again and it keeps its
        entries; `name` keeps them when it is renamed or moved, too. What it captured from the
        function around it is part of the key as far as it is constant (text, numbers, functions).
        `key` makes the whole key of the arguments instead.

        Parameters named in `ignore` do not count: what has no canonical form, or changes nothing.
        A method must say so of its `self` - objects differ, so their results are not shared unasked.
        A class method is told by its class.

        `bypass="name"` makes that argument ask for a load whose value replaces the cached one; it
        is passed on if the function has a parameter of that name. It may be a function of all
        arguments. `ttl`, `tags` and `cost` are those of `Namespace.get_or_load`.

        Raises `UsageError` for options that cannot be, and for what cannot be cached: generator
        functions, lambdas without a name, two functions that nothing tells apart.
        """
        from cachectl._engine.decorator.decorate import decorate
        from cachectl._engine.options import FunctionOptions, LoadOptions

        check_namespace(namespace)
        load = LoadOptions(ttl, tags, cost)
        options = FunctionOptions.of(load, key, name, ignore, bypass)

        def decorator(function: "Callable[P, R]") -> "CachedFunction[P, R]":
            return decorate(self.namespace(namespace), function, options)

        return decorator

    def observe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with an `Event` for each hit, miss, set and eviction of this process.

        It is called in the thread in which that happens; what it raises is logged. Returns a
        function that ends it.
        """
        return self._counting.listeners.add(listener)

    def stats(self, *names: str, since: Duration | None = None) -> "Stats":
        """Return the figures of these namespaces, or of all, counted by all processes.

        With `since`, counts are those of the time before now, such as `"1h"`; what is held is
        that of now. The cost does not grow with the number of entries. Raises `BackendError` if
        the backend refuses; while it is away, the figures are those of this process.
        """
        from cachectl._metrics.reports import Stats
        from cachectl._metrics.windows import Window

        now = self._clock()
        window = Window.last(None if since is None else parse_duration(since), now)
        counts, usage = self._counting.read(window), self._backend.usage()
        known = {*counts, *usage}
        if not isinstance(self._backend, SupportsPolicies):
            known |= {*self._settings.namespaces, *self._namespaces}
        return Stats.of(names or sorted(known), usage, counts, self.policy, window, self.status())

    def status(self) -> "Status":
        """Return which backend works now, and why it is not the configured one."""
        if isinstance(self._backend, SupportsStatus):
            return self._backend.status()
        from cachectl._metrics.reports import Status

        return Status(self._backend.name, self._backend.name, "ok", 0)

    def usage(self) -> Mapping[str, Usage]:
        """Return what each namespace holds, by name, of those that hold or held anything."""
        usage = self._backend.usage()
        return {name: usage[name] for name in sorted(usage)}

    def policy(self, name: str) -> Policy:
        """Return the policy of a namespace, whether or not it is in use."""
        if isinstance(self._backend, SupportsPolicies):
            return self._backend.policy(name)
        found = self._namespaces.get(name)
        return self._settings.policy(name) if found is None else found.policy

    def require_writable(self) -> None:
        """Raise `BackendRefused` if this cache is only read."""
        if self._backend.refusal:
            raise BackendRefused(self._backend.refusal)

    def plan_cleanup(
        self,
        *,
        older_than: Duration | None = None,
        max_entries: int | None = None,
        max_bytes: int | None = None,
        deadline: float | None = None,
    ) -> "Cleanup":
        """Return a cleanup that is ready to run, or to tell what it would remove.

        It removes what has expired, what was not used for `older_than`, and the least recently
        used over the limits; `max_entries` and `max_bytes` go before those of the policies.
        `max_bytes` is stored bytes, `deadline` seconds from now.
        """
        from cachectl._engine.cleanup import Cleanup, CleanupOptions

        with nullcontext() if self._strict else suppress(BackendUnavailable):
            self.flush()
        seconds = None if older_than is None else parse_duration(older_than)
        return Cleanup(
            self._backend,
            CleanupOptions(seconds, max_entries, max_bytes, deadline),
            lambda name: self.policy(name).limits,
            self._recorder,
            self._clock,
        )

    def cleanup(
        self,
        *namespaces: str,
        older_than: Duration | None = None,
        max_entries: int | None = None,
        max_bytes: int | None = None,
        deadline: float | None = None,
    ) -> "CleanupReport":
        """Remove what has expired or is over a limit, in the given or in all namespaces.

        Options are those of `plan_cleanup`. Raises `BackendBusy` if another cleanup is running.
        """
        plan = self.plan_cleanup(
            older_than=older_than, max_entries=max_entries, max_bytes=max_bytes, deadline=deadline
        )
        return plan.run(namespaces)

    def flush(self) -> None:
        """Write counts and uses now. Raises `BackendError`; nothing is lost then."""
        with forking.flushing:
            if isinstance(self._backend, SupportsRecovery):
                self._backend.recover()
            try:
                for namespace in list(self._namespaces.values()):
                    namespace.flush()
            finally:
                self._counting.buffer.flush()

    def compact(self) -> None:
        """Give back to the system what removed entries left behind."""
        if isinstance(self._backend, SupportsCompaction):
            self._backend.compact()

    def close(self) -> None:
        """Flush and release everything; twice does nothing more. Only a strict cache raises."""
        if self._counting not in forking.opened:
            return
        forking.opened.discard(self._counting)
        self._counting.flusher.stop()
        try:
            try:
                self.flush()
            finally:
                self._backend.close()
        except BackendError as error:
            if self._strict:
                raise
            log.warning("closed without writing the last counts: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(sorted(self._namespaces)) or "no namespace in use"
        return f"<Cache on {self._backend!r}: {names}>"

    def _make_namespace(self, name: str) -> Namespace:
        self._counting.start()
        policy = check_policy(self._backend, name, self._settings.policy(name))
        recorder = self._recorder(name)
        return Namespace(
            Entries(recorder, policy, live=self._backend.live),
            recorder,
            self._backend.store(name),
            policy,
            self._clock,
            self._figures,
            live=self._backend.live,
            strict=self._strict,
        )

    def _figures(self, name: str, since: Duration | None) -> "NamespaceStats":
        return self.stats(name, since=since).namespaces[name]

    def _recorder(self, name: str) -> Recorder:
        return self._counting.recorder(name, counting=self._settings.policy(name).metrics)
