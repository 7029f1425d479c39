"""Settings from flags, environment, file and defaults, in this order, made into one."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cachectl._backends import backends, is_backend
from cachectl._config import files
from cachectl._config.files import working_directory
from cachectl._config.interpolate import interpolate
from cachectl._config.messages import (
    OPTION,
    VARIABLE,
    Given,
    Keys,
    closest,
    combined,
    dotted,
    printable,
    shown,
)
from cachectl._config.models import (
    Settings,
    all_settings,
    annotation,
    kind_of,
    settings_of,
    with_backends,
)
from cachectl._config.reading import InvalidSettings, read
from cachectl._config.unseen import unseen
from cachectl._model.settings import located

_PREFIX: Final = "CACHECTL_"
_URL: Final = ("redis", "url")
_SHORT: Final = {"CACHECTL_URL": _URL}
_NOT_SETTINGS: Final = frozenset(("CACHECTL_CONFIG", "CACHECTL_ASCII", "CACHECTL_REQUIRE_REDIS"))
_DIRECTORY: Final = ("file", "directory")


def load(
    file: str | os.PathLike[str] | None = None,
    *,
    overrides: Mapping[str, object] = MappingProxyType({}),
    backend: str | None = None,
    url: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings; flags win over environment, file and defaults.

    `overrides` has dotted names (`"redis.url"`) or whole tables; None is a flag not given.
    `backend` and `url` (of Redis, which it chooses) go before those; `directory` is that of the
    chosen backend, whichever it is.
    `environ` is that of the process unless given. Raises `ConfigError`, naming every problem.
    """
    environ = os.environ if environ is None else environ
    builder = SettingsBuilder(*files.read(file, environ))
    builder.build(overrides, backend, url, directory, environ)
    return builder.settings()


class SettingsBuilder:
    """Settings on their way: a tree of values, and where those outside the file came from."""

    def __init__(self, source: Path | None, tree: dict[str, Any]) -> None:
        self._source = source
        self._tree = tree
        self._problems: list[str] = []
        self.origins: dict[Keys, Given] = {}
        """Where what is not from the file is from."""

    def build(
        self,
        overrides: Mapping[str, object],
        backend: str | None,
        url: str | None,
        directory: str | os.PathLike[str] | None,
        environ: Mapping[str, str],
    ) -> None:
        """Take all that `load` takes."""
        self.add_environment(environ)
        self.add_overrides(overrides)
        self.add_flags(backend, url, directory)
        self.interpolate(environ)
        self.add_directory(directory)
        self.refuse_unseen()
        self.locate_paths(environ)

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """Take the `CACHECTL_` variables; an empty one counts as not set."""
        variables: dict[Keys, str] = {}
        for variable in sorted(environ):
            if not variable.startswith(_PREFIX) or variable in _NOT_SETTINGS:
                continue
            keys = self._keys_of(variable)
            origin = Given(VARIABLE, printable(variable))
            said = f"{origin.kind} {origin.name}"
            if kind_of(annotation(keys)) is None:
                self._problems.append(f"{said}: {_unknown(keys, _variable)}")
            elif keys in variables:
                self._problems.append(
                    f"{said}: {dotted(keys)}: expected one variable, "
                    f"found also {printable(variables[keys])}"
                )
            elif environ[variable]:
                variables[keys] = variable
                self._put(keys, environ[variable], origin)

    def add_overrides(self, overrides: Mapping[str, object]) -> None:
        """Take flags and keyword arguments."""
        for name, given in overrides.items():
            for keys, value in leaves(_keys(name), given):
                origin = Given(OPTION, keys[-1])
                if kind_of(annotation(keys)) is None:
                    self._problems.append(f"{origin.said(keys)}: {_unknown(keys, dotted)}")
                elif value is not None:
                    self._put(keys, value, origin)

    def add_flags(
        self, backend: str | None, url: str | None, directory: str | os.PathLike[str] | None
    ) -> None:
        """Take what is said about the backend, or choose it: a URL that is a flag means Redis; so does
        one of the environment where nothing names a backend, nor a flag the directory of one.
        """
        open_choice = directory is None and "backend" not in self._tree
        if backend is not None:
            self.add_overrides({"backend": backend})
        elif url is not None:
            self._put(("backend",), "redis", Given(OPTION, "url"))
        elif open_choice and _URL in self.origins:
            self._put(("backend",), "redis", self.origins[_URL])
        if url is not None:  # or what a command never imports would tell what it may be
            self.add_overrides({dotted(_URL): url})

    def interpolate(self, environ: Mapping[str, str]) -> None:
        """Replace the variables in what the file says and nothing has overridden."""
        for keys, value in list(leaves((), self._tree)):
            if not isinstance(value, str) or keys in self.origins:
                continue
            node = self._node(keys[:-1])
            try:
                node[keys[-1]] = interpolate(value, environ)
            except ValueError as error:
                self._problems.append(f"{self._origin(keys)}: {error}")
                del node[keys[-1]]

    def add_directory(self, directory: str | os.PathLike[str] | None) -> None:
        """Take the directory of the backend that has been chosen."""
        backend = self._backend()
        keys = (backend, _DIRECTORY[1])
        if directory is None or not is_backend(backend):  # validation will say so
            return
        if kind_of(annotation(keys)) is None:
            self._problems.append(f"{OPTION} directory: the backend {backend} has none")
        else:
            self._put(keys, directory, Given(OPTION, keys[-1]))

    def refuse_unseen(self) -> None:
        """Take out what has white space around it, or control characters, wherever it is from."""
        for keys, value in list(leaves((), self._tree)):
            if reason := unseen(value):
                self._problems.append(f"{self._origin(keys)}: {reason}")
                del self._node(keys[:-1])[keys[-1]]

    def locate_paths(self, environ: Mapping[str, str]) -> None:
        """Resolve paths, and put the file backend into the user's cache directory unless it is
        told where to be.
        """
        node = self._tree.setdefault(_DIRECTORY[0], {})
        chosen = self._backend()
        if isinstance(node, dict) and _DIRECTORY[1] not in node:
            node[_DIRECTORY[1]] = files.xdg("XDG_CACHE_HOME", ".cache", environ) / "cachectl"
            if chosen == _DIRECTORY[0]:
                self._refuse_unseen_in(environ, "XDG_CACHE_HOME", "HOME")
        if is_backend(chosen):
            self._tree.setdefault(chosen, {})  # so that what is missing in there can be said
        for keys, value in list(leaves((), self._tree)):
            kind = kind_of(annotation(keys))
            if kind is not None and kind.path:
                in_file = self._source is not None and keys not in self.origins
                base = self._source.parent if self._source and in_file else working_directory()
                with suppress(ValueError):  # validation will say so
                    self._node(keys[:-1])[keys[-1]] = located(value, files.home(environ), base)

    def _refuse_unseen_in(self, environ: Mapping[str, str], *variables: str) -> None:
        for name in variables:
            if reason := unseen(environ.get(name)):
                self._problems.append(f"environment variable {name}: {reason}")

    def settings(self) -> Settings:
        """Return what has been put together. Raises `ConfigError` with all problems."""
        settings = None
        try:
            settings = read(self._table(), self._tree)
        except InvalidSettings as invalid:
            for keys, reason in invalid.problems:
                said = reason or _unknown(keys, dotted)
                self._problems.append(f"{self._origin(keys)}: {said}")
        if settings is None or self._problems:
            raise combined(self._problems)
        given = (keys for keys, origin in self.origins.items() if origin.kind == OPTION)
        settings.remember(self._source, given)
        return settings

    def _table(self) -> type[Settings]:
        """Return the table to read: with those of the backends that are chosen or described."""
        named = {*self._tree, self._backend()}
        return with_backends(*sorted(filter(is_backend, named - settings_of(Settings).keys())))

    def _backend(self) -> str:
        """Return the backend that is chosen, as far as that is text: validation says so if it is not."""
        chosen = self._tree.get("backend", Settings.backend)
        return chosen if isinstance(chosen, str) else ""

    def _keys_of(self, variable: str) -> Keys:
        first, *rest = variable.removeprefix(_PREFIX).lower().split("__")
        if variable in _SHORT:
            return _SHORT[variable]
        if first != "namespaces" or len(rest) < 2:
            return (first, *rest)
        name = "__".join(rest[:-1])
        configured = self._tree.get(first)
        alike = [known for known in configured or () if _folded(known) == _folded(name)]
        if len(alike) > 1:
            self._problems.append(
                f"environment variable {printable(variable)}: expected the name of one "
                f"namespace, found it to fit {' and '.join(map(shown, alike))}"
            )
        return (first, alike[0] if alike else name, rest[-1])

    def _put(self, keys: Keys, value: object, origin: Given) -> None:
        node: object = self._tree
        for key in keys[:-1]:
            node = node.setdefault(key, {}) if isinstance(node, dict) else None
        if isinstance(node, dict):  # otherwise the file is wrong, and validation says so
            node[keys[-1]] = value
            self.origins[keys] = origin

    def _node(self, keys: Keys) -> dict[str, Any]:
        node = self._tree
        for key in keys:
            node = node[key]
        return node

    def _origin(self, keys: Keys) -> str:
        for known, origin in self.origins.items():
            if known[: len(keys)] == keys:
                return origin.said(known)
        return f"{printable(self._source)}: {dotted(keys)}" if self._source else dotted(keys)


