"""Every exception that leaves cachectl.

CacheError
├── UsageError              the caller asked for something impossible; nothing was done
│   ├── ConfigError         … in a configuration file, the environment or a flag
│   ├── InvalidKey          … a key or namespace that cannot be one
│   └── UnsupportedValue    … a value of a type, depth or size that is refused
├── BackendError            the backend could not do what it was asked
│   ├── BackendUnavailable  … it cannot be reached, or does not let us in
│   ├── BackendBusy         … somebody else holds the lock
│   └── BackendRefused      … it works, but refuses this: read-only, full, unsafe, not permitted
└── DamagedEntry            stored bytes that are not (or no longer) ours; the engine
                            turns it into a miss and a counter, so callers never see it

A `BackendError` has a `kind`, which says what helps: see `ErrorKind`.
"""

from typing import Literal

from cachectl import _masking

__all__ = [
    "BackendBusy",
    "BackendError",
    "BackendRefused",
    "BackendUnavailable",
    "CacheError",
    "ConfigError",
    "DamagedEntry",
    "ErrorKind",
    "InvalidKey",
    "UnsupportedValue",
    "UsageError",
]


ErrorKind = Literal[
    "outage",
    "failover",
    "loading",
    "misconfigured",
    "busy",
    "full",
    "permission",
    "foreign",
    "damaged",
    "place",
    "refused",
    "unexpected",
]
"""What is wrong with a backend.

Nothing can be had of it, and in applications memory stands in: `outage`, it cannot be reached or does
not answer in time; `failover`, it has lost its master, or its cluster is down; `loading`, it reads its
data; `misconfigured`, it does not let us in (password, database, TLS); `busy`, with somebody's script;
`place`, the directory of a cache in files cannot be made, or is not safe.

It works, and refuses some calls: `full`; `permission`, its user may not run a command; `failover`, it
is a replica; `misconfigured`, it cannot save; `foreign`, somebody else's data are under a key of ours;
`busy`, another process holds a lock;
`damaged`, its database cannot be read; `refused`, whatever else it gives as a reason.

`unexpected` is what should not happen.
"""


class CacheError(Exception):
    """Root of the hierarchy. Never raised itself; what it says has no password in it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(*(() if message is None else (_masking.masked(message),)))


class UsageError(CacheError):
    """What was asked for cannot be done, whatever the state of the cache."""


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or impossible."""


class InvalidKey(UsageError):
    """A string cannot be a key, a tag or the name of a namespace."""


class UnsupportedValue(UsageError):
    """A value cannot be stored: its type, depth or size is refused."""


class BackendError(CacheError):
    """The backend failed; `kind` says how."""

    kind: ErrorKind = "unexpected"

    def __init__(self, message: str | None = None, kind: ErrorKind | None = None) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind


class BackendUnavailable(BackendError):
    """The backend cannot be reached, timed out, or rejected our credentials."""

    kind: ErrorKind = "outage"


class BackendBusy(BackendError):
    """Another process holds the lock that this operation needs."""

    kind: ErrorKind = "busy"


class BackendRefused(BackendError):
    """The backend works but refuses: read-only, full, not permitted, or not a safe place."""

    kind: ErrorKind = "refused"


class DamagedEntry(CacheError):
    """Stored bytes are damaged, foreign, or from a future version."""
