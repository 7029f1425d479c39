"""An entry in memory, and what is known of it there."""

from sys import getsizeof
from typing import TYPE_CHECKING, Final

from cachectl._backends.memory.sizes import FLOAT, INTEGER, entry_bytes
from cachectl._model.entry import Entry

if TYPE_CHECKING:
    from cachectl._backends.memory.expiries import Heap


class Node:
    """An entry, the memory it occupies with its value, when it was last used, and where it waits to expire.

    `key` is the one text that all indexes hold, however often the entry is replaced.
    """

    __slots__ = ("entry", "heap", "key", "memory", "place", "used_at")

    def __init__(self, key: str, entry: Entry, memory: int, now: float) -> None:
        self.key = key
        self.entry = entry
        self.used_at = now
        self.heap: Heap | None = None
        self.place: tuple[float, str] | None = None
        self.memory = _ALONE + entry_bytes(entry) + memory + getsizeof(key)


_ALONE: Final = 16 + 16 + 8 * len(Node.__slots__) + INTEGER + FLOAT // 2
"""A node with the headers of an object and of the collector, and what its numbers are: `used_at` is that
of the entry until it is looked up."""
