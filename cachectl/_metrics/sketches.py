"""What is too much to be counted whole: how long lookups and loads take, and which keys are missed.

Of times there are as many as of operations, of keys as many as somebody asks for. A sketch of either
takes little room, is merged by adding, and says how wrong it can be.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from math import ceil, exp, log
from typing import Final, NamedTuple

from cachectl._metrics.windows import RINGS, Ring, Window

ACCURACY: Final = 0.02
"""The part by which a time may be wrong: a bucket is so much wider than the one before that its middle
is nowhere further away (DDSketch: Masson, Rim, Lee, VLDB 2019)."""
_WIDTH: Final = log((1 + ACCURACY) / (1 - ACCURACY))
_SHORTEST: Final = 1e-7
_LONGEST: Final = 1e6
"""Seconds that are told apart: what is shorter, or longer, is in the first bucket or the last."""

KEYS: Final = 200
"""Keys that are kept of each namespace and time: those that were missed most."""
TOLD: Final = 100
"""Keys of which a process tells, at most: fewer than are kept, for each process tells of some others."""
_HELD: Final = 2_000
"""Keys that a process holds between two flushes, at most twice as many."""
_WAITING: Final = 2**18
"""Notes that wait to be sorted in, once a second."""

SKETCHED: Final[Ring] = RINGS[2]
"""The ring of buckets in which sketches are kept: pieces of two hours, for eight days."""

KINDS: Final = ("hit", "miss", "load")
"""Of what times are kept."""


class Sketch(NamedTuple):
    """How often times were in each bucket, by kind; and how often keys were missed, at least."""

    times: Mapping[str, Mapping[int, int]]
    missed: Mapping[str, int]


NOTHING: Final = Sketch({}, {})


def bucket_of(seconds: float) -> int:
    """Return the bucket of a time."""
    return ceil(log(min(max(seconds, _SHORTEST), _LONGEST)) / _WIDTH)


BUCKETS: Final = range(bucket_of(_SHORTEST), bucket_of(_LONGEST) + 1)
"""All that there are: what a store has under any other is damaged."""


def quantile(times: Mapping[int, int], part: float) -> float | None:
    """Return the time (seconds) that so many are not longer than; None if there are none."""
    rank = part * (sum(times.values()) - 1)
    passed = 0
    for bucket in sorted(times):
        passed += times[bucket]
        if passed > rank:
            return exp(bucket * _WIDTH) * (1 - ACCURACY)
    return None


def sketched(window: Window) -> tuple[int, int]:
    """Return the first and the last bucket of sketches of a window; of all time, those that are kept."""
    oldest = window.end - SKETCHED.span
    start = oldest if window.start is None else max(window.start, oldest)
    return SKETCHED.bucket(start), SKETCHED.bucket(window.end)


class MissedKeys:
    """The keys that were missed most, with how often: Space-Saving (Metwally, Agrawal, El Abbadi: Efficient
    Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005), where half of what it holds
    makes room at once. A key that comes anew begins with what those that went had at most, for it may
    be one of them; that part of its count is not told.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._is_told = True
        self._least = 0

    def note(self, key: str) -> None:
        """Note that a key was missed."""
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= 2 * _HELD:
                self._make_room()
            count = self._told[key] = self._least
        self._counts[key] = count + 1
        self._is_told = False

    def take(self) -> dict[str, int]:
        """Return of those that were missed most how often each was since it was told, at least. The others
        are told once they are missed more often than some: what many tell is kept where there is room for
        few, and what is rare would take that of what is not.
        """
        if self._is_told:
            return {}
        self._is_told = True
        most = heapq.nlargest(TOLD + 1, self._counts, key=self._counts.__getitem__)
        least = self._counts[most.pop()] if len(most) > TOLD else 0
        since = {key: self._counts[key] - self._told[key] for key in most}
        told = {key: count for key, count in since.items() if count and self._counts[key] > least}
        self._told.update((key, self._counts[key]) for key in told)
        return told

    def _make_room(self) -> None:
        ranked = heapq.nlargest(_HELD + 1, self._counts, key=self._counts.__getitem__)
        self._least = self._counts[ranked.pop()]
        self._counts = {key: self._counts[key] for key in ranked}
        self._told = {key: self._told[key] for key in ranked}


class Notes:
    """What a process notes of one namespace between two flushes. Exact from any number of threads, and
    without a lock: notes wait until the flush sorts them in, the latest quarter of a million.

    `missed` is called with each key that was missed.
    """

    def __init__(self) -> None:
        self._waiting: deque[str | tuple[str, float]] = deque(maxlen=_WAITING)
        self.missed: Callable[[str], None] = self._waiting.append
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a forked process must."""
        self._waiting.clear()
        self._times: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
        self._missed = MissedKeys()
        self._bucket: int | None = None

    def took(self, kind: str, seconds: float) -> None:
        """Note how long something took."""
        self._waiting.append((kind, seconds))

    def sort(self) -> None:
        """Sort in what waits. One thread at a time calls this, and `take`."""
        while self._waiting:
            note = self._waiting.popleft()
            if isinstance(note, str):
                self._missed.note(note)
            else:
                self._times[note[0]][bucket_of(note[1])] += 1

    def take(self, bucket: int) -> Sketch | None:
        """Return what was noted, and forget it; None if there is nothing. In another `bucket` of sketches than
        the last time, the keys that are missed most are others from then on.
        """
        self.sort()
        times, missed = self._times, self._missed.take()
        self._times = {kind: Counter() for kind in KINDS}
        if self._bucket not in (None, bucket):
            self._missed = MissedKeys()
        self._bucket = bucket
        return Sketch(times, missed) if missed or any(times.values()) else None


def top(missed: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    """Return the keys that were missed most, in that order."""
    return heapq.nsmallest(limit, missed.items(), key=lambda item: (-item[1], item[0]))


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """Return what several sketches have together."""
    times: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
    missed: Counter[str] = Counter()
    for sketch in sketches:
        for kind, counts in sketch.times.items():
            times[kind].update(counts)
        missed.update(sketch.missed)
    return Sketch(times, missed)
