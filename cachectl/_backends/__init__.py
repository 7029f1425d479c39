"""Backends: where entries and counters are kept.

To add one, write a module with a class that satisfies `protocols.Backend` (`base.BaseBackend` is a
good part of one) and register it in `BACKENDS`; the contract suite picks it up from there. A
package of its own declares it as an entry point in the group `cachectl.backends` instead.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cachectl._model.targets import load_target
from cachectl.errors import ConfigError

if TYPE_CHECKING:
    from cachectl._model.settings import Table


class Registration(NamedTuple):
    """Where a backend is: its factory, and the table of its settings, which are the keyword
    arguments of the factory.
    """

    factory: str
    options: str


BACKENDS: Final = {
    "memory": Registration(
        "cachectl._backends.memory.backend:MemoryBackend",
        "cachectl._backends.memory.options:MemoryOptions",
    ),
    "file": Registration(
        "cachectl._backends.file.backend:FileBackend", "cachectl._backends.file.options:FileOptions"
    ),
    "redis": Registration(
        "cachectl._backends.redis.backend:RedisBackend",
        "cachectl._backends.redis.options:RedisOptions",
    ),
    "diskcache": Registration(
        "cachectl._backends.diskcache.backend:DiskcacheBackend",
        "cachectl._backends.diskcache.options:DiskcacheOptions",
    ),
}
"""The backends that come with cachectl."""


def backends() -> list[str]:
    """Return the names of the backends, ours first."""
    return [*BACKENDS, *_plugins()]


def is_backend(name: object) -> bool:
    """Return whether there is a backend of this name, ours or an installed package's."""
    return isinstance(name, str) and (name in BACKENDS or name in _plugins())


def factory_of(name: str) -> Callable[..., Any]:
    """Return what makes the backend of this name. Raises `ConfigError` if there is none."""
    found: Callable[..., Any] = load_target(_registration(name).factory)
    return found


def options_of(name: str) -> "type[Table]":
    """Return the table of a backend's settings. Raises `ConfigError` if there is none."""
    found: type[Table] = load_target(_registration(name).options)
    return found


def _registration(name: str) -> Registration:
    found = BACKENDS.get(name) or _plugins().get(name)
    if found is None:
        raise ConfigError(f"unknown backend {name!r} (known: {', '.join(backends())})")
    return found


@cache
def _plugins() -> dict[str, Registration]:
    from importlib.metadata import entry_points  # takes tens of milliseconds

    points = entry_points(group="cachectl.backends")
    return {point.name: Registration(point.value, f"{point.value}.options") for point in points}
