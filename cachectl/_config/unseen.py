"""What nobody sees in a setting and nobody meant: white space at its ends, control characters."""

import os
import re
from typing import Final

_NAMES: Final = {"\r": "a carriage return", "\n": "a line break", "\t": "a tab", "\0": "a NUL"}
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f]"
_AROUND: Final = "[\\s\ufeff\u200b\u2060]"


def unseen(value: object) -> str | None:
    """Return what is wrong with a text or path that has such; None if nothing is. It shows no secret."""
    if not isinstance(value, str | os.PathLike):
        return None
    text = os.fspath(value)
    if not isinstance(text, str):
        return None
    if text.isprintable() and text.strip() == text:
        return None  # nearly always, and no expression is compiled for it
    if found := re.search(_CONTROL, text):
        name = _NAMES.get(found[0], f"the control character \\x{ord(found[0]):02x}")
        return f"expected no control characters, found {name} {_where(text, found)}"
    if found := re.search(rf"^{_AROUND}|{_AROUND}$", text):
        return f"expected no white space around it, found some {_where(text, found)}"
    return None


def _where(text: str, found: re.Match[str]) -> str:
    if not text[found.end() :].strip():
        return "at its end"
    return "in it" if text[: found.start()].strip() else "at its beginning"
