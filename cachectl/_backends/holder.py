"""Who holds a lock: what he leaves beside it, and what is said of it to who wants it."""

import os
import re
import time
from typing import Final

from cachectl._model.units import format_seconds

LONGEST: Final = 200
"""Bytes that are read of what somebody left beside a lock."""

_HELD: Final = r"([\w.-]{1,100}) (\d{1,10}) (\d{1,12})(?: .*)?"


def signed() -> str:
    """Return what tells others that this process holds a lock from now on."""
    host = re.sub(r"[^\w.-]", "_", os.uname().nodename, flags=re.ASCII)[:100] or "unknown"
    return f"{host} {os.getpid()} {int(time.time())}"


def said(name: str, left: bytes | None) -> str:
    """Return that somebody does what the lock `name` is for, and who, if he left that beside it."""
    held = re.fullmatch(_HELD, (left or b"")[:LONGEST].decode("ascii", "replace").strip())
    if held is None:
        return f"another {name} is running"
    seconds = max(0, int(time.time()) - int(held[3]))
    return f"a {name} has been running for {format_seconds(seconds)}, pid {held[2]} on {held[1]}"
