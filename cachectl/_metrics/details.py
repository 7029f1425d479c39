"""What is reported of a namespace beside its figures: how they went, how long lookups took, which keys are
missed most. Field names are those of the JSON that the commands print.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from cachectl._metrics.counters import Counts, Series
from cachectl._metrics.sketches import KINDS, Sketch, quantile, sketched, top
from cachectl._metrics.windows import Window


def ratio(part: int, whole: int) -> float | None:
    """Return a part of a whole; None of nothing."""
    return part / whole if whole else None


_FIGURES: Final = tuple(map(attrgetter, ("hits", "misses", "evictions")))


class TrendPart(NamedTuple):
    """What was counted in one part of a window. The rate is None without lookups."""

    hits: int
    misses: int
    evictions: int

    @property
    def hit_rate(self) -> float | None:
        return ratio(self.hits, self.hits + self.misses)


class Trend(NamedTuple):
    """A window in equal parts of so many `seconds`, oldest first, from `start` on (Unix seconds). They
    add up to what was counted within it; the last one has not ended yet.

    `counting_since` is when counting began; None if that is not known.
    """

    start: float
    seconds: float
    parts: Sequence[TrendPart]
    counting_since: float | None

    @classmethod
    def of(cls, window: Window, series: Iterable[Series], parts: int) -> "Trend":
        """Return that of one or more namespaces."""
        series, divided = list(series), window.divided(parts)
        columns = (
            zip(*(one.parts for one in series), strict=True) if series else [()] * divided.parts
        )
        counted = [_part(counts) for counts in columns]
        return cls(divided.start, divided.seconds, counted, counting_since(series, window.end))


def _part(counts: Sequence[Counts]) -> TrendPart:
    """Return that of one or more namespaces."""
    return TrendPart(*(sum(map(figure, counts)) for figure in _FIGURES))


def counting_since(series: Iterable[Series], now: float) -> float | None:
    """Return when counting began; None if that is not known, as where a clock was put back since."""
    began = (one.since for one in series if one.since is not None)
    return min((since for since in began if since <= now), default=None)


class Latency(NamedTuple):
    """How long something takes, in seconds, within 2 %: half of what was `measured`, and 99 of a hundred.
    None if nothing was.
    """

    p50: float | None
    p99: float | None
    measured: int

    @classmethod
    def of(cls, times: Mapping[int, int]) -> "Latency":
        return cls(quantile(times, 0.5), quantile(times, 0.99), sum(times.values()))


class MissedKey(NamedTuple):
    """A key, and how often it was missed, at least."""

    key: str
    misses: int


class Details(NamedTuple):
    """What is noted of a namespace beside its counts, from `since` (Unix seconds) on: in pieces of two
    hours, for eight days.

    `latency` is that of a `hit`, a `miss` and a `load`; all loads are measured, and of lookups about one in
    a hundred. `top_misses` are the keys that were missed most, in that order: of each two hours so many
    keys are kept that what is among them is not missed rarely. Misses that any key would have been,
    during an outage or by a bypass, are not among them.
    """

    since: float
    latency: Mapping[str, Latency]
    top_misses: Sequence[MissedKey]

    @classmethod
    def of(cls, sketch: Sketch, window: Window, limit: int) -> "Details":
        """Return what there is to say of a sketch, with so many keys."""
        latency = {kind: Latency.of(sketch.times.get(kind, {})) for kind in KINDS}
        missed = [MissedKey(*each) for each in top(sketch.missed, limit)]
        return cls(sketched(window)[0], latency, missed)
