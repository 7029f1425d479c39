"""Eviction by recency and frequency together, which scans and loops cannot flush out.

What is written enters a *window*, least recently used first. Behind it is the *main* segment, in
the order of scores: a use is worth one, and half of that each time ten times as many entries
were written as are held (LRFU: Lee, Choi, Kim, Noh, Min, Cho and Kim, IEEE Transactions on
Computers 50, 2001; the period is that of TinyLFU: Einziger, Friedman and Manes, ACM Transactions
on Storage 13, 2017). When something must go, the oldest of the window and the lowest of the main
segment compare their scores, as the candidate and the victim of TinyLFU do. The score of what was
evicted is kept for a while as a *ghost* entry; a key that comes back while it is a ghost tells
which segment should be larger, as in ARC (Megiddo and Modha, FAST 2003).

Uses since the last flush of the access log count once: in quick succession they say little
(correlated references: O'Neil, O'Neil and Weikum, SIGMOD 1993). So a hit only needs to be noted.

This is the algorithm alone. A backend keeps the ranks; Redis has it once more, in Lua.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import exp2, log2
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

HALF_LIFE: Final = 10
"""Writes per entry held until a use is worth half."""
GHOSTS: Final = 2
"""Ghosts that are kept for each entry held."""
LEAST_WINDOW: Final = 0.1
"""The share of all entries that the window has at least, as the small queue of S3-FIFO (Yang,
Zhang, Qiu, Yue and Rashmi, SOSP 2023)."""

_MUCH: Final = 3.0
"""The logarithm of how many uses of now a score is worth to which one more adds little."""

WINDOW, MAIN, WINDOW_GHOSTS, MAIN_GHOSTS = range(4)
"""The segments: two of what is held, two of what was evicted from there."""


class Rank(NamedTuple):
    """Where a key stands. `order` is when it entered the window, the score in the main segment, the
    number of its eviction among the ghosts. `score` is the base-2 logarithm of what its uses are
    worth. `credited` is whether it was used since it was written.
    """

    segment: int
    order: float
    score: float
    credited: bool


@dataclass
class State:
    """What a namespace keeps beside the index: `clock` is the logarithm of what a use is worth now,
    `share` the share of all entries that the window should have; `entered` counts what ever
    entered the window, and `sizes` are the keys in each segment.
    """

    clock: float = 0.0
    share: float = LEAST_WINDOW
    entered: int = 0
    evictions: int = 0
    sizes: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    @property
    def held(self) -> int:
        return self.sizes[WINDOW] + self.sizes[MAIN]

    @property
    def ghosts(self) -> int:
        return self.sizes[WINDOW_GHOSTS] + self.sizes[MAIN_GHOSTS]

    def subtract(self, in_window: int, in_main: int) -> None:
        """Account for so many entries that were removed in bulk, and their ranks with them."""
        self.sizes[WINDOW] -= in_window
        self.sizes[MAIN] -= in_main


class EvictionIndex(Protocol):
    """Where a backend keeps the ranks of one namespace."""

    def find(self, key: str) -> Rank | None:
        """Return the rank of a key that is held or a ghost."""

    def put(self, key: str, rank: Rank) -> None:
        """Give a key this rank, whatever it had before."""

    def drop(self, key: str) -> None:
        """Forget a key."""

    def first(self, segment: int) -> tuple[str, Rank] | None:
        """Return the key with the lowest order of a segment."""


T = TypeVar("T")


class Place(NamedTuple, Generic[T]):
    """Where something stands in its segment: by its score and, among equals, by its key."""

    score: float
    key: str
    item: T


class Choice(ABC, Generic[T]):
    """Which entry goes next, whether it is evicted or only foreseen to be."""

    state: State

    def evict(self) -> str | None:
        """Choose the entry that must go and return its key; None if none is held."""
        lowest = self._first(MAIN)
        if lowest and self.state.sizes[WINDOW] <= self._window_size(self.state.held - 1):
            return self._evict(MAIN, lowest)
        oldest = self._first(WINDOW)
        if oldest and lowest and oldest.score > lowest.score:
            self._promote(oldest)
            return self._evict(MAIN, lowest)
        if oldest:
            return self._evict(WINDOW, oldest)
        return self._evict(MAIN, lowest) if lowest else None

    @abstractmethod
    def _first(self, segment: int) -> Place[T] | None:
        """Return the one with the lowest order of a segment of what is held."""

    @abstractmethod
    def _promote(self, oldest: Place[T]) -> None:
        """Move the oldest of the window to the main segment."""

    @abstractmethod
    def _evict(self, segment: int, first: Place[T]) -> str:
        """Let the first of a segment go, and return its key."""

    def _window_size(self, held: int) -> int:
        return max(1, int(self.state.share * held))


class Lrfu(Choice[Rank]):
    """The order in which the entries of one namespace are evicted."""

    def __init__(self, index: EvictionIndex, state: State) -> None:
        self._index = index
        self.state = state
        self.was_used: Callable[[str], bool] = frozenset[str]().__contains__
        """Returns whether a key that is looked at was used, which is not recorded yet; once for each use."""

    def adopt(self, keys: Iterable[str]) -> None:
        """Take entries into the window that had no rank, least recently used first."""
        for key in keys:
            self.state.sizes[WINDOW] += 1
            self._enter(key, 0.0, credited=True)

    def used(self, key: str, *, roughly: bool = False) -> None:
        """Record that an entry was used, once or more since the last flush; if that is `roughly`, only where
        it changes which of many entries go soon.
        """
        rank = self._index.find(key)
        if rank is None or rank.segment > MAIN or (roughly and self._is_far(rank)):
            return
        score = rank.score
        if rank.segment == MAIN:
            score = _plus(score, self.state.clock)
            self._index.put(key, Rank(MAIN, score, score, credited=True))
        else:
            if not rank.credited:
                score = _plus(score, self.state.clock)
            self._enter(key, score, credited=True)

    def written(self, key: str) -> None:
        """Record that an entry was written: it is the newest of the window."""
        state = self.state
        if self.was_used(key):
            self.used(key)
        state.clock += 1 / (HALF_LIFE * max(1, state.held))
        score = state.clock
        rank = self._index.find(key)
        if rank is not None:
            if rank.segment > MAIN:
                self._adapt(rank)
            state.sizes[rank.segment] -= 1
            score = _plus(rank.score, score)
        state.sizes[WINDOW] += 1
        self._enter(key, score, credited=False)

    def removed(self, key: str) -> None:
        """Forget an entry that was invalidated or has expired."""
        rank = self._index.find(key)
        if rank is not None and rank.segment <= MAIN:
            self.state.sizes[rank.segment] -= 1
            self._index.drop(key)

    def rebalance(self, written: int) -> None:
        """Hold the window and the ghosts to their sizes, after so many writes."""
        for _ in range(written):
            self._shrink_window()
            self._shrink_ghosts(1)

    def _is_far(self, rank: Rank) -> bool:
        """Return whether an entry is in the newer half of the window, or in the main segment with a score to
        which a use adds little.
        """
        if rank.segment == MAIN:
            return rank.score - self.state.clock > _MUCH
        return rank.credited and self.state.entered - rank.order < self.state.sizes[WINDOW] / 2

    def _adapt(self, ghost: Rank) -> None:
        """Enlarge the segment from which a key was evicted too early."""
        state = self.state
        if not state.held or state.evictions - ghost.order > state.held:
            return  # a cache of twice the size would not have had it either
        own = state.sizes[ghost.segment]
        other = state.sizes[WINDOW_GHOSTS + MAIN_GHOSTS - ghost.segment]
        step = max(1, other / own) / state.held
        share = state.share + (step if ghost.segment == WINDOW_GHOSTS else -step)
        state.share = max(LEAST_WINDOW, min(1 - 1 / state.held, share))

    def _enter(self, key: str, score: float, *, credited: bool) -> None:
        self.state.entered += 1
        self._index.put(key, Rank(WINDOW, self.state.entered, score, credited))

    def _first(self, segment: int) -> Place[Rank] | None:
        while found := self._index.first(segment):
            if not self.was_used(found[0]):
                return Place(found[1].score, *found)
            self.used(found[0])
        return None

    def _promote(self, oldest: Place[Rank]) -> None:
        self._move(oldest, Rank(MAIN, oldest.score, oldest.score, credited=True))

    def _evict(self, segment: int, first: Place[Rank]) -> str:
        self.state.evictions += 1
        ghosts = WINDOW_GHOSTS if segment == WINDOW else MAIN_GHOSTS
        self._move(first, Rank(ghosts, self.state.evictions, first.score, credited=True))
        self._shrink_ghosts(1 + GHOSTS)  # one more is a ghost, and one less is held
        return first.key

    def _move(self, place: Place[Rank], new: Rank) -> None:
        self.state.sizes[place.item.segment] -= 1
        self.state.sizes[new.segment] += 1
        self._index.put(place.key, new)

    def _shrink_window(self) -> None:
        if self.state.sizes[WINDOW] > self._window_size(self.state.held):
            oldest = self._first(WINDOW)
            if oldest:
                self._promote(oldest)

    def _shrink_ghosts(self, most: int) -> None:
        """Drop the ghosts that were evicted first, at most so many, while there are too many."""
        for _ in range(most):
            if self.state.ghosts <= GHOSTS * self.state.held:
                return
            firsts = (self._index.first(WINDOW_GHOSTS), self._index.first(MAIN_GHOSTS))
            earliest = [found for found in firsts if found]
            if not earliest:
                return
            key, rank = min(earliest, key=lambda found: found[1].order)
            self.state.sizes[rank.segment] -= 1
            self._index.drop(key)


def _plus(one: float, other: float) -> float:
    """Return the logarithm of the sum of two numbers that are given as logarithms."""
    high, low = (one, other) if one > other else (other, one)
    return high + log2(1 + exp2(low - high))
