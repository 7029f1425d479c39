"""The places of `lrfu` in this process."""

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from sys import getsizeof
from typing import Final

from cachectl.lrfu import LEFT_MAIN, LEFT_WINDOW, MAIN, WINDOW, Place

_PER_PLACE: Final = 330
"""Bytes of a place, with its own places in the dictionaries and in the heap."""
_SLACK: Final = 100


class MemoryPlaces:
    """The places of one namespace. Those in the window and in the history stand in their order
    by themselves; the main part is a heap, in which what has moved on is passed over.
    """

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._queues: dict[int, OrderedDict[str, None]] = {
            part: OrderedDict() for part in (WINDOW, LEFT_WINDOW, LEFT_MAIN)
        }
        self._heap: list[tuple[float, str]] = []
        self._in_main = 0
        self._remembered_bytes = 0

    @property
    def memory(self) -> int:
        """The bytes that the places occupy, and the keys that only they hold."""
        return len(self._places) * _PER_PLACE + self._remembered_bytes

    def find(self, key: str) -> Place | None:
        return self._places.get(key)

    def put(self, key: str, place: Place) -> None:
        self._leave(key)
        self._places[key] = place
        if place.part == MAIN:
            self._in_main += 1
            heappush(self._heap, (place.score, key))
            if len(self._heap) > 2 * self._in_main + _SLACK:
                self._heap = [
                    (at.score, name) for name, at in self._places.items() if at.part == MAIN
                ]
                heapify(self._heap)
        else:
            self._queues[place.part][key] = None
            if place.part > MAIN:
                self._remembered_bytes += getsizeof(key)

    def drop(self, key: str) -> None:
        self._leave(key)
        del self._places[key]

    def first(self, part: int) -> tuple[str, Place] | None:
        if part == MAIN:
            return self._lowest()
        for key in self._queues[part]:
            return key, self._places[key]
        return None

    def _lowest(self) -> tuple[str, Place] | None:
        while self._heap:
            score, key = self._heap[0]
            place = self._places.get(key)
            if place and place.part == MAIN and place.score == score:
                return key, place
            heappop(self._heap)
        return None

    def _leave(self, key: str) -> None:
        place = self._places.get(key)
        if place is None:
            return
        if place.part == MAIN:
            self._in_main -= 1
        else:
            del self._queues[place.part][key]
            if place.part > MAIN:
                self._remembered_bytes -= getsizeof(key)
