"""Previews: short, whatever the value is and claims."""

import json
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._admin.media import begins_like, image
from cachectl._admin.preview import preview
from cachectl._model import codecs

MAGIC = b"\x89PNG\r\n\x1a\n"


def png(width, height, depth=8, colour=6):
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return MAGIC + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def jpeg(width, height, colours=3, before=b""):
    frame = struct.pack(">BHHB", 8, height, width, colours) + bytes(3 * colours)
    return b"\xff\xd8" + before + b"\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(content)) + content


def webp(kind, body):
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + body.ljust(20, b"\0")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (png(800, 600), "PNG, 800 × 600, RGBA 8 bit"),
        (png(1, 2, 1, 0), "PNG, 1 × 2, grey 1 bit"),
        (png(2**31, 2**31), "PNG, 2,147,483,648 × 2,147,483,648, RGBA 8 bit"),
        (png(3, 4, 9, 77), "PNG, 3 × 4"),
        (jpeg(640, 480), "JPEG, 640 × 480, colour 8 bit"),
        (jpeg(5, 6, 1, segment(0xE1, bytes(60_000)) + segment(0xC4, b"x") + b"\xff\xff"),
         "JPEG, 5 × 6, grey 8 bit"),
        (b"GIF89a" + struct.pack("<HH", 7, 8), "GIF, 7 × 8"),
        (webp(b"VP8X", b"\0" * 4 + b"\x1f\x03\0" + b"\x57\x02\0"), "WebP, 800 × 600"),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 799 | 599 << 14)), "WebP, 800 × 600, lossless"),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 800, 600)), "WebP, 800 × 600"),
    ],
)  # fmt: skip
def test_a_picture_is_told_by_its_header(data, said):
    found = image(data)
    assert found is not None
    assert found.said == said
    assert preview(data).lines == [f"image {said}, {len(data):,} B"]


def test_a_picture_cut_anywhere_is_bytes_that_begin_like_one():
    for whole in (png(800, 600), jpeg(640, 480), b"GIF89a" + struct.pack("<HH", 7, 8)):
        for end in range(len(whole)):
            found = image(whole[:end])
            assert found is None or found == image(whole)
    assert preview(MAGIC + b"IHDR").lines == ["bytes, 12 B, begins like PNG"]
    assert preview(png(0, 600)).lines == ["bytes, 33 B, begins like PNG"]


@given(st.sampled_from([MAGIC, b"\xff\xd8\xff", b"GIF89a", b"RIFF....WEBPVP8 ", b""]), st.binary())
def test_whatever_follows_a_beginning_is_told_in_one_line(start, rest):
    (line,) = preview(start + rest).lines
    assert len(line) < 120
    assert begins_like(start + rest) == "" or begins_like(start + rest).isprintable()


@pytest.mark.parametrize("fill", [b"\xff", b"\xff\xe0\0\0", b"\0"])
def test_a_picture_that_never_says_how_large_it_is_takes_no_time(fill):
    began = time.perf_counter()
    assert image(b"\xff\xd8\xff" + fill * (20_000_000 // len(fill))) is None
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"OggS" + bytes(2996), "bytes, 3,000 B, begins like Ogg"),
        (b"\x80\x04\x95", "bytes, 3 B, begins like a Python pickle, which is not read"),
        (b"\x01\x02\x03", "bytes, 3 B, begins like 01 02 03"),
        (bytes(range(1, 30)), "bytes, 29 B, begins like 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 …"),
        (b"", "bytes, 0 B"),
    ],
)  # fmt: skip
def test_bytes_are_told_by_their_beginning(value, line):
    assert preview(value).lines == [line]


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        (np.array([-3.125, 2.984, np.nan, np.nan], dtype="f4"),
         ["array float32, shape (4,), 16 B", "-3.12 to 2.98, mean -0.0705, 2 NaN"]),
        (np.arange(256, dtype="u1").reshape(16, 16), ["array uint8, shape (16, 16), 256 B", "0 to 255, mean 128"]),
        (np.array([np.nan]), ["array float64, shape (1,), 8 B", "all NaN"]),
        (np.array([np.inf, 1.0]), ["array float64, shape (2,), 16 B", "1 to inf, mean inf, no NaN"]),
        (np.array([True, False, True]), ["array bool, shape (3,), 3 B", "2 of 3 true"]),
        (np.zeros((0, 5)), ["array float64, shape (0, 5), 0 B"]),
        (np.array(["ab"]), ["array <U2, shape (1,), 8 B"]),
        (np.full(70_000, 60_000, dtype="f2"), ["array float16, shape (70000,), 140,000 B", "6e+04 to 6e+04, mean 6e+04, no NaN"]),
    ],
)  # fmt: skip
def test_an_array_is_told_by_what_is_in_it(array, lines):
    assert preview(array).lines == lines


def test_several_arrays_are_a_line_each_and_not_many():
    value = tuple(np.zeros(2) for _ in range(15))
    lines = preview(value).lines
    assert lines[0] == "[0]: array float64, shape (2,), 16 B, 0 to 0, mean 0, no NaN"
    assert (len(lines), lines[-1]) == (11, "… 5 more arrays")
    assert preview({"mean": np.zeros(2)}).lines[0].startswith("mean: array float64")


def test_a_small_document_is_there_as_a_whole():
    assert preview({"a": [1, None], "b": {}}).lines == json.dumps(
        {"a": [1, None], "b": {}}, indent=2
    ).split("\n")
    assert preview({"a": 1}).left_out == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(), inner, max_size=30),
)  # fmt: skip


@given(json_values)
def test_a_document_of_any_size_is_short_and_says_what_is_missing(value):
    shown = preview(value)
    assert len(shown.lines) < 150
    assert max(map(len, shown.lines)) < 700
    if not shown.left_out and not isinstance(value, str):
        assert json.loads("\n".join(shown.lines)) == value


def test_a_huge_document_takes_a_few_lines():
    value = {"rows": [{"n": n, "text": "x" * 1000} for n in range(2000)], "digits": 10**4000}
    shown = preview(value)
    assert shown.lines[:6] == [
        "{", '  "rows": [', "    {", '      "n": 0,', f'      "text": "{"x" * 50}…"', "    },"
    ]  # fmt: skip
    assert '    "… 1,990 more"' in shown.lines
    size = len(codecs.encode(value)[1])
    assert size * 0.99 < shown.left_out < size


def test_a_long_text_is_its_beginning():
    shown = preview("é\n" * 1000)
    assert "\n".join(shown.lines) == "é\n" * 250 + "…"
    assert shown.left_out == 2000 * 3 // 2 - 750


@given(st.text())
def test_a_text_is_never_long(text):
    assert sum(map(len, preview(text).lines)) <= 501
