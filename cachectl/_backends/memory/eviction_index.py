"""The eviction index of `lrfu` in this process."""

from collections import OrderedDict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from sys import getsizeof
from typing import Final

from cachectl._backends.eviction.lrfu import MAIN, MAIN_GHOSTS, WINDOW, WINDOW_GHOSTS, Rank
from cachectl._backends.memory.sizes import FLOAT, INTEGER, PAIR, empty, is_sparse

_RANK: Final = getsizeof(Rank(MAIN, 0.0, 0.0, credited=True)) + FLOAT
"""A rank and its score. In the main segment that is its order as well."""
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
        ranks = len(self._index) * (_RANK + INTEGER) - self._in_main * INTEGER
        changed = (len(self._heap) - self._in_main) * FLOAT
        places = getsizeof(self._heap) + len(self._heap) * PAIR + changed
        queues = sum(map(getsizeof, self._queues.values()))
        return getsizeof(self._index) + ranks + places + queues + self._ghost_bytes

    def find(self, key: str) -> Rank | None:
        return self._index.get(key)

    def ranks(self, keys: Iterable[str]) -> list[Rank | None]:
        """Return what `find` does for each, in one step of the interpreter."""
        return list(map(self._index.get, keys))

    def put(self, key: str, rank: Rank) -> None:
        self._leave(key)
        self._index[key] = rank
        if rank.segment == MAIN:
            self._in_main += 1
            heappush(self._heap, (rank.score, key))
            self._shrink_heap()
        else:
            self._queues[rank.segment][key] = None
            if rank.segment > MAIN:
                self._ghost_bytes += getsizeof(key)

    def drop(self, key: str) -> None:
        self._leave(key)
        self._index.pop(key, None)
        self._shrink_heap()
        if is_sparse(self._index):
            self._index = self._index.copy()

    def empty(self) -> None:
        """Remove all ranks, one after the other."""
        empty(self._index)
        for queue in self._queues.values():
            empty(queue)
        while self._heap:
            self._heap.pop()

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
            return
        queue = self._queues[rank.segment]
        del queue[key]
        if is_sparse(queue):
            self._queues[rank.segment] = queue.copy()
        if rank.segment > MAIN:
            del self._index[key]  # whoever comes back brings the text that others hold
            self._ghost_bytes -= getsizeof(key)

    def _shrink_heap(self) -> None:
        if len(self._heap) > 2 * self._in_main + _SLACK:
            self._heap = [
                (at.score, name) for name, at in self._index.items() if at.segment == MAIN
            ]
            heapify(self._heap)
