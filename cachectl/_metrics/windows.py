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
window is read from the first ring that spans it, and begins on a whole bucket: for an hour or
more that moves its edge by 1.7 % at most, and `Window.start` says where it is."""


class Window(NamedTuple):
    """The time whose counts are asked for, in Unix seconds.

    `ring` is where it is read; None means everything since counting began.
    """

    ring: Ring | None
    start: float | None
    end: float

    @classmethod
    def last(cls, seconds: float | None, now: float) -> "Window":
        """Return the window of the last `seconds`; None is all time."""
        if seconds is None:
            return cls(None, None, now)
        ring = next((ring for ring in RINGS if ring.span >= seconds), RINGS[-1])
        return cls(ring, float(ring.bucket(now - min(seconds, ring.span))), now)
