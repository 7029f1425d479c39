"""Making foreign text harmless for a terminal: keys and values may hold anything."""

import re
from typing import Final

# Patterns are compiled by `re` when they are first used.
_UNSAFE: Final = (
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: escapes, bells, carriage returns, newlines
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # bidirectional and invisible marks
    "\ud800-\udfff]"  # lone surrogates, which no terminal can be sent
)


def printable(text: str, backslash: str = "\\") -> str:
    """Return `text` on one line, with whatever a terminal might obey written as an escape, which begins
    with a `backslash` as the format has it.
    """
    if text.isprintable():  # most of it is
        return text
    return re.sub(_UNSAFE, lambda match: backslash + _escape(match), text)


def printable_lines(text: str) -> str:
    """Do the same, but keep line breaks and tabs."""
    return re.sub(r"[^\n\t]+", lambda match: printable(match[0]), text)


def shortened(text: str, limit: int) -> str:
    """Return `text`, printable, cut to about `limit` characters."""
    cut = printable(text[: limit + 1])
    return cut if len(cut) <= limit else f"{cut[: limit - 1]}…"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"x{code:02x}" if code < 0x100 else f"u{code:04x}"
