"""The cache: namespaces over one backend, with counters that all processes share."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from cachectl.backends import BACKENDS, Backend, Usage
from cachectl.config import Settings, load, policy_fields
from cachectl.counters import Counts, Window
from cachectl.errors import BackendError, BackendUnavailable, ConfigError
from cachectl.handover import Flusher, Outbox
from cachectl.logic import NamespaceLogic, log
from cachectl.namespace import Namespace
from cachectl.policy import Policy, check_namespace
from cachectl.units import Duration, Money, parse_duration

if TYPE_CHECKING:  # imported where they are used: a lookup needs none of them
    from cachectl.cleaning import Cleaning
    from cachectl.decorator import CachedFunction, P, R_co
    from cachectl.fallback import FallbackBackend
    from cachectl.reports import CleanupReport, NamespaceStats, Stats, Status

_open: Final[weakref.WeakSet["Cache"]] = weakref.WeakSet()
_flushing: Final = threading.RLock()
"""Held by a thread that flushes, and by one that forks: SQLite must be at rest then."""
_forking: Final[list["Cache"]] = []
"""The caches that were open when a fork began."""


class Cache:
    """Namespaces over one backend. Open it once per process; it may be shared by threads.

    A `strict` cache raises whatever happens to its backend, as the command line must. Others
    are for applications: a backend in trouble makes lookups miss and writes return False.
    """

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> None:
        self._fallback = None if strict or backend.live else _with_fallback(backend, clock)
        self._backend = backend if self._fallback is None else self._fallback
        self._settings = settings
        self._clock = clock
        self._strict = strict
        self._namespaces: dict[str, Namespace] = {}
        self._functions: dict[str, Callable[..., object]] = {}
        self._lock = threading.Lock()
        self._outbox = Outbox(backend.counters, clock)
        self._flusher = Flusher(self.flush)
        _open.add(self)

    @classmethod
    def open(
        cls,
        config: str | os.PathLike[str] | None = None,
        *,
        backend: str | None = None,
        url: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> Self:
        """Open the cache that a configuration file describes; without one, the usual places.

        `backend`, `url` (of Redis) and `directory` (of the file backend) go before the
        environment and the file. Raises `ConfigError`; connects to nothing yet.
        """
        flags = {"backend": backend, "redis.url": url, "file.directory": directory}
        overrides = {name: value for name, value in flags.items() if value is not None}
        return cls.of(load(config, overrides=overrides), clock=clock, strict=strict)

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> Self:
        """Open the cache that `settings` describe."""
        backend: Backend = BACKENDS[settings.backend](**settings.backend_options())
        return cls(backend, settings, clock=clock, strict=strict)

    def namespace(self, name: str, **policy: Any) -> Namespace:
        """Return the namespace; it need not be configured. Raises `InvalidKey`.

        Settings of a namespace given here, such as `ttl="7d"`, replace those of the configuration
        from now on. Raises `ConfigError` for what cannot be one.
        """
        found = self._namespaces.get(name)
        if found is None:
            with self._lock:
                found = self._namespaces.get(name)
                if found is None:
                    found = self._namespaces[name] = self._make_namespace(check_namespace(name))
        if policy:
            found.use(replace(found.policy, **policy_fields(policy)))
        return found

    def cached(
        self,
        namespace: str,
        *,
        key: Callable[..., str] | None = None,
        ttl: Duration | None = None,
        tags: Sequence[str] = (),
        cost: Money = 0,
    ) -> "Callable[[Callable[P, R_co]], CachedFunction[P, R_co]]":
        """Return a decorator that caches what a function, sync or async, returns.

        The key is the SHA-256 of the canonical arguments, however they were passed, or what
        `key` makes of them. Without `key` a namespace belongs to one function, or results
        would be mixed up: a second one raises `ConfigError`.
        """
        from cachectl.decorator import Options, decorate

        def decorator(function: "Callable[P, R_co]") -> "CachedFunction[P, R_co]":
            owner = function if key else self._functions.setdefault(namespace, function)
            if owner is not function:
                raise ConfigError(
                    f"namespace {namespace!r} already caches {_name(owner)};"
                    f" give {_name(function)} a namespace of its own, or a key"
                )
            return decorate(self.namespace(namespace), function, key, Options(ttl, tags, cost))

        return decorator

    def stats(self, *names: str, since: Duration | None = None) -> "Stats":
        """Return the figures of these namespaces, or of all, counted by all processes.

        With `since`, counts are those of the last so many seconds. The cost does not grow with
        the number of entries.
        """
        from cachectl.reports import NamespaceStats, Stats

        now = self._clock()
        window = Window.last(None if since is None else parse_duration(since), now)
        counts, usage = self._counted(window), self._backend.usage()
        known = sorted({*counts, *usage, *self._settings.namespaces, *self._namespaces})
        held = {name: usage.get(name, Usage()) for name in names or known}
        counted = {name: counts.get(name, Counts()) for name in held}
        namespaces = {
            name: NamespaceStats.of(held[name], counted[name], self._policy(name)) for name in held
        }
        totals = NamespaceStats.total(held.values(), counted.values())
        return Stats(now, self.status(), window, totals, namespaces)

    def status(self) -> "Status":
        """Return which backend works now, and why it is not the configured one."""
        if self._fallback is not None:
            return self._fallback.status()
        from cachectl.reports import Status

        return Status(self._backend.name, self._backend.name, "ok", 0)

    def usage(self) -> Mapping[str, Usage]:
        """Return what each namespace holds, of those that hold or held anything."""
        usage = self._backend.usage()
        return {name: usage[name] for name in sorted(usage)}

    def cleaning(
        self,
        *,
        older_than: Duration | None = None,
        max_entries: int | None = None,
        max_bytes: int | None = None,
        deadline: float | None = None,
    ) -> "Cleaning":
        """Return a cleanup that is ready to run.

        It removes what has expired, what was not used for `older_than`, and the least recently
        used over the limits; `max_entries` and `max_bytes` go before those of the policies.
        `deadline` is seconds from now.
        """
        from cachectl.cleaning import Cleaning

        with nullcontext() if self._strict else suppress(BackendUnavailable):
            self.flush()
        return Cleaning(
            self._backend,
            self._logic,
            clock=self._clock,
            older_than=None if older_than is None else parse_duration(older_than),
            max_entries=max_entries,
            max_bytes=max_bytes,
            deadline=deadline,
        )

    def cleanup(self, *namespaces: str, **options: Any) -> "CleanupReport":
        """Remove what has expired or is over a limit, in the given or in all namespaces.

        Options are those of `cleaning`. Raises `BackendBusy` if another cleanup is running.
        """
        return self.cleaning(**options).run(namespaces)

    def flush(self) -> None:
        """Hand over counts and uses now. Raises `BackendError`; nothing is lost then."""
        with _flushing:
            if self._fallback is not None:
                self._fallback.recover()
            try:
                for name in list(self._namespaces):
                    self._backend.store(name).flush()
            finally:
                self._outbox.send()

    def compact(self) -> None:
        """Give back to the system what removed entries left behind."""
        self._backend.compact()

    def close(self) -> None:
        """Flush and release everything. Closing twice does nothing more."""
        if self not in _open:
            return
        _open.discard(self)
        self._flusher.stop()
        try:
            try:
                self.flush()
            finally:
                self._backend.close()
        except BackendError as error:
            if self._strict:
                raise
            log.warning("closed without handing over the last counts: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _make_namespace(self, name: str) -> Namespace:
        if not self._strict:
            self._flusher.start()
        logic = self._logic(name)
        store = self._backend.store(name)
        return Namespace(logic, store, self._clock, self._figures, strict=self._strict)

    def _figures(self, name: str, since: Duration | None) -> "NamespaceStats":
        return self.stats(name, since=since).namespaces[name]

    def _logic(self, name: str) -> NamespaceLogic:
        on_new_thread = (lambda: None) if self._strict else self._flusher.start
        tally = self._outbox.tally(name, on_new_thread)
        return NamespaceLogic(name, self._policy(name), tally, live=self._backend.live)

    def _policy(self, name: str) -> Policy:
        if name in self._namespaces:
            return self._namespaces[name].policy
        return self._settings.policy(name)

    def _counted(self, window: Window) -> dict[str, Counts]:
        try:
            self.flush()
            return self._backend.counters.read(window)
        except BackendError as error:
            if self._strict:
                raise
            log.warning("only what waits to be handed over is reported: %s", error)
            return self._outbox.waiting()

    def _before_fork(self) -> None:
        self._backend.before_fork()

    def _after_fork_in_parent(self) -> None:
        self._backend.after_fork_in_parent()

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self._outbox.forget()
        self._flusher.forget()
        self._backend.after_fork_in_child()


def _with_fallback(backend: Backend, clock: Callable[[], float]) -> "FallbackBackend":
    from cachectl.fallback import FallbackBackend

    return FallbackBackend(backend, clock)


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _before_fork() -> None:
    _flushing.acquire()
    _forking[:] = _open
    for cache in _forking:
        cache._before_fork()  # noqa: SLF001 - of this module


def _after_fork_in_parent() -> None:
    for cache in _forking:
        cache._after_fork_in_parent()  # noqa: SLF001 - of this module
    _forking.clear()
    _flushing.release()


def _after_fork_in_child() -> None:
    _flushing.release()
    for cache in _forking:
        cache._after_fork_in_child()  # noqa: SLF001 - of this module
    _forking.clear()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
