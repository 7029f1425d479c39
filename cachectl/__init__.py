"""One cache engine over memory, files and Redis; `cachectl` is its command line.

cache = Cache.open()
ai = cache.namespace("ai")
answer = ai.get_or_load(ai.key(features), lambda: ask(features), cost=0.005)
"""

from typing import TYPE_CHECKING

from cachectl.entry import MISSING
from cachectl.errors import (
    BackendBusy,
    BackendError,
    BackendRefused,
    BackendUnavailable,
    CacheError,
    ConfigError,
    InvalidKey,
    UnsupportedValue,
    UsageError,
)

if TYPE_CHECKING:
    from cachectl.cache import Cache
    from cachectl.namespace import Namespace, Write
else:

    def __getattr__(name: str) -> object:
        """Import the engine when it is named: the command line is not to wait for all of it."""
        if name == "Cache":
            from cachectl.cache import Cache

            return Cache
        if name in {"Namespace", "Write"}:
            from cachectl import namespace

            return getattr(namespace, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "MISSING",
    "BackendBusy",
    "BackendError",
    "BackendRefused",
    "BackendUnavailable",
    "Cache",
    "CacheError",
    "ConfigError",
    "InvalidKey",
    "Namespace",
    "UnsupportedValue",
    "UsageError",
    "Write",
]
