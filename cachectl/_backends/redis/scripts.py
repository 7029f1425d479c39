"""The Lua scripts beside this module: each is one atomic step on the server."""

import hashlib
import pkgutil
from functools import cache
from typing import Final, NamedTuple

_MODULES: Final = ("removal", "lrfu", "leases")
"""What few calls need: functions `<name>_module`, which run when they are called."""


class Script(NamedTuple):
    """The text of a script, and the SHA-1 by which the server remembers it."""

    source: bytes
    sha: str


@cache
def script(name: str) -> Script:
    """Return the script `<name>.lua`, with what all scripts share in front of it."""
    modules = (f"local function {module}_module()\n{_read(module)}end\n" for module in _MODULES)
    source = "".join((_read("common"), *modules, _read(name))).encode()
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


def _read(name: str) -> str:
    source = pkgutil.get_data(__name__, f"lua/{name}.lua")
    assert source is not None
    return source.decode()
