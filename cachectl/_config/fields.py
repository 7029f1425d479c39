"""The kinds of settings that namespaces and the cache as a whole have."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final

from cachectl._backends import BACKENDS, is_backend
from cachectl._config.messages import dotted, shown
from cachectl._model.policy import COMPRESSIONS, EVICTIONS
from cachectl._model.settings import DURATION, Kind, attempt, ttl
from cachectl._model.units import parse_size

KeyDecimals = int | Mapping[str, int] | None

_MOST_ENTRIES: Final = 2**53  # whole numbers are exact up to here, also in Redis scripts
_MOST_DIGITS: Final = 15


def _backend(value: object) -> object:
    if value == "tiered":
        raise ValueError(f"'tiered' is not available yet, expected {_or(BACKENDS)}")
    if not is_backend(value):
        raise ValueError
    return value


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = attempt(int, value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError
    return value


def _is_none(value: object) -> bool:
    return isinstance(value, str) and value.strip() == "none"


def _entries(value: object) -> int | None:
    return None if _is_none(value) else _whole(value, 1, _MOST_ENTRIES)


def _size(value: int | str) -> int | None:
    return attempt(parse_size, value)


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


def _one_of(choices: Sequence[str]) -> Kind:
    def parse(value: object) -> object:
        if value not in choices:
            raise ValueError
        return value

    return Kind(parse, _or(choices))


def _or(choices: Iterable[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


Backend = Annotated[str, Kind(_backend, _or(BACKENDS))]
Ttl = Annotated[float | None, Kind(ttl, f"{DURATION}, or 'none'")]
Entries = Annotated[int | None, Kind(_entries, "a whole number of at least 1, or 'none'")]
Size = Annotated[
    int | None, Kind(_size, "a size above 0 such as 512, 1.5MiB or 2GB, or 'none'")
]  # fmt: skip
Digits = Annotated[
    KeyDecimals, Kind(_decimals, "0 to 15, a table of fields with 0 to 15 each, or 'none'")
]  # fmt: skip
Eviction = Annotated[str, _one_of(EVICTIONS)]
Compression = Annotated[str, _one_of(COMPRESSIONS)]
