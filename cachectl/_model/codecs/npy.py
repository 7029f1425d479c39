"""numpy arrays: dtype, shape and bytes behind a header of our own.

The header is read in two microseconds where that of the `.npy` format, a Python literal,
takes forty: one byte with the length of the dtype string, the dtype string (as
`numpy.dtype.str`), one byte with the number of dimensions, each dimension as a little-endian
64-bit integer; then the elements in C order.
"""

import re
import struct
from functools import lru_cache
from io import BytesIO
from math import prod
from sys import getsizeof
from typing import Any, Final

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0, read_magic

from cachectl._model.codecs.raw import base64
from cachectl.errors import UnsupportedValue, UsageError

_HEADER_LIMIT: Final = 64 * 1024
"""Bytes in which the header of a file is; numpy reads a tenth of that."""
_LARGE: Final = 64 * 1024
"""Bytes from which a copy takes longer than a view."""
_KINDS: Final = frozenset("biufcSUmM")
_DTYPE: Final = re.compile(r"[<>|][biufcSUmM][1-9]\d{0,8}(\[\w+\])?", re.ASCII)


class NpyCodec:
    """Arrays of booleans, numbers, fixed-width strings and times; returned read-only."""

    def encode(self, value: object) -> bytes:
        assert isinstance(value, np.ndarray)
        return b"".join(self.pieces(value))

    def encoded_size(self, value: np.ndarray[Any, Any]) -> int:
        return len(_head(value)) + value.nbytes

    def pieces(self, value: np.ndarray[Any, Any]) -> tuple[bytes, bytes | memoryview]:
        """Return what `encode` joins; the elements of a large one are not copied, unless others lie
        between them.
        """
        if value.nbytes < _LARGE:
            return _head(value), value.tobytes()
        elements = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        return _head(value), memoryview(elements)  # type: ignore[arg-type]

    def decode(self, payload: memoryview) -> np.ndarray[Any, Any]:
        try:
            end = 1 + payload[0]
            dtype = _dtype(str(payload[1:end], "ascii"))
            shape = struct.unpack_from(f"<{payload[end]}q", payload, end + 1)
        except (IndexError, struct.error, TypeError):
            raise ValueError("no array header") from None
        start = end + 1 + 8 * len(shape)
        if prod(shape) * dtype.itemsize != len(payload) - start:
            raise ValueError("the header does not fit the elements")
        return np.ndarray(shape, dtype, payload, start)  # read-only, as the payload is

    def copy(self, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        copied = np.array(value, order="C")
        copied.setflags(write=False)
        return copied

    def memory(self, value: object) -> int:
        return getsizeof(value)

    def parse(self, data: bytes) -> np.ndarray[Any, Any]:
        return read_npy(data)

    def render(self, value: np.ndarray[Any, Any]) -> bytes:
        buffer = BytesIO()
        np.save(buffer, value, allow_pickle=False)
        return buffer.getvalue()

    def describe(self, value: np.ndarray[Any, Any]) -> dict[str, object]:
        return {
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "value_base64": base64(self.render(value)),
        }

    def readable(self, value: np.ndarray[Any, Any]) -> str:
        return f"array of {value.dtype}, shape {value.shape}\n{value}"

    def preview(self, value: np.ndarray[Any, Any]) -> str:
        extent = ""
        if value.size and value.dtype.kind in "iuf":
            extent = f", {value.min()} … {value.max()}"
        return f"array of {value.dtype}, shape {value.shape}{extent}"


def read_npy(data: bytes) -> np.ndarray[Any, Any]:
    """Return the array that the content of a `.npy` file holds, read-only. Raises `UsageError`, before
    anything is given memory, if the header says that there is more than there is.
    """
    try:
        start, shape, in_columns, dtype = _header(data)
        array = np.ndarray(prod(shape), dtype, data, start)  # refuses more than there is
        return array.reshape(shape, order="F" if in_columns else "C")
    except _PythonObjects:
        raise UsageError("an array of Python objects") from None
    except Exception:  # noqa: BLE001 - a hostile header raises nearly anything
        raise UsageError("not an array in .npy format") from None


class _PythonObjects(Exception):
    """An array whose elements would have to be unpickled."""


def _header(data: bytes) -> tuple[int, tuple[int, ...], bool, np.dtype[Any]]:
    """Return where the elements begin, and what they are. Raises nearly anything."""
    file = BytesIO(_today(data[:_HEADER_LIMIT]))
    version = read_magic(file)
    read = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}[version]
    shape, in_columns, dtype = read(file)
    if dtype.hasobject:
        raise _PythonObjects
    return file.tell(), shape, in_columns, dtype


def _today(data: bytes) -> bytes:
    """Return what Python 2 wrote as Python 3 writes it: of long integers, which end with an L, numpy warns
    everybody.
    """
    header = data[: 10 + int.from_bytes(data[8:10], "little")]
    return (
        re.sub(rb"(?<=\d)L(?=[,)])", b" ", header) + data[len(header) :] if b"L" in header else data
    )


def _head(value: np.ndarray[Any, Any]) -> bytes:
    """Return what stands before the elements. Raises `UnsupportedValue`."""
    if value.dtype.kind not in _KINDS or not value.dtype.itemsize:
        raise UnsupportedValue(f"an array of dtype {value.dtype} cannot be cached")
    dtype = value.dtype.str.encode()
    shape = struct.pack(f"<{value.ndim}q", *value.shape)
    return b"%c%b%c%b" % (len(dtype), dtype, value.ndim, shape)


@lru_cache(maxsize=256)
def _dtype(text: str) -> np.dtype[Any]:
    if not _DTYPE.fullmatch(text):  # numpy would read much more: structures, old names
        raise ValueError("no dtype that is encoded here")
    return np.dtype(text)
