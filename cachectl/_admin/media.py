"""What bytes are, as far as their beginning tells: nothing is decoded, and no claim is believed
beyond its number.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS: Final = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
_NO_FRAME: Final = frozenset((0xC4, 0xC8, 0xCC))  # tables among the markers of frames
_SEGMENTS: Final = 500
_HEAD: Final = 1 << 20
"""Bytes in which a picture has to say how large it is."""
_BEGINNINGS: Final = (
    (rb"OggS", "Ogg"), (rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd]", "MP3"),
    (rb"RIFF....WAVE", "WAV"), (rb"fLaC", "FLAC"), (rb"....ftyp", "MP4"),
    (rb"\x1aE\xdf\xa3", "Matroska or WebM"), (rb"%PDF-", "PDF"), (rb"PK\x03\x04", "a ZIP archive"),
    (rb"\x1f\x8b", "gzip"), (rb"\x28\xb5\x2f\xfd", "Zstandard"), (rb"BZh", "bzip2"),
    (rb"SQLite format 3\0", "SQLite"), (rb"\x7fELF", "a program"),
    (rb"\x93NUMPY", "a numpy array"), (rb"\x80[\x02-\x05]", "a Python pickle, which is not read"),
    (re.escape(_PNG), "PNG"), (rb"\xff\xd8\xff", "JPEG"), (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WebP"), (rb"\s*[\[{\"]", "JSON"), (rb"\s*<", "XML or HTML"),
)  # fmt: skip


class Image(NamedTuple):
    """What the header of a picture says."""

    form: str
    width: int
    height: int
    pixels: str = ""

    @property
    def said(self) -> str:
        size = f"{self.form}, {self.width:,} × {self.height:,}"
        return f"{size}, {self.pixels}" if self.pixels else size


def image(data: bytes) -> Image | None:
    """Return what the header of a PNG, JPEG, GIF or WebP says; None if it is none, or is broken."""
    head = data[:_HEAD]
    found = next(
        (read(head) for begins, read in _IMAGES if re.match(begins, head, re.DOTALL)), None
    )
    return found if found and found.width and found.height else None


def begins_like(data: bytes) -> str:
    """Return what bytes begin like, in words; nothing if that is not known."""
    head = data[:64]
    return next((what for begins, what in _BEGINNINGS if re.match(begins, head, re.DOTALL)), "")


def _png(data: bytes) -> Image | None:
    if len(data) < 26 or data[12:16] != b"IHDR":
        return None
    colour = _PNG_COLOURS.get(data[25])
    width, height = _number(data, 16, 4), _number(data, 20, 4)
    return Image("PNG", width, height, f"{colour} {data[24]} bit" if colour else "")


def _gif(data: bytes) -> Image | None:
    if len(data) < 10:
        return None
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
    return Image("GIF", width, height)


def _jpeg(data: bytes) -> Image | None:
    """Return what the first frame says, before which there are segments of other kinds."""
    at = 2
    for _ in range(_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":  # filled up
            at += 1
        if len(data) < at + 10 or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            colours = {1: "grey", 3: "colour", 4: "CMYK"}.get(data[at + 9])
            pixels = f"{colours} {data[at + 4]} bit" if colours else ""
            return Image("JPEG", _number(data, at + 7, 2), _number(data, at + 5, 2), pixels)
        at += 2 + _number(data, at + 2, 2)
    return None


def _webp(data: bytes) -> Image | None:
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return Image("WebP", width, height)
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return Image("WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), "lossless")
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        return Image("WebP", width, height)
    return None


def _number(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "big")


_IMAGES: Final[tuple[tuple[bytes, Callable[[bytes], Image | None]], ...]] = (
    (re.escape(_PNG), _png), (rb"\xff\xd8\xff", _jpeg), (rb"GIF8[79]a", _gif),
    (rb"RIFF....WEBP", _webp),
)  # fmt: skip
