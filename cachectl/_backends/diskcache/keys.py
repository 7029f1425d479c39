"""Names of keys, for people and the command line: as Python writes them.

A text is its own name. Numbers and bytes are literals, `7` and `b'a'`, and a text that looks
like one of these is quoted: `'7'`. A pickled key, which is never loaded, is named by the row it
is in: `pickled:12`, in a shard `pickled:003/12`. So no two keys have one name.
"""

import re
from ast import literal_eval
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

SHOWN: Final = 1024
"""Characters or bytes of a key that are read for a listing: a longer one cannot be asked for."""

_ESCAPED: Final = r"\\(?:[\\'\"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
_QUOTED: Final = rf"b?(?:'(?:[^'\\]|{_ESCAPED})*'|\"(?:[^\"\\]|{_ESCAPED})*\")"
_PICKLED: Final = r"(?a)pickled:(?:(\d{3})/)?(\d{1,18})"

_BEGINNINGS: Final = frozenset("0123456789-'\"binp")
"""Of all that is not just a text: numbers, `inf`, `nan`, quotes, `b''`, `pickled:`."""


class PickledKey(NamedTuple):
    """The place of a key that is not read; a database that is no shard has an empty name."""

    shard: str
    row: int

    def __repr__(self) -> str:
        return f"pickled:{self.shard}/{self.row}" if self.shard else f"pickled:{self.row}"


Key = str | int | float | bytes | PickledKey


def name_of(key: Key) -> str:
    """Return the name of a key."""
    if isinstance(key, str) and key and literal(key) is None:
        return key
    return repr(key)


def keys_of(name: str) -> Iterator[Key]:
    """Yield the key of this name, then what else may be meant: `7` is also said for `'7'`."""
    key = literal(name)
    if key is not None:
        yield key
    yield name


def literal(name: str) -> Key | None:
    """Return the key that is written like this; None if it is just a text."""
    if name[:1] not in _BEGINNINGS:  # most keys: a listing asks for each
        return None
    if (pickled := re.fullmatch(_PICKLED, name)) is not None:
        found: Key | None = PickledKey(pickled[1] or "", int(pickled[2]))
    elif name[-1:] in {"'", '"'}:
        found = _quoted(name)
    else:
        found = _number(name)
    return found if repr(found) == name else None  # `007` is no number


def _quoted(name: str) -> str | bytes | None:
    """Return the text or the bytes of a literal; with no escape that Python would warn of."""
    if re.fullmatch(_QUOTED, name):
        with suppress(SyntaxError, ValueError):  # bytes are ASCII, a NUL is no source text
            found: str | bytes = literal_eval(name)
            return found
    return None


def _number(name: str) -> int | float | None:
    with suppress(ValueError):
        number = int(name)
        return number if -(2**63) <= number < 2**63 else None  # larger ones are pickled
    with suppress(ValueError):
        return float(name)
    return None
