"""Values from outside: strict JSON, text, bytes and arrays. What is wrong is a `UsageError`
that does not show the value.
"""

import json
import math
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

from cachectl.errors import UsageError


def parse_json(text: str) -> Any:
    """Return what a JSON text says. Names that repeat, NaN and infinity are refused."""
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"not JSON at character {error.pos + 1}: {error.msg}") from None
    except RecursionError:
        raise UsageError("JSON that is nested too deep") from None
    except ValueError:
        raise UsageError("JSON with a number of too many digits") from None


def decode_text(data: bytes) -> str:
    """Return UTF-8 as text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 at byte {error.start + 1}") from None


def decode_array(data: bytes) -> object:
    """Return the array that the content of a `.npy` file holds. Object arrays are refused."""
    from io import BytesIO

    from numpy.lib.format import read_array

    try:
        return read_array(BytesIO(data), allow_pickle=False)
    except Exception as error:  # noqa: BLE001 - a hostile header raises nearly anything
        if str(error).startswith("Object arrays"):
            raise UsageError("an array of Python objects") from None
        raise UsageError("not an array in .npy format") from None


def _json_document(data: bytes) -> object:
    return parse_json(decode_text(data.removeprefix(b"\xef\xbb\xbf")))


_DECODERS: Final[dict[str, Callable[[bytes], object]]] = {
    "json": _json_document,
    "text": decode_text,
    "bytes": bytes,
    "npy": decode_array,
}
_SUFFIXES: Final = {".json": "json", ".txt": "text", ".npy": "npy"}

TYPES: Final = tuple(_DECODERS)


def decode(kind: str, data: bytes) -> object:
    """Return the value that `data` is, taken as one of `TYPES`."""
    return _DECODERS[kind](data)


def type_of(filename: str) -> str:
    """Return the type that the suffix of a file says; `bytes` for those we do not know."""
    return _SUFFIXES.get(PurePath(filename).suffix.lower(), "bytes")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UsageError("JSON in which an object has the same name twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UsageError("JSON has no NaN and no infinity")
    return number


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite
)
