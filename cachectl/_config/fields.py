"""The kinds of settings that namespaces and the cache as a whole have."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final

from cachectl._backends import BACKENDS, backends, is_backend
from cachectl._config.messages import dotted, shown
from cachectl._model.arguments import either
from cachectl._model.policy import COMPRESSIONS, EVICTIONS, KEYS
from cachectl._model.settings import DURATION, SIZE, Kind, boolean, size, ttl, whole

KeyDecimals = int | Mapping[str, int] | None

_MOST_DIGITS: Final = 15


def _backend(value: object) -> object:
    if value == "tiered":
        raise ValueError(f"'tiered' is not available yet, expected {either(BACKENDS)}")
    if not is_backend(value):
        raise ValueError(f"expected {either(backends())}, found {shown(value)}")
    return value


def _is_none(value: object) -> bool:
    return isinstance(value, str) and value.strip() == "none"


def _entries(value: object) -> int | None:
    return None if _is_none(value) else whole(value, 1)


def _decimals(value: object) -> KeyDecimals:
    if isinstance(value, Mapping):
        return MappingProxyType({name: _digits(item, name) for name, item in value.items()})
    return None if _is_none(value) else whole(value, 0, _MOST_DIGITS)


def _digits(value: object, name: str) -> int:
    try:
        return whole(value, 0, _MOST_DIGITS)
    except ValueError:
        place = dotted((name,))
        raise ValueError(f"expected 0 to 15 for {place}, found {shown(value)}") from None


def _one_of(choices: Sequence[str]) -> Kind:
    def parse(value: object) -> object:
        if value not in choices:
            raise ValueError
        return value

    return Kind(parse, either(choices))


def _labels(value: object) -> bool | None:
    return None if value is None or value == "auto" else boolean(value)


Backend = Annotated[str, Kind(_backend, either(BACKENDS))]
Ttl = Annotated[float | None, Kind(ttl, f"{DURATION}, or 'none'")]
Entries = Annotated[int | None, Kind(_entries, "a whole number of at least 1, or 'none'")]
Size = Annotated[int | None, Kind(size, f"{SIZE}, or 'none'")]
Digits = Annotated[
    KeyDecimals, Kind(_decimals, "0 to 15, a table of fields with 0 to 15 each, or 'none'")
]  # fmt: skip
Eviction = Annotated[str, _one_of(EVICTIONS)]
KeyForm = Annotated[str, _one_of(KEYS)]
Labels = Annotated[bool | None, Kind(_labels, "true, false, or 'auto'")]
Compression = Annotated[str, _one_of(COMPRESSIONS)]
