"""When the entries of a namespace expire."""

from array import array
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from sys import getsizeof
from typing import Final

from cachectl._backends.memory.node import Node
from cachectl._backends.memory.sizes import FLOAT, PAIR
from cachectl._model.entry import NEVER

_LARGEST: Final = 4096
"""Places in one run: few enough to go through all of them in one call."""
_SLACK: Final = 50

Place = tuple[float, str]


class Run:
    """Some of the places, and how many of them still belong to an entry. They are a heap while places
    are added; a run that is full is sorted, latest first, into 16 bytes for each.
    """

    __slots__ = ("heap", "held", "is_full", "keys", "times")

    def __init__(self) -> None:
        self.heap: list[Place] = []
        self.times = array("d")
        self.keys: list[str] = []
        self.held = 0
        self.is_full = False

    def __len__(self) -> int:
        return len(self.heap) + len(self.keys)

    def __iter__(self) -> Iterator[Place]:
        return zip(self.times, self.keys, strict=True) if self.is_full else iter(self.heap)

    @property
    def first(self) -> Place:
        """The place that is reached first."""
        return (self.times[-1], self.keys[-1]) if self.is_full else self.heap[0]

    @property
    def memory(self) -> int:
        """The bytes of the places, without keys, and without times that entries have as well."""
        left = len(self.heap) and len(self.heap) - self.held
        of_heap = getsizeof(self.heap) + len(self.heap) * PAIR + left * FLOAT
        return getsizeof(self) + of_heap + getsizeof(self.times) + getsizeof(self.keys)

    def sort(self) -> None:
        """Take no more places."""
        places, self.heap = sorted(self.heap, reverse=True), []
        self.times = array("d", [time for time, _ in places])
        self.keys = [key for _, key in places]
        self.is_full = True

    def pop(self) -> Place:
        """Take the place that is reached first."""
        return (self.times.pop(), self.keys.pop()) if self.is_full else heappop(self.heap)

    def reached(self, now: float) -> Iterator[str]:
        """Yield the keys of the places that are reached."""
        if self.is_full:
            for at in range(len(self.times) - 1, -1, -1):
                if self.times[at] > now:
                    return
                yield self.keys[at]
        found = [0]  # below a place that is not reached there are none that are
        while found:
            at = found.pop()
            if at < len(self.heap) and self.heap[at][0] <= now:
                yield self.heap[at][1]
                found += (2 * at + 1, 2 * at + 2)


class Expiries:
    """A queue of places, which are times and keys; `find` returns what is held under a key.

    An entry that is replaced by one that expires later keeps its place, and moves on when that is
    reached. A place that an entry has left stays until it is reached, or until a run has more such
    than others: its entries move to the newest run then, so that nobody waits for all to move.
    """

    def __init__(self, find: Callable[[str], Node | None]) -> None:
        self._find = find
        self._runs: list[Run] = []
        self.earliest = NEVER
        """A time before which there is nothing to take."""
        self._left_behind = 0

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    @property
    def memory(self) -> int:
        """The bytes of all places, and of the keys that only those hold that were left."""
        return sum(run.memory for run in self._runs) + self._left_behind

    def enter(self, node: Node, old: Node | None) -> None:
        """Give an entry a place, that of the entry it replaces if it can wait there."""
        expires_at = node.expires_at
        if old is not None and old.run is not None:
            if old.expires_at <= expires_at < NEVER:
                node.run, old.run = old.run, None
                return
            self.leave(old)
        if expires_at != NEVER:
            self._push(node, (expires_at, node.key))

    def leave(self, node: Node) -> None:
        """Take note that the entry is gone."""
        run, node.run = node.run, None
        if run is None:
            return
        run.held -= 1
        places = run.keys if run.is_full else run.heap
        first = run.keys[-1] if run.is_full else run.heap[0][1]
        count = len(places)
        if first is not node.key or count == 1:
            self._left_behind += getsizeof(node.key)
        elif run.is_full:  # what is oldest often goes first
            run.pop()
        else:
            heappop(run.heap)  # a call less for each write of a full cache
        if count > 2 * run.held + _SLACK:
            self._disband(run)

    def take(self, now: float, most: int) -> list[str]:
        """Return keys of entries that have expired, at most so many; they have no place any more."""
        keys: list[str] = []
        for run in list(self._runs):
            self._take_from(run, now, most, keys)
        self._runs = [run for run in self._runs if len(run)]
        self.earliest = min((run.first[0] for run in self._runs), default=NEVER)
        return keys

    def empty(self) -> None:
        """Remove all places, a run at a time."""
        while self._runs:
            self._runs.pop()

    def count(self, now: float, most: int) -> int:
        """Return how many entries have expired, of those whose place was reached; at most so many places
        are looked at.
        """
        found = 0
        for run in self._runs:
            for key in run.reached(now):
                if not most:
                    return found
                most -= 1
                node = self._owner(run, key)
                found += node is not None and node.expires_at <= now
        return found

    def _take_from(self, run: Run, now: float, most: int, keys: list[str]) -> None:
        while len(run) and run.first[0] <= now and len(keys) < most:
            key = run.pop()[1]
            node = self._owner(run, key)
            if node is None:
                self._left_behind -= getsizeof(key)
                continue
            run.held -= 1
            node.run = None
            if node.expires_at > now:
                self._push(node, (node.expires_at, node.key))
            else:
                keys.append(node.key)

    def _push(self, node: Node, place: Place) -> None:
        if not self._runs or self._runs[-1].is_full:
            self._runs.append(Run())
        node.run = run = self._runs[-1]
        heappush(run.heap, place)
        run.held += 1
        if len(run.heap) >= _LARGEST:
            run.sort()
        if place[0] < self.earliest:  # noqa: PLR1730 - without a call
            self.earliest = place[0]

    def _disband(self, run: Run) -> None:
        self._runs.remove(run)
        for place in run:
            node = self._owner(run, place[1])
            if node is None:
                self._left_behind -= getsizeof(place[1])
            else:
                self._push(node, place)

    def _owner(self, run: Run, key: str) -> Node | None:
        node = self._find(key)
        return node if node is not None and node.run is run else None
