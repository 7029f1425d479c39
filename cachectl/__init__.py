"""One cache engine over memory, files and Redis; `cachectl` is its command line.

cache = Cache.open()
ai = cache.namespace("ai")
answer = ai.get_or_load(ai.key(features), lambda: ask(features), cost=0.005)
"""

from cachectl.cache import Cache
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
from cachectl.namespace import Namespace, Write

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
