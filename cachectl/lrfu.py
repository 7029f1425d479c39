"""Eviction by recency and frequency together, which scans and loops cannot flush.

What is written enters a *window*, least recently used first. Behind it is the *main* part, in
the order of scores: a use is worth one, and half of that each time ten times as many entries
were written as are held (LRFU: Lee, Choi, Kim, Noh, Min, Cho and Kim, IEEE Transactions on
Computers 50, 2001; the period is that of TinyLFU: Einziger, Friedman and Manes, ACM Transactions
on Storage 13, 2017). When something must go, the oldest of the window and the lowest of the main
part compare their scores, as the candidate and the victim of TinyLFU do. Of what went, the score
is remembered for a while; what comes back from there tells which part should be larger, as in ARC
(Megiddo and Modha, FAST 2003).

Uses since the last hand-over count once: in quick succession they say little (correlated
references: O'Neil, O'Neil and Weikum, SIGMOD 1993). So a hit only needs to be noted.

This is the algorithm alone. A backend keeps the places; Redis has it once more, in Lua.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp2, log2
from typing import Final, NamedTuple, Protocol

HALF_LIFE: Final = 10
"""Writes per entry held until a use is worth half."""
HISTORY: Final = 2
"""Evicted keys that are remembered for each entry held."""
LEAST_WINDOW: Final = 0.1
"""The part of all entries that the window has at least, as the small queue of S3-FIFO (Yang,
Zhang, Qiu, Yue and Rashmi, SOSP 2023)."""

WINDOW, MAIN, LEFT_WINDOW, LEFT_MAIN = range(4)
"""The parts: two of what is held, two of what was evicted."""


class Place(NamedTuple):
    """Where a key stands. `order` is when it entered the window, the score in the main part, the
    number of its eviction in the history. `score` is the base-2 logarithm of its worth.
    `credited` is whether it was used since it was written.
    """

    part: int
    order: float
    score: float
    credited: bool


@dataclass
class State:
    """What a namespace remembers beside the places: `clock` is the logarithm of what a use is
    worth now, `share` the part of all entries that the window should have; `entered` counts what
    ever entered the window, and `sizes` are the keys in each part.
    """

    clock: float = 0.0
    share: float = LEAST_WINDOW
    entered: int = 0
    evictions: int = 0
    sizes: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    @property
    def held(self) -> int:
        return self.sizes[WINDOW] + self.sizes[MAIN]

    def lose(self, in_window: int, in_main: int) -> None:
        """Take into account that so many entries are gone, and their places with them."""
        self.sizes[WINDOW] -= in_window
        self.sizes[MAIN] -= in_main

    @property
    def remembered(self) -> int:
        return self.sizes[LEFT_WINDOW] + self.sizes[LEFT_MAIN]


class Places(Protocol):
    """Where a backend keeps the places of one namespace."""

    def find(self, key: str) -> Place | None:
        """Return the place of a key that is held or remembered."""

    def put(self, key: str, place: Place) -> None:
        """Give a key this place, whatever it had before."""

    def drop(self, key: str) -> None:
        """Forget a key."""

    def first(self, part: int) -> tuple[str, Place] | None:
        """Return the key with the lowest order of a part."""


class Lrfu:
    """The order in which the entries of one namespace go."""

    def __init__(self, places: Places, state: State) -> None:
        self._places = places
        self.state = state

    def adopt(self, keys: Iterable[str]) -> None:
        """Take entries into the window that had no order, least recently used first."""
        for key in keys:
            self.state.sizes[WINDOW] += 1
            self._enter(key, 0.0, credited=True)

    def used(self, key: str) -> None:
        """Note that an entry was used, once or more since the last hand-over."""
        place = self._places.find(key)
        if place is None or place.part > MAIN:
            return
        score = place.score
        if place.part == MAIN:
            score = _plus(score, self.state.clock)
            self._places.put(key, Place(MAIN, score, score, credited=True))
        else:
            if not place.credited:
                score = _plus(score, self.state.clock)
            self._enter(key, score, credited=True)

    def written(self, key: str) -> None:
        """Note that an entry was written: it is the newest of the window."""
        state = self.state
        state.clock += 1 / (HALF_LIFE * max(1, state.held))
        score = state.clock
        place = self._places.find(key)
        if place is not None:
            if place.part > MAIN:
                self._learn(place)
            state.sizes[place.part] -= 1
            score = _plus(place.score, score)
        state.sizes[WINDOW] += 1
        self._enter(key, score, credited=False)

    def removed(self, key: str) -> None:
        """Forget an entry that somebody removed, or that expired."""
        place = self._places.find(key)
        if place is not None and place.part <= MAIN:
            self.state.sizes[place.part] -= 1
            self._places.drop(key)

    def evict(self) -> str | None:
        """Choose the entry that must go and return its key; None if none is held."""
        lowest = self._places.first(MAIN)
        if lowest and self.state.sizes[WINDOW] <= self._window(self.state.held - 1):
            return self._leave(*lowest)
        oldest = self._places.first(WINDOW)
        if oldest and lowest and oldest[1].score > lowest[1].score:
            self._promote(*oldest)
            return self._leave(*lowest)
        leaving = oldest or lowest
        return self._leave(*leaving) if leaving else None

    def settle(self, written: int) -> None:
        """Hold the window and the history to their sizes, after so many writes."""
        for _ in range(written):
            self._shrink_window()
            self._shrink_history(1)

    def _learn(self, place: Place) -> None:
        """Let the part grow from which `place` went too early."""
        state = self.state
        if not state.held or state.evictions - place.order > state.held:
            return  # a cache of twice the size would not have had it either
        mine, other = state.sizes[place.part], state.sizes[LEFT_WINDOW + LEFT_MAIN - place.part]
        step = max(1, other / mine) / state.held
        share = state.share + (step if place.part == LEFT_WINDOW else -step)
        state.share = max(LEAST_WINDOW, min(1 - 1 / state.held, share))

    def _enter(self, key: str, score: float, *, credited: bool) -> None:
        self.state.entered += 1
        self._places.put(key, Place(WINDOW, self.state.entered, score, credited))

    def _window(self, held: int) -> int:
        return max(1, int(self.state.share * held))

    def _promote(self, key: str, place: Place) -> None:
        self._move(key, place, Place(MAIN, place.score, place.score, credited=True))

    def _leave(self, key: str, place: Place) -> str:
        self.state.evictions += 1
        left = LEFT_WINDOW if place.part == WINDOW else LEFT_MAIN
        self._move(key, place, Place(left, self.state.evictions, place.score, credited=True))
        self._shrink_history(1 + HISTORY)  # one more is remembered, and one less is held
        return key

    def _move(self, key: str, old: Place, new: Place) -> None:
        self.state.sizes[old.part] -= 1
        self.state.sizes[new.part] += 1
        self._places.put(key, new)

    def _shrink_window(self) -> None:
        if self.state.sizes[WINDOW] > self._window(self.state.held):
            oldest = self._places.first(WINDOW)
            if oldest:
                self._promote(*oldest)

    def _shrink_history(self, most: int) -> None:
        """Forget the earliest evictions, at most so many, while too many are remembered."""
        for _ in range(most):
            if self.state.remembered <= HISTORY * self.state.held:
                return
            parts = (self._places.first(LEFT_WINDOW), self._places.first(LEFT_MAIN))
            earliest = [found for found in parts if found]
            if not earliest:
                return
            key, place = min(earliest, key=lambda found: found[1].order)
            self.state.sizes[place.part] -= 1
            self._places.drop(key)


def _plus(one: float, other: float) -> float:
    """Return the logarithm of the sum of two worths that are given as logarithms."""
    high, low = (one, other) if one > other else (other, one)
    return high + log2(1 + exp2(low - high))
