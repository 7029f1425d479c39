"""Names of plug-ins, imported when they are first used."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar

from cachectl.errors import ConfigError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping of names to objects that are written `"package.module:attribute"`."""

    def __init__(self, kind: str, targets: Mapping[str, str]) -> None:
        self._kind = kind
        self._targets = dict(targets)

    def __getitem__(self, name: str) -> T:
        """Import and return the object. Raises `ConfigError` for an unknown name."""
        try:
            module, _, attribute = self._targets[name].partition(":")
        except KeyError:
            known = ", ".join(self._targets)
            raise ConfigError(f"unknown {self._kind} {name!r} (known: {known})") from None
        found: T = getattr(import_module(module), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)
