"""Settings: tables of them, and the kinds of value that backends have in theirs.

A backend lists its settings in a `Table` of its own: a frozen dataclass whose fields have one of
these kinds. The file, the environment, the flags and the messages follow from it.
"""

import os
import re
from collections.abc import Callable
from dataclasses import Field, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NamedTuple, TypeVar

from cachectl._model.policy import check_namespace
from cachectl._model.units import Duration, parse_duration, parse_size
from cachectl.errors import UsageError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

T = TypeVar("T")

_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
DURATION: Final = "a duration above 0 such as 90, 90s, 15m, 1h30m or 7d"
SIZE: Final = "a size above 0 such as 512, 1.5MiB or 2GB"
_URL: Final = r"(?i)[a-z][a-z0-9+.-]*(?::|%3a)(?:/|%2f)"
MOST: Final = 2**53  # whole numbers are exact up to here, also in Redis scripts


class Table:
    """A table of the configuration: immutable, without unknown keys."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class NoSettings(Table):
    """The table of a backend that has no settings."""


class Kind(NamedTuple):
    """What a setting may be.

    `parse` returns the value of what was written. It raises a bare `ValueError`, or one whose
    text says more than `description`, which completes the sentence "expected …". A `secret` is
    never shown; a `path` is relative to the configuration file.
    """

    parse: Callable[[Any], object]
    description: str
    secret: bool = False
    path: bool = False

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> "CoreSchema":
        """Let pydantic parse in the same way, should it be needed."""
        from pydantic_core.core_schema import no_info_plain_validator_function

        return no_info_plain_validator_function(self.parse)


def attempt(parse: Callable[[Any], T], value: object) -> T:
    """Return `parse(value)`; whatever it objects to becomes a bare `ValueError`."""
    try:
        return parse(value)
    except (UsageError, OverflowError, ValueError):
        raise ValueError from None


def ttl(value: Duration) -> float | None:
    """Return seconds; None for "none"."""
    return attempt(parse_duration, value)


def size(value: int | str) -> int | None:
    """Return bytes; None for "none"."""
    return attempt(parse_size, value)


def whole(value: object, least: int, most: int = MOST) -> int:
    """Return a whole number from `least` to `most`. Raises `ValueError`."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = attempt(int, value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError
    return value


def located(value: object, home: Path, base: Path) -> Path:
    """Return a path, with `~` and what it is relative to resolved. Raises `ValueError`."""
    text = os.fspath(value) if isinstance(value, str | Path) else ""
    first, _, rest = text.partition("/")
    if not text or "\0" in text or (first != "~" and first.startswith("~")):
        raise ValueError
    if re.match(_URL, text):  # of which a directory would be made, its password and all
        raise ValueError
    return home / rest.lstrip("/") if first == "~" else base / text


def boolean(value: object) -> bool:
    """Return True or False, also for words. Raises `ValueError`."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[word]


def _seconds(value: Duration) -> float:
    return _some(ttl(value))


def _bytes(value: int | str) -> int:
    return _some(size(value))


def _some(value: T | None) -> T:
    if value is None:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _name(value: str) -> str:
    return attempt(check_namespace, value)


def _directory(value: object) -> Path:
    if not isinstance(value, Path) or b"\0" in os.fsencode(value):  # or it was not to be located
        raise ValueError
    return value


Boolean = Annotated[bool, Kind(boolean, "true or false")]
Whole = Annotated[int, Kind(lambda value: whole(value, 1), "a whole number of at least 1")]
Text = Annotated[str, Kind(_text, "text")]
Seconds = Annotated[float, Kind(_seconds, DURATION)]
Bytes = Annotated[int, Kind(_bytes, SIZE)]
Name = Annotated[
    str, Kind(_name, "a name: a letter or digit, then up to 63 of A-Z a-z 0-9 . _ : -")
]
Directory = Annotated[Path, Kind(_directory, "a path", path=True)]
