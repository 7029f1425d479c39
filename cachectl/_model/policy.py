"""What a namespace allows: how long, how many, how much."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from cachectl._model.arguments import listed, shown
from cachectl._model.keys import check_key, hashed_key
from cachectl._model.units import format_bytes, format_entries, format_seconds
from cachectl.errors import InvalidKey

EVICTIONS: Final = ("lru", "lrfu")
"""What `Policy.eviction` may be: the least recently used go first, or those that are used neither
recently nor frequently (`cachectl._backends.eviction.lrfu`)."""
COMPRESSIONS: Final = ("none", "zstd")
"""What `Policy.compress` may be."""

KEYS: Final = ("plain", "hashed")
"""What `Policy.keys` may be."""

ALL: Final = "*"
"""Stands for all namespaces together where the policies of each are kept: no namespace has this name."""

Eviction = Literal["lru", "lrfu"]
Compression = Literal["none", "zstd"]
Keys = Literal["plain", "hashed"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


class Limits(NamedTuple):
    """The most a namespace may hold, None is no limit; and the order in which entries go."""

    max_entries: int | None = None
    max_bytes: int | None = None
    eviction: str = "lru"

    def named(self, whose: str) -> list[str]:
        """Return what is limited, in words."""
        limited = {"max_entries": self.max_entries, "max_bytes": self.max_bytes}
        return [f"{name} {whose}" for name, limit in limited.items() if limit is not None]

    def said(self, name: str, overall: "Limits") -> str:
        """Return in words by which limits an entry of a namespace may be evicted."""
        named = [*self.named(f"of {name}"), *overall.named("over all namespaces")]
        return " or ".join(named) or "a limit of the backend"

    def exceeded(self, entries: int, size: int) -> bool:
        """Return whether so many entries of so many bytes together are too much."""
        return (self.max_entries is not None and entries > self.max_entries) or (
            self.max_bytes is not None and size > self.max_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings of one namespace. `ttl` is seconds; None means entries never expire.

    `max_entries` and `max_bytes` (stored bytes) are the most it may hold, None is no limit;
    `eviction` is the order in which entries go, `lru` or `lrfu`. `key_decimals` are digits to which
    floats in `Namespace.key` are rounded, for all or by field. One that is not `enabled` caches
    nothing, without `metrics` it counts nothing. `compress` is `none` or `zstd`. With `keys` that are
    `hashed`, not `plain`, entries are kept under the SHA-256 of their keys: those may be secrets.
    `labels` says whether labels are kept beside keys; None, only where those are plain.
    """

    ttl: float | None = 3600.0
    max_entries: int | None = None
    max_bytes: int | None = None
    key_decimals: int | Mapping[str, int] | None = field(default=None)
    enabled: bool = True
    metrics: bool = True
    eviction: Eviction = "lru"
    compress: Compression = "none"
    keys: Keys = "plain"
    labels: bool | None = None

    @property
    def limits(self) -> Limits:
        return Limits(self.max_entries, self.max_bytes, self.eviction)

    @property
    def stored_key(self) -> Callable[[str], str]:
        """What returns the key under which an entry is kept. It raises `InvalidKey`."""
        return hashed_key if self.keys == "hashed" else check_key

    @property
    def has_labels(self) -> bool:
        """Whether labels are kept."""
        return self.keys == "plain" if self.labels is None else self.labels

    @property
    def summary(self) -> str:
        """The TTL and the limits, for people."""
        said = [f"TTL {format_seconds(self.ttl)}"]
        if self.max_entries is not None:
            said.append(f"at most {format_entries(self.max_entries)}")
        if self.max_bytes is not None:
            said.append(f"at most {format_bytes(self.max_bytes)}")
        return ", ".join(said if self.enabled else [*said, "disabled"])


def is_namespace(name: str) -> bool:
    """Return whether `name` can name a namespace."""
    return _NAME.fullmatch(name) is not None


def check_namespace(name: str) -> str:
    """Return `name`, as plain text, if it can name a namespace. Raises `InvalidKey`."""
    if not isinstance(name, str) or not is_namespace(name):
        allowed = "a letter or digit, then up to 63 of A-Z a-z 0-9 . _ : -"
        raise InvalidKey(f"not a namespace: {shown(name)} ({allowed})")
    return name if type(name) is str else str.__str__(name)


def check_namespaces(names: Iterable[str]) -> list[str]:
    """Return names of namespaces, each once. Raises `InvalidKey`, and `UsageError` for one text."""
    return list(dict.fromkeys(map(check_namespace, listed("namespaces", names, "names"))))
