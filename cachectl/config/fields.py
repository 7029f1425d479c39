"""The types of settings: what is accepted, also as text, and how a message names it."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, TypeVar

from cachectl.config.messages import dotted, shown
from cachectl.errors import UsageError
from cachectl.policy import COMPRESSIONS, EVICTIONS, check_namespace
from cachectl.units import Duration, parse_duration, parse_size

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

T = TypeVar("T")
KeyDecimals = int | Mapping[str, int] | None

_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_DURATION: Final = "a duration above 0 such as 90, 90s, 15m, 1h30m or 7d"
_MOST_ENTRIES: Final = 2**53  # whole numbers are exact up to here, also in Redis scripts
_MOST_DIGITS: Final = 15
_URL: Final = r"(?:redis|rediss|unix)://\S+"


class Kind(NamedTuple):
    """What a setting may be.

    `parse` returns the value of what was written. It raises a bare `ValueError`, or one whose
    text says more than `description`, which completes the sentence "expected …".
    """

    parse: Callable[[Any], object]
    description: str
    secret: bool = False

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> "CoreSchema":
        """Let pydantic parse in the same way, should it be needed."""
        from pydantic_core.core_schema import no_info_plain_validator_function

        return no_info_plain_validator_function(self.parse)


def _attempt(parse: Callable[[Any], T], value: object) -> T:
    """Return `parse(value)`; whatever it objects to becomes a bare `ValueError`."""
    try:
        return parse(value)
    except (UsageError, OverflowError, ValueError):
        raise ValueError from None


def _backend(value: object) -> object:
    if value == "tiered":
        raise ValueError("'tiered' is not available yet, expected memory, file or redis")
    if value not in ("memory", "file", "redis"):
        raise ValueError
    return value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[word]


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = _attempt(int, value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError
    return value


def _is_none(value: object) -> bool:
    return isinstance(value, str) and value.strip() == "none"


def _ttl(value: Duration) -> float | None:
    return _attempt(parse_duration, value)


def _seconds(value: Duration) -> float:
    seconds = _ttl(value)
    if seconds is None:
        raise ValueError
    return seconds


def _entries(value: object) -> int | None:
    return None if _is_none(value) else _whole(value, 1, _MOST_ENTRIES)


def _size(value: int | str) -> int | None:
    return _attempt(parse_size, value)


def _decimals(value: object) -> KeyDecimals:
    if isinstance(value, Mapping):
        return MappingProxyType({name: _digits(item, name) for name, item in value.items()})
    return None if _is_none(value) else _whole(value, 0, _MOST_DIGITS)


def _digits(value: object, name: str) -> int:
    try:
        return _whole(value, 0, _MOST_DIGITS)
    except ValueError:
        place = dotted((name,))
        raise ValueError(f"expected 0 to 15 for {place}, found {shown(value)}") from None


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not re.fullmatch(_URL, value):
        raise ValueError
    return value


def _name(value: str) -> str:
    return _attempt(check_namespace, value)


def located(value: object, home: Path, base: Path) -> Path:
    """Return a path, with `~` and what it is relative to resolved. Raises `ValueError`."""
    text = os.fspath(value) if isinstance(value, str | Path) else ""
    first, _, rest = text.partition("/")
    if not text or "\0" in text or (first != "~" and first.startswith("~")):
        raise ValueError
    return home / rest.lstrip("/") if first == "~" else base / text


def _directory(value: object) -> Path:
    if not isinstance(value, Path) or "\0" in str(value):  # or it was not to be located
        raise ValueError
    return value


def _one_of(choices: Sequence[str]) -> Kind:
    def parse(value: object) -> object:
        if value not in choices:
            raise ValueError
        return value

    *others, last = choices
    return Kind(parse, f"{', '.join(others)} or {last}" if others else last)


Backend = Annotated[
    Literal["memory", "file", "redis"], Kind(_backend, "memory, file or redis")
]  # fmt: skip
Boolean = Annotated[bool, Kind(_boolean, "true or false")]
Seconds = Annotated[float, Kind(_seconds, _DURATION)]
Ttl = Annotated[float | None, Kind(_ttl, f"{_DURATION}, or 'none'")]
Entries = Annotated[int | None, Kind(_entries, "a whole number of at least 1, or 'none'")]
Size = Annotated[
    int | None, Kind(_size, "a size above 0 such as 512, 1.5MiB or 2GB, or 'none'")
]  # fmt: skip
Digits = Annotated[
    KeyDecimals, Kind(_decimals, "0 to 15, a table of fields with 0 to 15 each, or 'none'")
]  # fmt: skip
Eviction = Annotated[str, _one_of(EVICTIONS)]
Compression = Annotated[str, _one_of(COMPRESSIONS)]
Name = Annotated[
    str, Kind(_name, "a name: a letter or digit, then up to 63 of A-Z a-z 0-9 . _ : -")
]
Url = Annotated[
    str, Kind(_url, "a URL that begins with redis://, rediss:// or unix://", secret=True)
]  # fmt: skip
Directory = Annotated[Path, Kind(_directory, "a path")]
