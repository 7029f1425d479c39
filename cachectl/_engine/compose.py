"""The backend that settings describe: a store of entries, and the wrappers around it.

Wrappers are backends around backends. Tiers and leases are added here, in the order in which a
call passes them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cachectl._backends import factory_of
from cachectl._backends.protocols import Backend
from cachectl._config import Settings


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
    from cachectl._backends.fallback import FallbackBackend  # a command needs none

    return FallbackBackend(backend, clock)
