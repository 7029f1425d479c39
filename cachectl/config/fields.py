"""The types of settings: what is accepted, also as text, and how a message names it.

A description completes the sentence "expected …". Its validator only decides: it raises a bare
`ValueError`, or one whose text says more than the description can.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, SecretStr, ValidationInfo

from cachectl.config.messages import dotted, shown
from cachectl.errors import UsageError
from cachectl.policy import check_namespace
from cachectl.units import Duration, parse_duration, parse_size

T = TypeVar("T")
KeyDecimals = int | Mapping[str, int] | None

NAME: Final = "a name: a letter or digit, then up to 63 of A-Z a-z 0-9 . _ : -"
"""What is expected of the name of a namespace, and of other names."""

_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_DURATION: Final = "a duration above 0 such as 90, 90s, 15m, 1h30m or 7d"
_MOST_ENTRIES: Final = 2**53  # whole numbers are exact up to here, also in Redis scripts
_MOST_DIGITS: Final = 15
_URL: Final = re.compile(r"(?:redis|rediss|unix)://\S+")


class Places(NamedTuple):
    """What `~` and relative paths refer to, and the file that was read."""

    home: Path
    base: Path
    source: Path | None


def _attempt(parse: Callable[[Any], T], value: object) -> T:
    """Return `parse(value)`; whatever it objects to becomes the error that pydantic collects."""
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
    if not isinstance(value, str) or not value.isprintable() or not _URL.fullmatch(value):
        raise ValueError
    return value


def _name(value: str) -> str:
    return _attempt(check_namespace, value)


def _directory(value: object, info: ValidationInfo) -> Path:
    places = info.context
    assert isinstance(places, Places)
    text = os.fspath(value) if isinstance(value, str | Path) else ""
    first, _, rest = text.partition("/")
    if not text or "\0" in text or (first != "~" and first.startswith("~")):
        raise ValueError
    return places.home / rest.lstrip("/") if first == "~" else places.base / text


Backend = Annotated[
    Literal["memory", "file", "redis"],
    PlainValidator(_backend),
    Field(description="memory, file or redis"),
]
Boolean = Annotated[bool, PlainValidator(_boolean), Field(description="true or false")]
Seconds = Annotated[float, PlainValidator(_seconds), Field(description=_DURATION)]
Ttl = Annotated[
    float | None, PlainValidator(_ttl), Field(description=f"{_DURATION}, or 'none'")
]  # fmt: skip
Entries = Annotated[
    int | None,
    PlainValidator(_entries),
    Field(description="a whole number of at least 1, or 'none'"),
]
Size = Annotated[
    int | None,
    PlainValidator(_size),
    Field(description="a size above 0 such as 512, 1.5MiB or 2GB, or 'none'"),
]
Digits = Annotated[
    KeyDecimals,
    PlainValidator(_decimals),
    Field(description="0 to 15, a table of fields with 0 to 15 each, or 'none'"),
]
Name = Annotated[str, PlainValidator(_name), Field(description=NAME)]
Url = Annotated[
    SecretStr,
    BeforeValidator(_url),
    Field(description="a URL that begins with redis://, rediss:// or unix://"),
]
Directory = Annotated[Path, PlainValidator(_directory), Field(description="a path")]
