"""Codecs: what they write they read, and hostile payloads are refused with a ValueError."""

import struct
from io import BytesIO
from sys import getsizeof
from typing import Any

import numpy as np
import pytest

from cachectl import UnsupportedValue, UsageError
from cachectl._model import codecs, values
from cachectl._model.codecs import CODECS, VALUE_LIMIT
from cachectl._model.codecs import npz as npz_codec
from cachectl.errors import DamagedEntry
from cachectl.testing import CodecContract
from tests.golden.entries import ENTRIES


def npy(dtype: bytes, shape: tuple[int, ...], data: bytes = b"") -> bytes:
    """Return a payload of the array codec with a header as told."""
    head = bytes((len(dtype),)) + dtype + bytes((len(shape),))
    return head + struct.pack(f"<{len(shape)}q", *shape) + data


def npz(kind: int, count: int, *parts: tuple[bytes, bytes], after: bytes = b"") -> bytes:
    """Return a payload of the codec of many arrays: names and payloads behind a head as told."""
    packed = [struct.pack("<IQ", len(name), len(data)) + name + data for name, data in parts]
    return struct.pack("<BI", kind, count) + b"".join(packed) + after


ONE = npy(b"<f4", (1,), b"\0" * 4)

HOSTILE: dict[int, list[bytes]] = {
    1: [
        b"", b" ", b"{", b"nul", b"NaN", b"[Infinity]", b"-Infinity", b"1 2", b"1\n", b"\xff", b"'a'",
        b"[" * 200_000, b'{"a":' * 100_000, b"9" * 5000, b'"\x01"', b"\xef\xbb\xbf1", b'"\\ud8"',
    ],
    2: [b"\xff", b"\xc0\x80", b"abc\xe2\x82", b"\xf5\x80\x80\x80"],
    3: [],
    4: [
        b"", b"\x03", b"\x03<f4", b"\x03<f4\x01", b"\xff" * 300, npy(b"<f4", (2,), b"\0" * 7),
        npy(b"<f4", (-1,), b""), npy(b"<f4", (-1, -2), b"\0" * 8), npy(b"<f4", (2**62,), b""),
        npy(b"<f4", (2**62, 4), b""), npy(b"|O", (1,), b"\0" * 8), npy(b"O", (1,), b"\0" * 8),
        npy(b"|V4", (1,), b"\0" * 4), npy(b"f4,i4", (1,), b"\0" * 8), npy(b"a4", (1,), b"\0" * 4),
        npy(b"<f3", (1,), b"\0" * 3), npy(b"float", (1,), b"\0" * 8), npy(b"<U0", (3,), b""),
        npy(b"<U0", (2**40,), b""), npy(b"<M8[xx]", (1,), b"\0" * 8), npy(b"<M8[", (1,), b"\0" * 8),
        npy(b"\xff\xff", (1,), b"\0"), npy(b"<i4", (1,) * 70, b"\0" * 4), npy(b"S999999999", (1,), b"x"),
        npy(b"(2,)f4", (1,), b"\0" * 8), npy(b"__import__", (1,), b"\0"), npy(b"<f4", (0, 2**62, 2**62), b""),
    ],
    5: [
        b"", b"\0", npz(0, 0), npz(1, 0), npz(2, 1, (b"", ONE)), npz(0, 1), npz(0, 2, (b"", ONE)),
        npz(0, 1, (b"a", ONE)), npz(1, 1, (b"", ONE)), npz(1, 2, (b"a", ONE), (b"a", ONE)),
        npz(1, 1, (b"\xff", ONE)), npz(0, 1, (b"", b"")), npz(0, 1, (b"", ONE[:-1])),
        npz(0, 1, (b"", ONE + b"\0")), npz(0, 1, (b"", ONE), after=b"\0"), npz(0, 2**32 - 1),
        struct.pack("<BIIQ", 0, 1, 0, 2**64 - 1), struct.pack("<BIIQ", 1, 1, 2**32 - 1, 0) + ONE,
    ],
}  # fmt: skip


class OfOurs(CodecContract):
    """One of ours: its values are those whose bytes are frozen."""

    def __init_subclass__(cls) -> None:
        number = cls.registration.number
        cls.hostile = HOSTILE[number]
        cls.values = [each.value for each in ENTRIES.values() if each.entry()[0].codec == number]


class TestJson(OfOurs):
    registration = CODECS[0]


class TestText(OfOurs):
    registration = CODECS[1]


class TestBytes(OfOurs):
    registration = CODECS[2]


class TestNpy(OfOurs):
    registration = CODECS[3]


class TestNpz(OfOurs):
    registration = CODECS[4]


def test_every_codec_is_proved():
    proved = {each.registration.name for each in OfOurs.__subclasses__()}
    assert proved == {registration.name for registration in CODECS}


def test_unknown_codecs_are_damage():
    for number in (0, 6, 255):
        with pytest.raises(DamagedEntry, match=f"codec {number}"):
            codecs.decode(number, memoryview(b"1"))


def test_numbers_and_types_belong_to_one_codec_each():
    assert len({codec.number for codec in CODECS}) == len(CODECS)
    types = [name for codec in CODECS for name in codec.types]
    assert len(set(types)) == len(types)


