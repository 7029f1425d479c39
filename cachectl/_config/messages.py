"""What is said about a wrong setting: one line each, and never a secret."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cachectl.errors import ConfigError

Keys = tuple[str, ...]
"""Where a setting is: `("namespaces", "enso", "ttl")`."""
OPTION: Final = "option"
VARIABLE: Final = "environment variable"

_BARE: Final = r"[A-Za-z0-9_-]+"
_LONGEST: Final = 60
_HUGE: Final = 10**_LONGEST


class Given(NamedTuple):
    """Where a value is from that is not from the file: an `OPTION` or a `VARIABLE`, and its name."""

    kind: str
    name: str

    def said(self, keys: Sequence[str]) -> str:
        """Return what a message about the setting at `keys` begins with."""
        name = dotted(keys)
        return f"{OPTION} {name}" if self.kind == OPTION else f"{self.kind} {self.name}: {name}"


def shown(value: object) -> str:
    """Return a value on one line, harmless to terminals; nothing of what may be a URL."""
    if isinstance(value, str):
        if "://" in value or "@" in value:
            return "text that may be a URL"
        return repr(value) if len(value) <= _LONGEST else f"{value[:_LONGEST]!r}…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < _HUGE):
        return str(value)
    if isinstance(value, int):
        return "a huge number"
    if isinstance(value, Mapping):
        return "a table"
    return "an array" if isinstance(value, list) else f"a {type(value).__name__}"


def dotted(keys: Sequence[str]) -> str:
    """Return the name of a setting as TOML would spell it."""
    return ".".join(key if re.fullmatch(_BARE, key) else shown(key) for key in keys)


def printable(text: object) -> str:
    """Return a path or a name for people, its control characters escaped."""
    plain = str(text)
    return plain if plain.isprintable() else repr(plain)


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1)), None)


def combined(problems: Sequence[str]) -> ConfigError:
    """Return one error for all problems: the only one, or a summary and a line for each."""
    if len(problems) == 1:
        return ConfigError(problems[0])
    return ConfigError("\n".join([f"{len(problems)} settings are wrong:", *problems]))