def _keys(name: str) -> Keys:
    """Return where a dotted name leads; the name of a namespace may itself have dots."""
    first, *rest = name.split(".")
    if first == "namespaces" and len(rest) > 1:
        return (first, ".".join(rest[:-1]), rest[-1])
    return (first, *rest)


def leaves(keys: Keys, value: object) -> Iterator[tuple[Keys, object]]:
    """Yield every value with its place; a mapping that is not a table of ours is a value."""
    expected = annotation(keys)
    if isinstance(value, Mapping) and expected is not None and kind_of(expected) is None:
        for key, item in value.items():
            yield from leaves((*keys, key), item)
    else:
        yield keys, value


def _variable(keys: Keys) -> str:
    return _PREFIX + "__".join(keys).upper()


def _folded(namespace: str) -> str:
    """Return a name as far as a variable can spell it: without case, `-`, `.` and `:`."""
    return re.sub(r"[-.:]", "_", namespace.lower())


def _unknown(keys: Keys, spell: Callable[[Keys], str]) -> str:
    """Return what is said about a name that is no setting, with the one probably meant."""
    namespace = keys[1] if keys[0] == "namespaces" and len(keys) > 1 else "NAME"
    known = list(all_settings(namespace))
    by_name = {other[-1]: other for other in reversed(known)}
    by_place = {
        dotted(other): other
        for other in (*known, *((name,) for name in (*backends(), *settings_of(Settings))))
    }
    inside = next((other for other in known if other[:-1] == keys), None)
    meant = inside or by_name.get(keys[-1])
    if meant is None and (near := closest(dotted(keys), by_place)):
        meant = by_place[near]
    if meant is None and (near := closest(keys[-1], by_name)):
        meant = by_name[near]
    return f"unknown setting, did you mean {spell(meant)}?" if meant else "unknown setting"