def test_a_value_over_the_limit_is_refused():
    with pytest.raises(UnsupportedValue, match=str(VALUE_LIMIT)):
        codecs.encode(bytes(VALUE_LIMIT + 1))


def test_arrays_without_elements_of_a_size_are_refused():
    empty = np.zeros(3, [("text", "U0")])["text"]
    with pytest.raises(UnsupportedValue):
        codecs.encode(empty)


@pytest.mark.parametrize(
    "dtype",
    ["?", "i1", "<u2", ">i4", "<f2", "<f8", "<c16", "S3", "<U3", "<m8[ns]", "<M8", "<M8[25s]"],
)
def test_every_kind_of_dtype_comes_back(dtype):
    array = np.zeros((2, 3), dtype)
    number, payload = codecs.encode(array)
    found = codecs.decode(number, memoryview(payload))
    assert isinstance(found, np.ndarray)
    assert (found.dtype, found.shape, found.tobytes()) == (
        array.dtype,
        array.shape,
        array.tobytes(),
    )
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 1


@pytest.mark.parametrize(
    "array",
    [
        np.arange(50_000)[::2],
        np.arange(50_000)[::-1],
        np.arange(200_000, dtype=np.uint8)[::2],
        np.arange(50_000) % 3,
        np.broadcast_to(np.float64(3), (50_000,)),
        np.asfortranarray(np.arange(40_000).reshape(200, 200)),
        np.arange(40_000).reshape(200, 200)[:, 1:-1],
        np.array("x" * 40_000),
    ],
    ids=["every other", "backwards", "bytes", "whole", "one for all", "columns", "middle", "text"],
)
def test_a_large_array_is_encoded_in_order_wherever_its_elements_lie(array):
    """Of a large array whose elements do not lie one after the other the payload is that of a copy."""
    payload = codecs.encode(array)[1]

    assert codecs.encode(array.copy(order="C"))[1] == payload
    assert payload.endswith(array.tobytes())
    assert codecs.measure(array)[1] == len(payload)


def test_the_memory_of_json_is_that_of_its_parts():
    codec = codecs.codec(1)
    number = len("y" * 30)
    parts = ["x" * (70 + number), number / 7, number + 10**9]
    copy: Any = codec.copy(parts)
    assert codec.memory(copy) == getsizeof(copy) + sum(map(getsizeof, copy))


def test_what_documents_share_is_shared_among_them():
    codec = codecs.codec(1)
    documents = [codec.copy({"a name that many have": None, "other": True}) for _ in range(100)]
    assert codec.memory(documents[0]) < getsizeof(documents[0]) + 5
    one = {"a name that nobody else has, " + str(len(documents)): "a text" + str(len(documents))}
    copy = codec.copy(one)
    assert codec.memory(copy) == getsizeof(copy) + sum(map(getsizeof, [*one, *one.values()]))


@pytest.mark.parametrize("value", [{"a": [1, {"b": []}]}, [[{}]], np.zeros(3)], ids=repr)
def test_a_copy_stays_as_it_was(value):
    copy = codecs.codec(codecs.number_of(type(value))).copy(value)
    before = repr(copy)
    if isinstance(value, dict):
        value["a"][1]["b"].append(2)
        value["a"].append(3)
        value["c"] = 4
    elif isinstance(value, list):
        value[0][0]["a"] = 1
    else:
        value[0] = 1
    assert repr(copy) == before


@pytest.mark.parametrize(
    "value",
    [
        (), (1, 2), (np.zeros(1), 1), {"a": np.zeros(1), "b": 1}, {1: np.zeros(1)}, {"": np.zeros(1)},
        {"a\0b": np.zeros(1)}, {"\ud800": np.zeros(1)}, {"a": np.array([object])},
        (np.ma.masked_array([1]),), {"a": (np.zeros(1),)},
    ],
    ids=repr,
)  # fmt: skip
def test_what_holds_anything_but_arrays_under_names_is_refused(value):
    with pytest.raises(UnsupportedValue):
        codecs.encode(value)


def test_an_archive_of_numpy_is_read_and_one_of_ours_by_numpy(tmp_path):
    arrays: dict[str, Any] = {"a": np.arange(3), "b": np.zeros((2, 2))}
    np.savez_compressed(tmp_path / "named.npz", **arrays)
    np.savez(tmp_path / "numbered.npz", *arrays.values())
    named, numbered = (
        values.parse("npz", (tmp_path / f"{name}.npz").read_bytes())
        for name in ("named", "numbered")
    )
    assert repr(named) == repr(arrays)
    assert repr(numbered) == repr(tuple(arrays.values()))
    for value in (arrays, tuple(arrays.values())):
        read = np.load(BytesIO(values.render(value)))
        assert [array.tolist() for array in read.values()] == [[0, 1, 2], [[0, 0], [0, 0]]]


@pytest.mark.parametrize("data", [b"", b"PK", b"\x93NUMPY"])
def test_what_is_no_archive_is_refused(data):
    with pytest.raises(UsageError, match=r"\.npz"):
        values.parse("npz", data)


def test_an_archive_that_inflates_beyond_a_value_is_refused(monkeypatch):
    monkeypatch.setattr(npz_codec, "VALUE_LIMIT", 1000)
    with pytest.raises(UsageError, match="more than"):
        values.parse("npz", values.render((np.zeros(100), np.zeros(100))))
