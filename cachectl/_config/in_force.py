"""Which settings are in force, and where each of them is from: what `load` alone does not tell."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from cachectl._backends import is_backend
from cachectl._config import files
from cachectl._config.fields import Size, Ttl
from cachectl._config.interpolate import variables
from cachectl._config.lines import lines_of
from cachectl._config.messages import OPTION, Keys, dotted, printable
from cachectl._config.models import Settings, all_settings, annotation
from cachectl._config.sources import SettingsBuilder, leaves
from cachectl._masking import masked
from cachectl._model.arguments import either
from cachectl._model.entry import MISSING
from cachectl._model.policy import Policy
from cachectl._model.settings import Bytes, Seconds
from cachectl._model.units import format_bytes, format_seconds

_NAMESPACE: Final = "NAME"
_DURATIONS: Final = (Ttl, Seconds)
_SIZES: Final = (Size, Bytes)


class Origin(NamedTuple):
    """Where a value is from: a `flag`, the `environment`, the `file` at a line, or a `default`. A value
    of the file may have `${VAR}` in it: what these are, and which of them are not set.
    """

    kind: str
    name: str | None = None
    line: int | None = None
    variables: tuple[str, ...] = ()


class InForce(NamedTuple):
    """A setting: its dotted name, what it is (seconds, bytes, None for none; secrets are masked), the
    same for people, and where that is from.
    """

    name: str
    value: object
    shown: str
    origin: Origin


class Configuration(NamedTuple):
    """All settings in force, the file that was read, and what is set and has no effect, in words."""

    source: Path | None
    settings: list[InForce]
    unused: list[str]


def in_force(
    file: str | None = None,
    *,
    backend: str | None = None,
    url: str | None = None,
    directory: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Configuration:
    """Return what `load` makes of the same arguments, explained. Raises `ConfigError`."""
    environ = os.environ if environ is None else environ
    source, content = files.find(file, environ)
    tree = {} if source is None else files.parse(source, content)
    written = dict(leaves((), tree))
    builder = SettingsBuilder(source, tree)
    builder.build({}, backend, url, directory, environ)
    settings = builder.settings()
    known = _Known(settings, builder, written, lines_of(content.decode()), environ)
    return Configuration(source, [*known.settings()], [*known.unused()])


class _Known:
    """What is known of settings once they are loaded."""

    def __init__(
        self,
        settings: Settings,
        builder: SettingsBuilder,
        written: Mapping[Keys, object],
        lines: Mapping[Keys, int],
        environ: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._builder = builder
        self._written = written
        self._lines = lines
        self._environ = environ

    def settings(self) -> Iterator[InForce]:
        """Yield all but those of backends, and of those what is of the chosen one or set."""
        for keys in sorted(all_settings(_NAMESPACE), key=_is_in_a_table):
            if keys[0] != "namespaces" and (self._is_shown(keys) or self._is_set(keys)):
                yield self._explained(keys)
        for name, namespace in self._settings.namespaces.items():
            for setting in namespace.chosen():
                yield self._explained(("namespaces", name, setting))

    def unused(self) -> Iterator[str]:
        """Yield what is set for backends that are not chosen."""
        tables: dict[str, list[str]] = {}
        for keys in all_settings(_NAMESPACE):
            if is_backend(keys[0]) and not self._is_shown(keys) and self._is_set(keys):
                tables.setdefault(keys[0], []).append(dotted(keys))
        for names in tables.values():
            verb = "is" if len(names) == 1 else "are"
            said = either(names).replace(" or ", " and ")
            yield f"{said} {verb} set and not used: the backend is {self._settings.backend}"

    def _is_shown(self, keys: Keys) -> bool:
        return not is_backend(keys[0]) or keys[0] == self._settings.backend

    def _is_set(self, keys: Keys) -> bool:
        return keys in self._written or keys in self._builder.origins

    def _explained(self, keys: Keys) -> InForce:
        kind = annotation(keys)
        value = _plain(self._value(keys))
        return InForce(dotted(keys), value, _shown(kind, value), self._origin(keys))

    def _value(self, keys: Keys) -> object:
        found: Any = self._settings
        for key in keys:
            found = found[key] if isinstance(found, Mapping) else getattr(found, key)
        if found is not MISSING:
            return found
        return getattr(Policy(), keys[-1]) if keys[0] == "defaults" else None

    def _origin(self, keys: Keys) -> Origin:
        outside = self._builder.origins.get(keys)
        if outside is not None:
            is_flag = outside.kind == OPTION
            return (
                Origin("flag", f"--{outside.name}")
                if is_flag
                else Origin("environment", outside.name)
            )
        if keys not in self._written:
            return Origin("default")
        text = self._written[keys]
        used = tuple(variables(text, self._environ)) if isinstance(text, str) else ()
        return Origin("file", None, self._lines.get(keys), used)


def _is_in_a_table(keys: Keys) -> bool:
    return len(keys) > 1


def _plain(value: object) -> object:
    """Return a value as JSON has it, without secrets."""
    if isinstance(value, Mapping):
        return dict(value)
    return masked(str(value)) if isinstance(value, str | Path) else value


def _shown(kind: object, value: Any) -> str:
    if value is None:
        return "none"
    if kind in _DURATIONS:
        return format_seconds(value)
    if kind in _SIZES:
        return format_bytes(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{name} = {digits}" for name, digits in value.items())
    return printable(value)
