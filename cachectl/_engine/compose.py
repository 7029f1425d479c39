"""The backend that settings describe: a store of entries, and the wrappers around it.

Wrappers are backends around backends. Tiers and leases are added here, in the order in which a
call passes them.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from cachectl._backends import factory_of
from cachectl._backends.capabilities import SupportsJournal
from cachectl._backends.protocols import Backend
from cachectl._config import Settings
from cachectl._model.arguments import either
from cachectl._model.policy import Policy
from cachectl.errors import BackendUnavailable, ConfigError


def open_backend(
    settings: Settings,
    *,
    clock: Callable[[], float],
    strict: bool,
    tuning: Mapping[str, object] = MappingProxyType({}),
) -> Backend:
    """Return the backend of `settings`, and of its options in `tuning`; it connects to nothing yet.

    Unless it is to be `strict`, memory stands in for one that others can take away.
    """
    options = {**settings.backend_options(), **tuning}
    backend: Backend = factory_of(settings.backend)(**options)
    if strict or backend.live:
        return backend
    from cachectl._backends.fallback.backend import FallbackBackend  # a command needs none

    return FallbackBackend(backend, clock)


def settle(backend: Backend) -> None:
    """Remove from a backend what applications had removed while it was away, and could not tell it
    before they ended; if it is away still, who asks it for anything is told.
    """
    directory = backend.journal() if isinstance(backend, SupportsJournal) else None
    if directory is not None and directory.exists():
        from cachectl._backends.fallback.recovery import replay_left

        with suppress(BackendUnavailable):
            replay_left(backend)


def check_policy(backend: Backend, namespace: str, policy: Policy) -> Policy:
    """Return the policy of a namespace if the backend can follow it. Raises `ConfigError`."""
    if policy.eviction not in backend.evictions and not backend.refusal:  # that evicts nothing
        raise ConfigError(
            f"namespace {namespace}: the backend {backend.name} has no eviction"
            f" {policy.eviction!r}, only {either(backend.evictions)}"
        )
    return policy
