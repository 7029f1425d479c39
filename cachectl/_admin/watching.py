"""What a cache does just now: the last minute beside a longer time, and what changed meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cachectl._admin.figures import lookups
from cachectl._admin.findings import ATTENTION, BROKEN
from cachectl._admin.overview import Asked, Overview, Row, overview
from cachectl._admin.thresholds import Verdict
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl.errors import UsageError

MINUTE: Final = 60.0


class Now(NamedTuple):
    """A namespace, or the total, at one moment: the last minute, or what of it there is, in `seconds`; the
    longer time; and by how many its entries are more, or less, than when the watch began.
    """

    row: Row
    minute: NamespaceStats | None
    seconds: float
    beside: NamespaceStats
    change: int

    def per_second(self, count: int) -> float:
        """Return how often something happened within the last minute."""
        return count / self.seconds


class Watch:
    """Looks at these namespaces, or all, again and again."""

    def __init__(self, cache: Cache, asked: Asked) -> None:
        self._cache = cache
        self._asked = asked
        self._began: Mapping[str, int] | None = None

    def look(self) -> "Moment":
        """Return what there is to see now. Raises `BackendError`."""
        seen = overview(self._cache, self._asked.names, self._asked.since)
        held = {name: figures.entries for name, figures in seen.report.namespaces.items()}
        if self._began is None:
            self._began = held
        return Moment(seen, self._minute(), self._asked, self._began)

    def _minute(self) -> Stats | None:
        try:
            return self._cache.stats(*self._asked.names, since=MINUTE)
        except UsageError:  # counted without times
            return None


class Moment(NamedTuple):
    """What is seen of a cache at one moment; `began` is what it held when the watch did."""

    seen: Overview
    minute: Stats | None
    asked: Asked
    began: Mapping[str, int]

    def judged(self, verdicts: Sequence[Verdict]) -> "Moment":
        """Return it with marks for who crosses a threshold."""
        return self._replace(seen=self.seen.judged(verdicts))

    def rows(self, most: int | None = None) -> list[Now]:
        """Return the namespaces in the order that was asked for, `most` of them. If none was and there are
        more, those that are marked come first, and then the busiest.
        """
        found = [self._now(row) for row in self.seen.rows(self.asked.names, self.asked.sort)]
        if most is None or len(found) <= most or self.asked.sort:
            return found[:most]
        return sorted(found, key=_by_attention)[:most]

    @property
    def total(self) -> Now:
        """All namespaces together."""
        total, minute = self.seen.total, self.minute
        change = total.now.entries - sum(self.began.values())
        figures = None if minute is None else minute.totals
        return Now(total, figures, self._seconds, self.seen.recent.totals, change)

    def _now(self, row: Row) -> Now:
        minute = None if self.minute is None else self.minute.namespaces.get(row.name)
        beside = self.seen.recent.namespaces.get(row.name, row.now)
        return Now(
            row, minute, self._seconds, beside, row.now.entries - self.began.get(row.name, 0)
        )

    @property
    def _seconds(self) -> float:
        window = None if self.minute is None else self.minute.window
        return MINUTE if window is None or window.start is None else window.end - window.start


def _by_attention(now: Now) -> tuple[int, int]:
    busy = 0 if now.minute is None else lookups(now.minute)
    return (BROKEN, ATTENTION, "").index(now.row.mark), -busy
