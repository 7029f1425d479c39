"""The signs that tables are made of, and the same for terminals that draw only ASCII."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple, TextIO


class Glyphs(NamedTuple):
    """Each takes one cell, but for `more`, `least` and `trend`, which has one for each step from none to all."""

    full: str
    empty: str
    trend: str
    idle: str
    unknown: str
    more: str
    between: str
    about: str
    least: str


UNICODE: Final = Glyphs("■", "·", "▁▂▃▄▅▆▇", "·", "–", "…", " · ", "≈", "≥")
ASCII: Final = Glyphs("#", ".", "0123456789", ".", "-", "...", " | ", "~", ">=")
_PLAIN: Final = {ord("µ"): "u", ord("×"): "x"}
_PLAIN_TERMINALS: Final = frozenset(("dumb", "linux"))


def glyphs_for(stream: TextIO) -> Glyphs:
    """Return the signs that a stream can show; `CACHECTL_ASCII=1` asks for the plain ones."""
    asked = os.environ.get("CACHECTL_ASCII", "") not in {"", "0"}
    is_plain = stream.isatty() and os.environ.get("TERM") in _PLAIN_TERMINALS
    is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
    return ASCII if asked or is_plain or not is_utf8 else UNICODE


def in_signs(text: str, glyphs: Glyphs) -> str:
    """Return words of ours, such as `38 µs`, in the signs that a stream can show."""
    return text.translate(_PLAIN) if glyphs is ASCII else text


def meter(share: float | None, glyphs: Glyphs, cells: int = 8) -> str:
    """Return a bar, rounded down: its first cell is full for anything, its last one for all alone."""
    if share is None:
        return ""
    full = min(cells, max(int(share * cells), 1 if share > 0 else 0))
    return glyphs.full * full + glyphs.empty * (cells - full)


def bar(share: float, glyphs: Glyphs, cells: int = 20) -> str:
    """Return a bar of a share of a whole, rounded; nothing but a share of nothing is empty."""
    full = min(cells, max(round(share * cells), 1 if share > 0 else 0))
    return glyphs.full * full + glyphs.empty * (cells - full)


def trend(shares: Sequence[float | None], glyphs: Glyphs) -> str:
    """Return a sign for each share, from 0 to 1; None is a time in which nothing happened."""
    steps = len(glyphs.trend)
    return "".join(
        glyphs.idle if share is None else glyphs.trend[min(steps - 1, int(share * steps))]
        for share in shares
    )
