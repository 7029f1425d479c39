"""The settings: every table with its keys and defaults.

To add a setting, add a field: the file, the environment, the flags, the messages and the test
of the example follow from it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeGuard, get_args, get_origin

from cachectl._backends import backends, is_backend, options_of
from cachectl._config.fields import (
    Backend,
    Compression,
    Digits,
    Entries,
    Eviction,
    KeyForm,
    Labels,
    Size,
    Ttl,
)
from cachectl._config.messages import Keys
from cachectl._model import entry
from cachectl._model.policy import ALL, Limits, Policy
from cachectl._model.settings import Boolean, Kind, Name, Table

_UNSET: Final[Any] = entry.MISSING
OVERALL: Final = ("max_entries", "max_bytes")
"""Settings of all namespaces together that an application may set in its code."""


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
    keys: KeyForm = _UNSET
    labels: Labels = _UNSET

    def chosen(self) -> dict[str, Any]:
        """Return the values that were set, by name."""
        return {name: value for name, value in vars(self).items() if value is not _UNSET}


@dataclass(frozen=True, kw_only=True)
class Settings(Table):
    """The whole configuration, but for the tables of backends: `with_backends` adds those.

    Made by `load`; its `repr` shows no secret.
    """

    backend: Backend = "file"
    enabled: Boolean = True
    metrics: Boolean = True
    max_entries: Entries = _UNSET
    max_bytes: Size = _UNSET
    defaults: NamespaceSettings = NamespaceSettings()
    namespaces: Mapping[Name, NamespaceSettings] = field(default_factory=dict)
    source: Path | None = field(default=None, init=False)
    """The file that was read; None if there was none."""
    in_code: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, init=False)
    """What of `namespaces`, and of `ALL` together, who opens the cache says, not the file nor the
    environment.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "namespaces", MappingProxyType(self.namespaces))

    def remember(self, source: Path | None, given: Iterable[Keys]) -> None:
        """Take note of the file that was read, and of the keys of what was given in code: once, by who
        made this.
        """
        object.__setattr__(self, "source", source)
        in_code: dict[str, dict[str, Any]] = {}
        for first, *rest in given:
            if first == "namespaces":
                name, setting = rest[:2]
                in_code.setdefault(name, {})[setting] = self.namespaces[name].chosen()[setting]
            elif first in OVERALL:
                in_code.setdefault(ALL, {})[first] = getattr(self, first)
        object.__setattr__(self, "in_code", MappingProxyType(in_code))

    def limits(self, stored: Mapping[str, Any] = MappingProxyType({})) -> Limits:
        """Return the most that all namespaces together may hold, which an application may have
        `stored`.
        """
        own = {name: getattr(self, name) for name in OVERALL}
        chosen = {**stored, **{name: value for name, value in own.items() if value is not _UNSET}}
        return Limits(chosen.get("max_entries"), chosen.get("max_bytes"))

    def configured(self, name: str) -> frozenset[str]:
        """Return which settings of a namespace the file or the environment says."""
        own = self.namespaces.get(name)
        return frozenset(own.chosen() if own else ()) - frozenset(self.in_code.get(name, ()))

    def policy(self, name: str, stored: Mapping[str, Any] = MappingProxyType({})) -> Policy:
        """Return the policy of a namespace, whether or not it was configured. What an application
        `stored` for it goes before the defaults.
        """
        own = self.namespaces.get(name)
        chosen = {**self.defaults.chosen(), **stored, **(own.chosen() if own else {})}
        chosen["enabled"] = self.enabled and chosen.get("enabled", True)
        chosen["metrics"] = self.metrics and chosen.get("metrics", True)
        return Policy(**chosen)

    def backend_options(self) -> dict[str, object]:
        """Return the keyword arguments for the factory of `backend`; they hold secrets."""
        return dict(vars(getattr(self, self.backend)))


@cache
def with_backends(*names: str) -> type[Settings]:
    """Return the table of the whole configuration, with the tables of these backends."""
    tables: list[tuple[str, type[Table], Any]] = []
    for name in names:
        table = options_of(name)
        required = any(each.default is MISSING and each.init for each in fields(table))
        tables.append((name, table, field() if required else field(default_factory=table)))
    extended: type[Settings] = make_dataclass(
        "Settings", tables, bases=(Settings,), frozen=True, kw_only=True
    )
    return extended


def settings_of(table: type[Table]) -> dict[str, Any]:
    """Return the names of a table with their annotations."""
    return {field.name: field.type for field in fields(table) if field.init}


def member(table: type[Table], name: str) -> Any:
    """Return the annotation of a setting in a table, or of a backend's table; None if unknown."""
    found = settings_of(table).get(name)
    if found is None and table is Settings and is_backend(name):
        return options_of(name)
    return found


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
            found = member(found, key)
        else:  # a mapping of names to tables, or a value, below which there is nothing
            found = get_args(found)[1] if get_origin(found) is Mapping else None
    return found


def all_settings(namespace: str, keys: Keys = ()) -> Iterator[Keys]:
    """Yield every setting there is, those of namespaces as those of `namespace`."""
    found = annotation(keys)
    if kind_of(found):
        yield keys
    else:
        names = [*settings_of(found)] if is_table(found) else [namespace]
        for name in [*backends(), *names] if found is Settings else names:
            yield from all_settings(namespace, (*keys, name))
