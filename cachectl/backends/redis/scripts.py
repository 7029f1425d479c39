"""The Lua scripts beside this module: each is one atomic step on the server."""

import hashlib
import pkgutil
from functools import cache
from typing import NamedTuple


class Script(NamedTuple):
    """The text of a script, and the SHA-1 by which the server remembers it."""

    source: bytes
    sha: str


@cache
def script(name: str) -> Script:
    """Return the script `<name>.lua`, with what all scripts share in front of it."""
    source = _read("common") + _read(name)
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


def _read(name: str) -> bytes:
    source = pkgutil.get_data(__name__, f"{name}.lua")
    assert source is not None
    return source
