"""One cache engine over memory, files and Redis; `cachectl` is its command line.

    cache = Cache.open()
    ai = cache.namespace("ai")
    answer = ai.get_or_load(ai.key(features), lambda: ask(features), cost=0.005)

What may be imported is this package, `cachectl.errors`, `cachectl.plugins` (for those who add a
backend, a codec or a source) and `cachectl.testing`. Whatever has an underscore in its path is
private.
"""

from typing import TYPE_CHECKING

from cachectl._model.entry import MISSING, Entry, MissingType
from cachectl.errors import (
    BackendBusy,
    BackendError,
    BackendRefused,
    BackendUnavailable,
    CacheError,
    ConfigError,
    DamagedEntry,
    InvalidKey,
    UnsupportedValue,
    UsageError,
)

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cachectl._config.models import Settings
    from cachectl._engine.async_cache import AsyncCache, AsyncCleanup
    from cachectl._engine.async_namespace import AsyncNamespace
    from cachectl._engine.cache import Cache
    from cachectl._engine.cleanup import Cleanup
    from cachectl._engine.decorator.decorate import CachedFunction
    from cachectl._engine.namespace import Namespace
    from cachectl._engine.warm.report import WarmFailure, WarmReport
    from cachectl._metrics.details import Details, Latency, MissedKey, Trend, TrendPart
    from cachectl._metrics.events import Event, EventKind, MissReason
    from cachectl._metrics.reports import Application, CleanupReport, NamespaceStats, Stats, Status
    from cachectl._metrics.windows import Window
    from cachectl._model.outcome import Outcome
    from cachectl._model.policy import Limits, Policy
    from cachectl._model.records import EntryInfo, Removed, Usage
    from cachectl._model.write import Write

else:
    _MODULES = {
        "Application": "_metrics.reports",
        "AsyncCache": "_engine.async_cache",
        "AsyncCleanup": "_engine.async_cache",
        "AsyncNamespace": "_engine.async_namespace",
        "Cache": "_engine.cache",
        "CachedFunction": "_engine.decorator.decorate",
        "CleanupReport": "_metrics.reports",
        "Cleanup": "_engine.cleanup",
        "Details": "_metrics.details",
        "EntryInfo": "_model.records",
        "Event": "_metrics.events",
        "EventKind": "_metrics.events",
        "Latency": "_metrics.details",
        "Limits": "_model.policy",
        "MissReason": "_metrics.events",
        "MissedKey": "_metrics.details",
        "Namespace": "_engine.namespace",
        "NamespaceStats": "_metrics.reports",
        "Outcome": "_model.outcome",
        "Policy": "_model.policy",
        "Removed": "_model.records",
        "Settings": "_config.models",
        "Stats": "_metrics.reports",
        "Status": "_metrics.reports",
        "Trend": "_metrics.details",
        "TrendPart": "_metrics.details",
        "Usage": "_model.records",
        "WarmFailure": "_engine.warm.report",
        "WarmReport": "_engine.warm.report",
        "Window": "_metrics.windows",
        "Write": "_model.write",
    }

    def __getattr__(name: str) -> object:
        """Import what is named when it is named: the command line is not to wait for all of it."""
        from importlib import import_module

        if name in _MODULES:
            return getattr(import_module(f"cachectl.{_MODULES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*__all__, "__version__"]


__all__ = [
    "MISSING",
    "Application",
    "AsyncCache",
    "AsyncCleanup",
    "AsyncNamespace",
    "BackendBusy",
    "BackendError",
    "BackendRefused",
    "BackendUnavailable",
    "Cache",
    "CacheError",
    "CachedFunction",
    "Cleanup",
    "CleanupReport",
    "ConfigError",
    "DamagedEntry",
    "Details",
    "Entry",
    "EntryInfo",
    "Event",
    "EventKind",
    "InvalidKey",
    "Latency",
    "Limits",
    "MissReason",
    "MissedKey",
    "MissingType",
    "Namespace",
    "NamespaceStats",
    "Outcome",
    "Policy",
    "Removed",
    "Settings",
    "Stats",
    "Status",
    "Trend",
    "TrendPart",
    "UnsupportedValue",
    "Usage",
    "UsageError",
    "WarmFailure",
    "WarmReport",
    "Window",
    "Write",
]
