"""Every exception that leaves cachectl.

CacheError
├── UsageError              the caller asked for something impossible; nothing was done
│   ├── ConfigError         … in a configuration file, the environment or a flag
│   ├── InvalidKey          … a key or namespace that cannot be one
│   └── UnsupportedValue    … a value of a type, depth or size that is refused
├── BackendError            the backend could not do what it was asked
│   ├── BackendUnavailable  … it cannot be reached, or does not let us in
│   ├── BackendBusy         … somebody else holds the lock
│   └── BackendRefused      … it works, but refuses this: read-only, full, unsafe
└── DamagedEntry            stored bytes that are not (or no longer) ours; the engine
                            turns it into a miss and a counter, so callers never see it
"""

__all__ = [
    "BackendBusy",
    "BackendError",
    "BackendRefused",
    "BackendUnavailable",
    "CacheError",
    "ConfigError",
    "DamagedEntry",
    "InvalidKey",
    "UnsupportedValue",
    "UsageError",
]


class CacheError(Exception):
    """Root of the hierarchy. Never raised itself."""


class UsageError(CacheError):
    """What was asked for cannot be done, whatever the state of the cache."""


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or impossible."""


class InvalidKey(UsageError):
    """A string cannot be a key, a tag or the name of a namespace."""


class UnsupportedValue(UsageError):
    """A value cannot be stored: its type, depth or size is refused."""


class BackendError(CacheError):
    """The backend failed."""


class BackendUnavailable(BackendError):
    """The backend cannot be reached, timed out, or rejected our credentials."""


class BackendBusy(BackendError):
    """Another process holds the lock that this operation needs."""


class BackendRefused(BackendError):
    """The backend works but refuses: read-only, full, or not a safe place."""


class DamagedEntry(CacheError):
    """Stored bytes are damaged, foreign, or from a future version."""
