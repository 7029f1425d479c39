"""When the entries of a namespace expire."""

from collections.abc import Callable
from heapq import heappop, heappush
from sys import getsizeof
from typing import Final

from cachectl._backends.memory.node import Node
from cachectl._backends.memory.sizes import FLOAT, PAIR
from cachectl._model.entry import NEVER

_LARGEST: Final = 4096
"""Places in one heap: few enough to go through all of them in one call."""
_SLACK: Final = 50

Place = tuple[float, str]


class Heap:
    """Some of the places, and how many of them still belong to an entry."""

    __slots__ = ("held", "places")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.held = 0


class Expiries:
    """A queue of places, which are times and keys; `find` returns what is held under a key.

    An entry that is replaced by one that expires later keeps its place, and moves on when that is
    reached. A place that an entry has left stays until it is reached, or until a heap has more such
    than others: its entries move to the newest heap then, so that nobody waits for all to move.
    """

    def __init__(self, find: Callable[[str], Node | None]) -> None:
        self._find = find
        self._heaps: list[Heap] = []
        self.earliest = NEVER
        """A time before which there is nothing to take."""
        self._left_behind = 0

    def __len__(self) -> int:
        return sum(len(heap.places) for heap in self._heaps)

    @property
    def memory(self) -> int:
        """The bytes of all places, and of what only those hold that were left."""
        lists = sum(getsizeof(heap.places) for heap in self._heaps)
        return lists + len(self) * PAIR + self._left_behind

    def enter(self, node: Node, old: Node | None) -> None:
        """Give an entry a place, that of the entry it replaces if it can wait there."""
        expires_at = node.entry.expires_at
        if old is not None and old.heap is not None and old.place is not None:
            if old.place[0] <= expires_at < NEVER:
                node.heap, node.place, old.heap = old.heap, old.place, None
                node.memory += FLOAT
                return
            self.leave(old)
        if expires_at != NEVER:
            self._push(node, (expires_at, node.key))

    def leave(self, node: Node) -> None:
        """Take note that the entry is gone."""
        heap, node.heap = node.heap, None
        if heap is None:
            return
        heap.held -= 1
        if len(heap.places) > 1 and heap.places[0] is node.place:  # what is oldest often goes first
            heappop(heap.places)
            return
        self._left_behind += _own_bytes(node.key)
        if len(heap.places) > 2 * heap.held + _SLACK:
            self._disband(heap)

    def take(self, now: float, most: int) -> list[str]:
        """Return keys of entries that have expired, at most so many; they have no place any more."""
        keys: list[str] = []
        for heap in list(self._heaps):
            self._take_from(heap, now, most, keys)
        self._heaps = [heap for heap in self._heaps if heap.places]
        self.earliest = min((heap.places[0][0] for heap in self._heaps), default=NEVER)
        return keys

    def count(self, now: float, most: int) -> int:
        """Return how many entries have expired, of those whose place was reached; at most so many places
        are looked at.
        """
        found = 0
        for heap in self._heaps:
            at = [0]  # the places to look at: below one that is not reached there are none that are
            while at and most:
                index = at.pop()
                if index < len(heap.places) and heap.places[index][0] <= now:
                    node = self._owner(heap.places[index])
                    found += node is not None and node.entry.expires_at <= now
                    at += (2 * index + 1, 2 * index + 2)
                    most -= 1
        return found

    def _take_from(self, heap: Heap, now: float, most: int, keys: list[str]) -> None:
        while heap.places and heap.places[0][0] <= now and len(keys) < most:
            place = heappop(heap.places)
            node = self._owner(place)
            if node is None:
                self._left_behind -= _own_bytes(place[1])
                continue
            heap.held -= 1
            node.heap = None
            if node.entry.expires_at > now:
                self._push(node, (node.entry.expires_at, node.key))
            else:
                keys.append(node.key)

    def _push(self, node: Node, place: Place) -> None:
        if not self._heaps or len(self._heaps[-1].places) >= _LARGEST:
            self._heaps.append(Heap())
        heap = self._heaps[-1]
        node.heap, node.place = heap, place
        heappush(heap.places, place)
        heap.held += 1
        if heap.places[0] is place:
            self.earliest = min(self.earliest, place[0])

    def _disband(self, heap: Heap) -> None:
        self._heaps.remove(heap)
        for place in heap.places:
            node = self._owner(place)
            if node is None:
                self._left_behind -= _own_bytes(place[1])
            else:
                self._push(node, place)

    def _owner(self, place: Place) -> Node | None:
        node = self._find(place[1])
        return node if node is not None and node.place is place and node.heap is not None else None


def _own_bytes(key: str) -> int:
    """Return what a place keeps that its entry has left: a key, and the time in it."""
    return FLOAT + getsizeof(key)
