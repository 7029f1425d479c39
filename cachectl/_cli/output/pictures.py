"""Pictures on terminals that say in their environment that they can show some."""

import os
from binascii import b2a_base64
from typing import Final

from cachectl._admin.media import image

_LARGEST: Final = 16 * 1024 * 1024
_PART: Final = 4096
_INLINE: Final = frozenset(("iTerm.app", "WezTerm"))


def drawn(data: bytes) -> str | None:
    """Return what has the terminal draw a picture; None if it cannot, or this is none."""
    found = image(data)
    if found is None or len(data) > _LARGEST or os.environ.get("TMUX"):
        return None
    encoded = b2a_base64(data, newline=False).decode()
    if _is_kitty():
        return _for_kitty(encoded) if found.form == "PNG" else None
    if os.environ.get("TERM_PROGRAM") in _INLINE or os.environ.get("LC_TERMINAL") == "iTerm2":
        return f"\x1b]1337;File=inline=1;size={len(data)}:{encoded}\a"
    return None


def _is_kitty() -> bool:
    return "KITTY_WINDOW_ID" in os.environ or os.environ.get("TERM") == "xterm-kitty"


def _for_kitty(encoded: str) -> str:
    """Return commands of kitty's graphics protocol, each with a part of a PNG."""
    parts = [encoded[at : at + _PART] for at in range(0, len(encoded), _PART)]
    commands = []
    for at, part in enumerate(parts):
        head = "a=T,f=100,q=2," if at == 0 else ""
        commands.append(f"\x1b_G{head}m={int(at < len(parts) - 1)};{part}\x1b\\")
    return "".join(commands)
