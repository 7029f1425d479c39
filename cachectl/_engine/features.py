"""Keys of features and extras that come from outside, where any name may be written."""

from collections.abc import Mapping
from typing import Final

from cachectl._engine.namespace import Namespace
from cachectl.errors import UsageError

_TAKEN: Final = frozenset(("self", "features"))  # parameters of `Namespace.key`


def feature_key(namespace: Namespace, features: object, extra: Mapping[str, object]) -> str:
    """Return the key that `Namespace.key(features, **extra)` returns. Raises `UsageError`."""
    for name in _TAKEN & extra.keys():
        raise UsageError(f"no extra can be called {name!r}")
    return namespace.key(features, **extra)
