"""JSON: what Python's own `json` writes, restricted to what comes back equal.

msgspec writes and reads it, several times faster (`make bench ROW=decision-json`), where it
writes the very same bytes. `json` does the rest: text beyond ASCII, floats that take an exponent,
lone surrogates.
"""

import json
from collections.abc import Iterable
from functools import cache
from sys import getrefcount, getsizeof
from typing import Any, Final, NoReturn

from cachectl._model.codecs.advice import advice
from cachectl._model.codecs.text import utf8
from cachectl.errors import UnsupportedValue

DEPTH_LIMIT: Final = 100
_LEAVES: Final = frozenset((str, int, bool, type(None)))
_SCALARS: Final = _LEAVES | {float}
_HOLDERS: Final = frozenset((dict, list))
_FEW: Final = 500
"""Documents after which msgspec pays: to import it takes as long as it has saved by then."""
_LARGE: Final = 1024 * 1024
"""Bytes of a document that is as many: and `json` would have the text of it beside it."""
_BOM: Final = b"\xef\xbb\xbf"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decode: Final = json.JSONDecoder(parse_constant=_refuse).raw_decode
_encode: Final = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


class JsonCodec:
    """dict with string keys, list, str, int, finite float, bool and None, exactly these."""

    def __init__(self) -> None:
        self._documents = 0

    def encode(self, value: object) -> bytes:
        plain = type(value) not in _SCALARS and _is_plain(value, value, DEPTH_LIMIT)
        try:
            if plain and self._many():
                data: bytes = _msgspec().json.encode(value)
                if data.isascii() and b"\x7f" not in data:
                    return data
        except ValueError:
            pass  # a lone surrogate, or what `json` objects to as well
        try:
            return _encode.encode(value).encode()
        except ValueError as error:
            is_float = "float" in str(error)
            what = "no NaN and no infinity" if is_float else "no number of so many digits"
            raise UnsupportedValue(f"JSON has {what}") from None

    def decode(self, payload: memoryview) -> object:
        if self._many() or len(payload) >= _LARGE:
            library = _msgspec()
            try:
                value: object = library.json.decode(payload)
            except (library.DecodeError, RecursionError):
                return _decoded(payload)
            if payload[0] > 0x20 and payload[-1] > 0x20:  # it passes over white space
                return value
        return _decoded(payload)

    def copy(self, value: object) -> object:
        return value if type(value) in _SCALARS else _msgspec().to_builtins(value)

    def memory(self, value: object) -> int:
        return _memory(value)

    def parse(self, data: bytes) -> object:
        from cachectl._model.codecs.strict_json import parse_json

        return parse_json(utf8(data.removeprefix(_BOM)))

    def render(self, value: object) -> bytes:
        return f"{json.dumps(value)}\n".encode()

    def describe(self, value: object) -> dict[str, object]:
        return {"value": value}

    def readable(self, value: object) -> str:
        return json.dumps(value, indent=2)

    def preview(self, value: object) -> str:
        return json.dumps(value)

    def _many(self) -> bool:
        """Count a document, and return whether there were more than a few."""
        if self._documents >= _FEW:
            return True
        self._documents += 1
        return False


@cache
def _msgspec() -> Any:
    import msgspec.json

    return msgspec


def _is_plain(value: Any, whole: object, depth: int) -> bool:
    """Return whether every library writes the floats in a list or dictionary alike, a part of `whole`.

    Raises `UnsupportedValue` for what would not come back equal.
    """
    if depth == 0:
        raise UnsupportedValue(f"a value nested more than {DEPTH_LIMIT} deep cannot be cached")
    items: Iterable[Any] = value
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                name, place = type(key).__name__, _path(value, whole)
                raise UnsupportedValue(f"a key of type {name} at {place} is not JSON (a string is)")
        items = value.values()
    elif type(value) is not list:
        name, place, way = type(value).__qualname__, _path(value, whole), advice(type(value))
        raise UnsupportedValue(f"a value of type {name} at {place} is not JSON: {way}")
    plain = True
    for item in items:
        kind = type(item)
        if kind is str:  # most are
            continue
        if kind is float:
            if not (1e-4 <= item < 1e16 or -1e16 < item <= -1e-4 or item == 0):
                plain = False
        elif kind not in _LEAVES and not _is_plain(item, whole, depth - 1):
            plain = False
    return plain


def _path(part: object, whole: Any) -> str:
    """Return where a part of a value is in it, for people: `$.a[…]`."""
    paths, holders = {id(whole): "$"}, [whole]
    for holder in holders:
        if id(part) in paths:
            break
        is_list = type(holder) is list
        for name, item in enumerate(holder) if is_list else holder.items():
            if id(item) not in paths:
                paths[id(item)] = paths[id(holder)] + ("[…]" if is_list else f".{name!s:.40}")
                if type(item) in _HOLDERS:
                    holders.append(item)
    return paths[id(part)]


def _decoded(payload: memoryview) -> object:
    text = str(payload, "ascii")
    try:
        value, end = _decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if end != len(text):
        raise ValueError("more than JSON")
    return value


def _memory(value: object) -> int:
    """Return what a copy weighs, walking through it once: dictionaries and lists, and its share of what
    it shares with others. Of what the collector does not know, `__sizeof__` is all, at an eighth of
    the cost of `getsizeof`.
    """
    size = 0.0
    left: list[Any] = [value]
    for item in left:
        kind = type(item)
        if kind is dict:
            size += getsizeof(item)
            for name in item:
                users = getrefcount(name) - 2
                size += name.__sizeof__() if users <= 2 else name.__sizeof__() * 2 / users
            left += item.values()
        elif kind is list:
            size += getsizeof(item)
            left += item
        else:
            users = getrefcount(item) - 3
            size += item.__sizeof__() if users <= 2 else item.__sizeof__() * 2 / users
    return int(size)
