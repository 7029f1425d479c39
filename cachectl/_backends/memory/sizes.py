"""What Python's own objects weigh, and when those that only grow are made anew."""

from collections.abc import Sized
from sys import getsizeof
from typing import Any, Final

FLOAT: Final = getsizeof(0.5)
INTEGER: Final = getsizeof(1 << 20)
PAIR: Final = getsizeof((0, 0))
_MOST: Final = 1000
"""Bytes that a dictionary may spend on each of its members, ten times what it needs."""
_SLACK: Final = 50


def is_sparse(held: Sized) -> bool:
    """Return whether a dictionary should be copied: it keeps the places of what it has lost, and
    those who remove a thing should wait for few others.
    """
    return getsizeof(held) > _MOST * (len(held) + _SLACK)


def empty(held: dict[str, Any]) -> None:
    """Remove what is in there, one after the other: to end it with millions in it would be one step of
    the interpreter, for which all threads wait.
    """
    while held:
        held.popitem()
