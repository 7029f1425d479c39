"""What caches for threads and caches for tasks have in common: how they are opened, decorating."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from cachectl._backends.protocols import Backend
from cachectl._config import Settings, load
from cachectl._engine.compose import open_backend
from cachectl._engine.core import Core
from cachectl._engine.handle import Handle
from cachectl._metrics.events import Listener
from cachectl._model.arguments import Unshared, check_called, check_mapping, passed_to
from cachectl._model.importing import importing
from cachectl._model.policy import Limits, Policy, check_namespace
from cachectl._model.units import Duration

if TYPE_CHECKING:  # imported where they are used: a lookup needs none of them
    from cachectl._engine.decorator.decorate import CachedFunction, P, R
    from cachectl._engine.options import Cost


class BaseCache(Unshared):
    """A cache, whoever uses it."""

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
        follows: bool = False,
    ) -> None:
        self._core = Core(backend, settings, clock, strict=strict, follows=follows)
        self._handle = Handle(self._core)

    @classmethod
    def open(
        cls,
        config: str | os.PathLike[str] | None = None,
        *,
        backend: str | None = None,
        url: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        max_entries: int | None = None,
        max_bytes: int | str | None = None,
        settings: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
    ) -> Self:
        """Open the cache that a configuration file describes; without one, the usual places.

        `settings` are those of the file, as nested tables or dotted names; they, `backend`, `url`
        (of Redis, which it chooses) and `directory` (of the chosen backend) go before the environment
        and the file. So do `max_entries` and `max_bytes` (stored bytes), which all namespaces together
        may hold: the least recently used of any goes, about a second later at most.
        `clock` returns Unix seconds. Raises `ConfigError`; connects to nothing yet.
        """
        check_called("clock=", clock, "without arguments")
        chosen_in_code = check_mapping("settings", settings)
        given = {"max_entries": max_entries, "max_bytes": max_bytes, **chosen_in_code}
        chosen = load(config, overrides=given, backend=backend, url=url, directory=directory)
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
        with importing:
            backend = open_backend(settings, clock=clock, strict=strict)
        return cls(backend, settings, clock=clock, strict=strict)

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
        with importing:
            from cachectl._engine.decorator.decorate import decorate
            from cachectl._engine.options import FunctionOptions, LoadOptions

        chosen = check_namespace(namespace)
        with passed_to(f"namespace {chosen}, cached"):
            options = FunctionOptions.of(LoadOptions(ttl, tags, cost), key, name, ignore, bypass)

        def decorator(function: "Callable[P, R]") -> "CachedFunction[P, R]":
            return decorate(self._handle, chosen, function, options)

        return decorator

    @property
    def limits(self) -> Limits:
        """The most that all namespaces together may hold."""
        return self._core.policies.limits()

    def observe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with an `Event` for each hit, miss, set and eviction of this process.

        It is called in the thread in which that happens; what it raises is logged. Returns a
        function that ends it.
        """
        return self._handle.observe(listener)

    def policy(self, name: str) -> Policy:
        """Return the policy of a namespace, whether or not it is in use."""
        return self._core.policy(check_namespace(name))

    def policy_from(self, name: str) -> str:
        """Return who sets the policy of a namespace: `configuration`, `application` for what one set
        in its code, both, `defaults`, or `others` where this cache only reads.
        """
        return self._core.policy_from(check_namespace(name))

    def require_writable(self) -> None:
        """Raise `BackendRefused` if this cache is only read."""
        self._core.require_writable()

    def __repr__(self) -> str:
        names = ", ".join(self._core.names) or "no namespace in use"
        return f"<{type(self).__name__} on {self._core.backend!r}: {names}>"
