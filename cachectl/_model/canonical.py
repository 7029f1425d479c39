"""Keys of structured features: made canonical, and hashed.

The canonical form is injective: every value is written with its type and, where its end is not
evident, its length (the netstring idea of D. J. Bernstein), so no two different features can
ever share a form. The order of a mapping does not matter; `1`, `1.0`, `True` and `"1"` differ.
"""

import math
import sys
from collections.abc import Mapping
from typing import Any, Final

from cachectl.errors import InvalidKey

DEPTH_LIMIT: Final = 100

_NOTHING: Final = b"m0:"  # the canonical form of an empty mapping

Decimals = int | Mapping[str, int] | None
"""Digits that floats are rounded to: for all of them, or for each named field."""


def feature_key(
    features: object, extra: Mapping[str, object], decimals: Decimals = None
) -> str:  # fmt: skip
    """Return the SHA-256, 64 hex digits, of features and named extras.

    Raises `InvalidKey` for a value that has no canonical form.
    """
    from hashlib import sha256  # which loads OpenSSL

    form = _canonical(features, decimals, None, DEPTH_LIMIT)
    extras = _canonical(dict(extra), decimals, None, DEPTH_LIMIT) if extra else _NOTHING
    return sha256(form + extras).hexdigest()


def canonical(value: object, decimals: Decimals = None) -> bytes:
    """Return the canonical form of one value. Raises `InvalidKey`."""
    return _canonical(value, decimals, None, DEPTH_LIMIT)


def _canonical(value: Any, decimals: Decimals, field: str | None, depth: int) -> bytes:
    if depth == 0:
        raise InvalidKey(f"features are nested more than {DEPTH_LIMIT} deep")
    kind = type(value)
    if kind is str:
        return _counted(b"s", _encoded(value))
    if kind is float:
        return b"f%b;" % _rounded(value, decimals, field).encode()
    if kind is int:
        return b"i%x;" % value
    if kind is bool:
        return b"T" if value else b"F"
    if value is None:
        return b"n"
    if kind is bytes:
        return _counted(b"y", value)
    if kind is list or kind is tuple:
        items = [_canonical(item, decimals, field, depth - 1) for item in value]
        return b"%b%d:%b" % (b"l" if kind is list else b"t", len(items), b"".join(items))
    if kind is dict or isinstance(value, Mapping):
        return _canonical_mapping(value, decimals, depth - 1)
    return _canonical_numpy(value, decimals, field)


def _canonical_mapping(value: Mapping[Any, object], decimals: Decimals, depth: int) -> bytes:
    forms = {
        canonical(key): _canonical(item, decimals, key if type(key) is str else None, depth)
        for key, item in value.items()
    }
    return b"m%d:%b" % (len(value), b"".join([key + forms[key] for key in sorted(forms)]))


def _canonical_numpy(value: Any, decimals: Decimals, field: str | None) -> bytes:
    numpy = sys.modules.get("numpy")
    if numpy is None or _is_extended(value):
        pass
    elif type(value) is numpy.ndarray and value.dtype.kind in "biufcSU":
        digits = _digits(decimals, field)
        if value.dtype.kind in "fc":
            value = (value if digits is None else value.round(digits)) + 0.0
        head = f"{value.dtype.str}{value.shape}".encode()
        return _counted(b"a", head) + _counted(b"y", value.tobytes())
    elif isinstance(value, numpy.generic) and value.dtype.kind in "biufSU":
        return _canonical(value.item(), decimals, field, 1)
    kind = type(value)
    raise InvalidKey(f"no key can be made of {kind.__module__}.{kind.__qualname__}")


def _is_extended(value: Any) -> bool:
    """Return whether numpy stores these numbers with bytes that mean nothing (`longdouble`)."""
    return getattr(getattr(value, "dtype", None), "char", "") in {"g", "G"}


def _rounded(value: float, decimals: Decimals, field: str | None) -> str:
    digits = _digits(decimals, field)
    if digits is not None and math.isfinite(value):
        value = round(value, digits)
    return repr(value + 0.0)  # adding 0.0 makes -0.0 and 0.0 one number


def _digits(decimals: Decimals, field: str | None) -> int | None:
    if isinstance(decimals, Mapping):
        return None if field is None else decimals.get(field)
    return decimals


def _counted(tag: bytes, data: bytes) -> bytes:
    return b"%b%d:%b" % (tag, len(data), data)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
