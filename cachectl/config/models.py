"""The settings: every table with its keys and defaults.

To add a setting, add a field: the file, the environment, the flags, the messages and the test
of the example follow from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeGuard, get_args, get_origin

from cachectl.config.fields import (
    Backend,
    Boolean,
    Compression,
    Digits,
    Directory,
    Entries,
    Eviction,
    Kind,
    Name,
    Seconds,
    Size,
    Ttl,
    Url,
)
from cachectl.config.messages import Keys
from cachectl.entry import MISSING
from cachectl.policy import Policy

_UNSET: Final[Any] = MISSING


class Table:
    """A table of the configuration: immutable, without unknown keys."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __pydantic_config__: ClassVar = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class FileSettings(Table):
    """Where the file backend keeps everything."""

    directory: Directory


@dataclass(frozen=True, kw_only=True)
class RedisSettings(Table):
    """Which server, and how long it may take."""

    url: Url = field(default="redis://localhost:6379/0", repr=False)  # it may hold a password
    prefix: Name = "cachectl"
    connect_timeout: Seconds = 0.5
    timeout: Seconds = 1.0


@dataclass(frozen=True, kw_only=True)
class MemorySettings(Table):
    """What processes of one user show each other.

    A process publishes its counters under `name`; with `observe` it reports those of the
    others instead, as the command line does.
    """

    name: Name = "default"
    publish: Boolean = True
    observe: Boolean = False


@dataclass(frozen=True, kw_only=True)
class NamespaceSettings(Table):
    """What a namespace says itself; what it leaves unset comes from `defaults`, or `Policy`."""

    ttl: Ttl = _UNSET
    max_entries: Entries = _UNSET
    max_bytes: Size = _UNSET
    key_decimals: Digits = _UNSET
    enabled: Boolean = _UNSET
    metrics: Boolean = _UNSET
    eviction: Eviction = _UNSET
    compress: Compression = _UNSET

    def chosen(self) -> dict[str, Any]:
        """Return the values that were set, by name."""
        return {name: value for name, value in vars(self).items() if value is not _UNSET}


@dataclass(frozen=True, kw_only=True)
class Settings(Table):
    """The whole configuration. Made by `load`; its `repr` shows no secret."""

    backend: Backend = "file"
    enabled: Boolean = True
    metrics: Boolean = True
    file: FileSettings
    redis: RedisSettings = RedisSettings()
    memory: MemorySettings = MemorySettings()
    defaults: NamespaceSettings = NamespaceSettings()
    namespaces: Mapping[Name, NamespaceSettings] = field(default_factory=dict)
    source: Path | None = field(default=None, init=False)
    """The file that was read; None if there was none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "namespaces", MappingProxyType(self.namespaces))

    def remember(self, source: Path | None) -> None:
        """Take note of the file that was read: once, by who made this."""
        object.__setattr__(self, "source", source)

    def policy(self, name: str) -> Policy:
        """Return the policy of a namespace, whether or not it was configured."""
        own = self.namespaces.get(name, NamespaceSettings())
        chosen = self.defaults.chosen() | own.chosen()
        chosen["enabled"] = self.enabled and chosen.get("enabled", True)
        chosen["metrics"] = self.metrics and chosen.get("metrics", True)
        return Policy(**chosen)

    def backend_options(self) -> dict[str, object]:
        """Return the keyword arguments for the factory of `backend`; they hold secrets."""
        return dict(vars(getattr(self, self.backend)))


def settings_of(table: type[Table]) -> dict[str, Any]:
    """Return the names of a table with their annotations."""
    return {field.name: field.type for field in fields(table) if field.init}


def is_table(annotation: object) -> TypeGuard[type[Table]]:
    return isinstance(annotation, type) and issubclass(annotation, Table)


def kind_of(annotation: Any) -> Kind | None:
    """Return what a value may be; None for a table, or for nothing."""
    return next(iter(getattr(annotation, "__metadata__", ())), None)


def annotation(keys: Keys, top: type[Table] = Settings) -> Any:
    """Return the annotation of what is at `keys` below the table `top`; None if nothing is."""
    found: Any = top
    for key in keys:
        if is_table(found):
            found = settings_of(found).get(key)
        else:  # a mapping of names to tables, or a value, below which there is nothing
            found = get_args(found)[1] if get_origin(found) is Mapping else None
    return found


def all_settings(namespace: str, keys: Keys = ()) -> Iterator[Keys]:
    """Yield every setting there is, those of namespaces as those of `namespace`."""
    found = annotation(keys)
    if kind_of(found):
        yield keys
    else:
        for name in settings_of(found) if is_table(found) else (namespace,):
            yield from all_settings(namespace, (*keys, name))
