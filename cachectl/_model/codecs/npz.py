"""Several numpy arrays: a tuple of them, or a dictionary of them by name.

One byte, 0 for a tuple and 1 for a dictionary; the number of arrays, 4 bytes; then for each the
length of its name, 4 bytes (0 in a tuple), and of its payload, 8 bytes, the name in UTF-8, and the
payload as `npy` writes it. All integers are little-endian.
"""

import struct
import zipfile
from collections.abc import Iterator
from io import BytesIO
from sys import getsizeof
from typing import Any, Final, TypeAlias

import numpy as np

from cachectl._model.codecs import VALUE_LIMIT
from cachectl._model.codecs.advice import advice
from cachectl._model.codecs.npy import NpyCodec
from cachectl._model.codecs.npz_archive import BROKEN, SUFFIX, members, most_inflated, read_member
from cachectl._model.codecs.raw import base64
from cachectl.errors import UnsupportedValue, UsageError

Array: TypeAlias = "np.ndarray[Any, Any]"
Arrays: TypeAlias = "tuple[Array, ...] | dict[str, Array]"

_HEAD: Final = struct.Struct("<BI")
_PART: Final = struct.Struct("<IQ")
_NAME_LIMIT: Final = 1024
_npy: Final = NpyCodec()


class NpzCodec:
    """A tuple of arrays, or a dictionary of arrays under names; at least one."""

    def encode(self, value: object) -> bytes:
        assert isinstance(value, tuple | dict)
        parts: list[bytes | memoryview] = []
        for name, array in _checked(value):
            head, elements = _npy.pieces(array)
            parts += (_PART.pack(len(name), len(head) + len(elements)), name, head, elements)
        parts.insert(0, _HEAD.pack(isinstance(value, dict), len(value)))
        return b"".join(parts)

    def encoded_size(self, value: Arrays) -> int:
        sizes = (
            _PART.size + len(name) + _npy.encoded_size(array) for name, array in _checked(value)
        )
        return _HEAD.size + sum(sizes)

    def decode(self, payload: memoryview) -> Arrays:
        try:
            kind, count = _HEAD.unpack_from(payload)
            parts = list(_parts(payload, count))
        except struct.error:
            raise ValueError("shorter than it says") from None
        names = {name for name, _ in parts}
        if kind == 0 and names == {""}:
            return tuple(array for _, array in parts)
        if kind == 1 and "" not in names and len(names) == count > 0:
            return dict(parts)
        raise ValueError("names that cannot be")

    def copy(self, value: Arrays) -> Arrays:
        if isinstance(value, dict):
            return {name: _npy.copy(array) for name, array in value.items()}
        return tuple(map(_npy.copy, value))

    def memory(self, value: object) -> int:
        assert isinstance(value, tuple | dict)
        arrays = value.values() if isinstance(value, dict) else value
        names = sum(map(getsizeof, value)) if isinstance(value, dict) else 0
        return getsizeof(value) + names + sum(map(_npy.memory, arrays))

    def parse(self, data: bytes) -> Arrays:
        try:
            with zipfile.ZipFile(BytesIO(data)) as archive:
                arrays = dict(_members(archive))
        except BROKEN:
            raise UsageError("not an .npz archive") from None
        if not arrays:
            raise UsageError("an .npz archive without arrays")
        unnamed = [f"arr_{number}" for number in range(len(arrays))]  # as numpy.savez has it
        return tuple(arrays.values()) if list(arrays) == unnamed else arrays

    def render(self, value: Arrays) -> bytes:
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in _named(value):
                archive.writestr(zipfile.ZipInfo(name + SUFFIX), _npy.render(array))
        return buffer.getvalue()

    def describe(self, value: Arrays) -> dict[str, object]:
        arrays = [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
            for name, array in _named(value)
        ]
        return {"arrays": arrays, "value_base64": base64(self.render(value))}

    def readable(self, value: Arrays) -> str:
        return "\n".join(f"{name}: {_npy.readable(array)}" for name, array in _named(value))

    def preview(self, value: Arrays) -> str:
        return "; ".join(f"{name}: {_npy.preview(array)}" for name, array in _named(value))


def _checked(value: Arrays) -> list[tuple[bytes, Array]]:
    """Return the arrays under their names, empty ones in a tuple. Raises `UnsupportedValue`."""
    arrays = list(value.values() if isinstance(value, dict) else value)
    names = list(map(_name, value)) if isinstance(value, dict) else [b""] * len(value)
    if not arrays or any(type(array) is not np.ndarray for array in arrays):
        said = f"a {type(value).__name__} of anything but numpy arrays cannot be cached"
        raise UnsupportedValue(f"{said}: {advice(type(value))}")
    return list(zip(names, arrays, strict=True))


def _name(name: object) -> bytes:
    """Return a name that an archive can have as well. Raises `UnsupportedValue`."""
    if type(name) is not str:
        raise UnsupportedValue(f"arrays have names, not a key of type {type(name).__name__}")
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        encoded = b""
    if not 0 < len(encoded) <= _NAME_LIMIT or b"\0" in encoded:
        raise UnsupportedValue(f"the name of an array is text of up to {_NAME_LIMIT} bytes")
    return encoded


def _named(value: Arrays) -> Iterator[tuple[str, Array]]:
    if isinstance(value, dict):
        yield from value.items()
    else:
        yield from ((f"arr_{number}", array) for number, array in enumerate(value))


def _parts(payload: memoryview, count: int) -> Iterator[tuple[str, Array]]:
    """Yield names and arrays. Raises `ValueError` and `struct.error` for anything else."""
    at = _HEAD.size
    for _ in range(count):
        name_length, length = _PART.unpack_from(payload, at)
        start = at + _PART.size + name_length
        at = start + length
        if at > len(payload):
            raise ValueError("shorter than it says")
        name = str(payload[start - name_length : start], "utf-8")
        yield name, _npy.decode(payload[start:at])
    if at != len(payload):
        raise ValueError("longer than it says")


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of an archive, all of them together within the limit of a value."""
    found = members(archive)
    left = min(VALUE_LIMIT, most_inflated(sum(member.compress_size for member in found)))
    for member in found:
        data = read_member(archive, member, left)
        left -= len(data)
        yield member.filename.removesuffix(SUFFIX), _npy.parse(data)
