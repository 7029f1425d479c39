"""JSON: what Python's own `json` writes, restricted to what comes back equal."""

import json
from sys import getsizeof
from typing import Final, NoReturn

from cachectl.errors import UnsupportedValue

DEPTH_LIMIT: Final = 100
_LEAVES: Final = frozenset((str, int, float, bool, type(None)))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decode: Final = json.JSONDecoder(parse_constant=_refuse).raw_decode
_encode: Final = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


class JsonCodec:
    """dict with string keys, list, str, int, finite float, bool and None, exactly these."""

    def encode(self, value: object) -> bytes:
        _check(value, "$", DEPTH_LIMIT)
        try:
            return _encode.encode(value).encode()
        except ValueError:
            raise UnsupportedValue("JSON has no NaN and no infinity") from None

    def decode(self, payload: memoryview) -> object:
        text = str(payload, "ascii")
        try:
            value, end = _decode(text)
        except RecursionError:
            raise ValueError("nested too deep") from None
        if end != len(text):
            raise ValueError("more than JSON")
        return value

    def memory(self, value: object) -> int:
        return _memory(value, set())


def _check(value: object, path: str, depth: int) -> None:
    kind = type(value)
    if kind in _LEAVES:
        return
    if depth == 0:
        raise UnsupportedValue(f"a value nested more than {DEPTH_LIMIT} deep cannot be cached")
    if kind is list:
        for item in value:  # type: ignore[attr-defined]
            if type(item) not in _LEAVES:
                _check(item, f"{path}[…]", depth - 1)
    elif kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise UnsupportedValue(
                    f"a key of type {type(key).__name__} at {path} is not JSON (a string is)"
                )
            if type(item) not in _LEAVES:
                _check(item, f"{path}.{key:.40}", depth - 1)
    else:
        raise UnsupportedValue(f"a value of type {kind.__qualname__} at {path} is not JSON")


def _memory(value: object, seen: set[int]) -> int:
    if value is None or value is True or value is False or id(value) in seen:
        return 0
    seen.add(id(value))
    size = getsizeof(value)
    if type(value) is dict:
        size += sum(_memory(key, seen) + _memory(item, seen) for key, item in value.items())
    elif type(value) is list:
        size += sum(_memory(item, seen) for item in value)
    return size
