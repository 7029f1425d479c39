"""Windows of time: counts are kept in rings of buckets, so that any recent span can be asked for."""

from typing import Final, NamedTuple


class Ring(NamedTuple):
    """Buckets of `width` seconds that are kept for `span` seconds."""

    width: int
    span: int

    def bucket(self, at: float) -> int:
        """Return the Unix time at which the bucket of `at` begins."""
        return int(at // self.width) * self.width


RINGS: Final = (Ring(60, 7_200), Ring(900, 93_600), Ring(7_200, 691_200), Ring(86_400, 34_560_000))
"""Minutes for 2 h, quarters of an hour for 26 h, two hours for 8 days, days for 400 days. A
window is read from the first ring that spans it, and begins on a whole bucket: for ten minutes or
more that moves its edge by an eighth of it at most, and `Window.start` says where it is."""

LONGEST: Final = RINGS[-1].span
"""Seconds of the longest window; all time may be longer."""


class Division(NamedTuple):
    """A span of time, which begins at `start`, Unix seconds, in equal parts. A bucket that lies in two
    of them belongs to the first.
    """

    start: int
    span: int
    parts: int

    @property
    def seconds(self) -> float:
        """The length of a part."""
        return self.span / self.parts

    def part(self, bucket: int) -> int:
        """Return the number of the part to which a bucket belongs."""
        return (bucket - self.start) * self.parts // self.span


class Window(NamedTuple):
    """The time whose counts are asked for, in Unix seconds.

    `ring` is where it is read; None means everything since counting began.
    """

    ring: Ring | None
    start: float | None
    end: float

    def divided(self, parts: int) -> "Division":
        """Return the window in so many parts, or in fewer: none is shorter than a bucket."""
        if self.ring is None or self.start is None:
            return Division(0, 0, 0)
        start, width = int(self.start), self.ring.width
        buckets = (self.ring.bucket(self.end) - start) // width + 1
        return Division(start, buckets * width, min(parts, buckets))

    @classmethod
    def last(cls, seconds: float | None, now: float) -> "Window":
        """Return the window of the last `seconds`; None is all time."""
        if seconds is None:
            return cls(None, None, now)
        ring = next((ring for ring in RINGS if ring.span >= seconds), RINGS[-1])
        return cls(ring, float(ring.bucket(now - min(seconds, LONGEST))), now)
