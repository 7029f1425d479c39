"""What Python's own objects weigh, and when those that only grow are made anew."""

from collections.abc import Sized
from sys import getsizeof
from typing import Final

from cachectl._model.entry import NEVER, Entry

FLOAT: Final = getsizeof(0.5)
INTEGER: Final = getsizeof(1 << 20)
PAIR: Final = getsizeof((0, 0))
_ENTRY: Final = getsizeof(Entry(None, 0, 0.0, 0.0, 0, 0, (), 0)) + FLOAT
_SHARED: Final = 256
"""Integers up to here are the same objects everywhere."""
_MOST: Final = 1000
"""Bytes that a dictionary may spend on each of its members, ten times what it needs."""
_SLACK: Final = 50


def is_sparse(held: Sized) -> bool:
    """Return whether a dictionary should be copied: it keeps the places of what it has lost, and
    those who remove a thing should wait for few others.
    """
    return getsizeof(held) > _MOST * (len(held) + _SLACK)


def entry_bytes(entry: Entry) -> int:
    """Return what an entry weighs without its value and the texts of its tags."""
    size = _ENTRY if entry.expires_at == NEVER else _ENTRY + FLOAT
    if entry.tags:
        size += getsizeof(entry.tags)
    if entry.label:
        size += getsizeof(entry.label)
    return size + INTEGER * (
        (entry.size > _SHARED) + (entry.cost > _SHARED) + (entry.load_us > _SHARED)
    )
