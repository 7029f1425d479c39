"""The eviction index of `lrfu` in this process."""

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from sys import getsizeof
from typing import Final

from cachectl._backends.eviction.lrfu import MAIN, MAIN_GHOSTS, WINDOW, WINDOW_GHOSTS, Rank

_PER_RANK: Final = 330
"""Bytes of a rank, with its places in the dictionaries and in the heap."""
_SLACK: Final = 100


class MemoryEvictionIndex:
    """The ranks of one namespace. The window and the ghosts are queues; the main segment is a
    heap, in which ranks that have changed since are skipped.
    """

    def __init__(self) -> None:
        self._index: dict[str, Rank] = {}
        self._queues: dict[int, OrderedDict[str, None]] = {
            segment: OrderedDict() for segment in (WINDOW, WINDOW_GHOSTS, MAIN_GHOSTS)
        }
        self._heap: list[tuple[float, str]] = []
        self._in_main = 0
        self._ghost_bytes = 0

    @property
    def memory(self) -> int:
        """The bytes of the index, and of the keys that only it holds."""
        return len(self._index) * _PER_RANK + self._ghost_bytes

    def find(self, key: str) -> Rank | None:
        return self._index.get(key)

    def put(self, key: str, rank: Rank) -> None:
        self._leave(key)
        self._index[key] = rank
        if rank.segment == MAIN:
            self._in_main += 1
            heappush(self._heap, (rank.score, key))
            if len(self._heap) > 2 * self._in_main + _SLACK:
                self._heap = [
                    (at.score, name) for name, at in self._index.items() if at.segment == MAIN
                ]
                heapify(self._heap)
        else:
            self._queues[rank.segment][key] = None
            if rank.segment > MAIN:
                self._ghost_bytes += getsizeof(key)

    def drop(self, key: str) -> None:
        self._leave(key)
        del self._index[key]

    def first(self, segment: int) -> tuple[str, Rank] | None:
        if segment == MAIN:
            return self._lowest()
        for key in self._queues[segment]:
            return key, self._index[key]
        return None

    def _lowest(self) -> tuple[str, Rank] | None:
        while self._heap:
            score, key = self._heap[0]
            rank = self._index.get(key)
            if rank and rank.segment == MAIN and rank.score == score:
                return key, rank
            heappop(self._heap)
        return None

    def _leave(self, key: str) -> None:
        rank = self._index.get(key)
        if rank is None:
            return
        if rank.segment == MAIN:
            self._in_main -= 1
        else:
            del self._queues[rank.segment][key]
            if rank.segment > MAIN:
                self._ghost_bytes -= getsizeof(key)
