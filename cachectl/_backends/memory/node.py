"""An entry in memory, and what is known of it there."""

from sys import getsizeof
from typing import TYPE_CHECKING, Final

from cachectl._backends.memory.sizes import FLOAT, INTEGER, entry_bytes
from cachectl._model.records import Item

if TYPE_CHECKING:
    from cachectl._backends.memory.expiries import Heap


class Node:
    """An entry, the memory it occupies, when it was last used, and where it waits to expire.

    `key` is the one text that all indexes hold, however often the entry is replaced.
    """

    __slots__ = ("entry", "heap", "key", "memory", "place", "used_at")

    def __init__(self, key: str, item: Item, tags: tuple[str, ...], now: float) -> None:
        self.key = key
        self.entry = item.entry if tags is item.entry.tags else item.entry._replace(tags=tags)
        self.used_at = now
        self.heap: Heap | None = None
        self.place: tuple[float, str] | None = None
        self.memory = _ALONE + entry_bytes(item.entry) + item.memory + getsizeof(key)
        if tags:
            self.memory += getsizeof(tags)


_ALONE: Final = 16 + 16 + 8 * len(Node.__slots__) + INTEGER + FLOAT // 2
"""A node with the headers of an object and of the collector, and what its numbers are: `used_at` is that
of the entry until it is looked up."""
