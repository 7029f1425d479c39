"""What a cache does, side by side: the figures of a window, those of all time, and what stands out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from cachectl._admin.figures import fullness, lookups
from cachectl._admin.findings import ATTENTION, DAY, Concern, Finding, findings_of, mark_of
from cachectl._admin.thresholds import Threshold, Verdict
from cachectl._engine.cache import Cache
from cachectl._metrics.details import Details, Trend
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl.errors import UsageError

PARTS: Final = 24
"""Parts of a window in trends: hours of a day."""

_CONCERNS: Final[Mapping[str, Concern]] = {
    "hit_rate": "rate", "full": "full", "evictions": "evictions", "errors": "errors",
}  # fmt: skip


class Asked(NamedTuple):
    """What somebody wants to see: of which namespaces, all if there is none; since how many seconds, None
    is all time; in which order; and which columns, if not those that fit.
    """

    names: Sequence[str]
    since: float | None
    sort: str
    columns: Sequence[str]


class Row(NamedTuple):
    """A namespace, or the total: its figures in the window, and in all time."""

    name: str
    now: NamespaceStats
    ever: NamespaceStats
    findings: Sequence[Finding] = ()
    trend: Trend | None = None
    is_total: bool = False

    @property
    def mark(self) -> str:
        """What is worst of it: `x` is broken, `!` asks for attention."""
        return mark_of(self.findings)


class Overview(NamedTuple):
    """The figures of a window of `since` seconds (None is all time), beside them those of all time.
    `findings` are about what is `recent`: the window, or else the last day.
    """

    report: Stats
    all_time: Stats
    recent: Stats
    since: float | None
    findings: Sequence[Finding]
    crossings: Sequence[Finding] = ()
    """Who crosses a threshold: that is marked, and told elsewhere."""

    def judged(self, verdicts: Sequence[Verdict]) -> "Overview":
        """Return it with marks for who crosses a threshold."""
        crossings = [
            Finding(ATTENTION, each.subject.name, *_crossed(verdict.threshold))
            for verdict in verdicts
            for each in verdict.crossed
            if each.subject.name is not None
        ]
        return self._replace(crossings=crossings)

    @property
    def counting_since(self) -> float | None:
        """When counting began, in Unix seconds, if that is known."""
        return None if self.recent.trend is None else self.recent.trend.counting_since

    def details(self, name: str) -> Details | None:
        """Return what is noted of a namespace beside its counts, if that was asked for."""
        return self.recent.details.get(name)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was ever stored or looked up, as far as is known."""
        ever = self.all_time.totals
        return not (ever.entries or ever.hits or ever.misses or ever.sets or ever.shared)

    def rows(self, names: Sequence[str] = (), sort: str = "") -> list[Row]:
        """Return these namespaces, or all, in the order of `sort`."""
        return sorted_by([self.row(name) for name in names or self.report.namespaces], sort)

    def row(self, name: str) -> Row:
        """Return one namespace."""
        ever = self.all_time.namespaces.get(name, self.report.namespaces[name])
        about = [each for each in (*self.findings, *self.crossings) if each.namespace == name]
        trend = self.recent.trends.get(name)
        return Row(name, self.report.namespaces[name], ever, about, trend)

    @property
    def total(self) -> Row:
        """All of them together."""
        name = f"total ({len(self.report.namespaces):,})"
        return Row(name, self.report.totals, self.all_time.totals, is_total=True)


def overview(
    cache: Cache, names: Sequence[str], since: float | None, *, details: bool = False
) -> Overview:
    """Return what these namespaces did, or all, in the last `since` seconds, with `details` of them. Raises
    `BackendError`, and `UsageError` where nothing is counted by time.
    """
    try:
        recent = cache.stats(*names, since=since or DAY, parts=PARTS, details=details)
    except UsageError:
        if since is not None:
            raise
        report = cache.stats(*names)
        return Overview(report, report, report, None, findings_of(report, report, None))
    all_time = recent.all_time or cache.stats(*names)
    all_time = replace(all_time, applications=recent.applications)
    found = findings_of(recent, all_time, since or DAY)
    return Overview(all_time if since is None else recent, all_time, recent, since, found)


def _crossed(threshold: Threshold) -> tuple[str, Concern]:
    """Return what is said of who crosses a threshold, and which figures show it."""
    concern = _CONCERNS.get(threshold.figure.field, "other")
    return f"{threshold.bound} {threshold.text}", concern


def missed(trend: Trend, parts: int) -> list[float | None]:
    """Return the share of misses in so many parts of a trend, at most; None is a part without lookups."""
    size = -(-len(trend.parts) // parts)
    grouped = [trend.parts[at : at + size] for at in range(0, len(trend.parts), size)]
    counts = [
        (sum(part.misses for part in group), sum(part.hits + part.misses for part in group))
        for group in grouped
    ]
    return [misses / asked if asked else None for misses, asked in counts]


NAMESPACE: Final = "namespace"
SORTS: Final[Mapping[str, Callable[[Row], float | None]]] = {
    "hit-rate": lambda row: row.now.hit_rate,
    "all-time": lambda row: row.ever.hit_rate,
    "lookups": lambda row: lookups(row.now),
    "hits": lambda row: row.now.hits,
    "misses": lambda row: row.now.misses,
    "entries": lambda row: row.now.entries,
    "full": lambda row: fullness(row.now),
    "memory": lambda row: row.now.memory_bytes,
    "size": lambda row: row.now.bytes,
    "ttl": lambda row: row.now.ttl,
    "evicted": lambda row: row.now.evictions,
    "expired": lambda row: row.now.expired,
    "saved": lambda row: row.now.saved_cost,
    "time-saved": lambda row: row.now.saved_seconds,
    "last-hit": lambda row: row.now.last_hit_at,
    "sets": lambda row: row.now.sets,
    "shared": lambda row: row.now.shared,
    "invalidated": lambda row: row.now.invalidated,
    "errors": lambda row: row.now.errors,
    "not-fresh": lambda row: row.now.expired_entries,
    "compressed": lambda row: row.now.compression_ratio,
}
"""The figures by which rows may be sorted."""


def check_sort(sort: str) -> None:
    """Raise `UsageError` unless rows can be sorted by it: a figure, and perhaps `:asc` or `:desc`."""
    column, _, order = sort.partition(":")
    if sort and (order not in ("", "asc", "desc") or column not in {*SORTS, NAMESPACE}):
        known = ", ".join((NAMESPACE, *SORTS))
        raise UsageError(f"cannot sort by {sort!r}: write one of {known}, and :asc or :desc")


def sorted_by(rows: Sequence[Row], sort: str) -> list[Row]:
    """Return rows with the largest figure first, or with `:asc` the smallest; what has none is last.
    Without anything to sort by they stay as they are.
    """
    column, _, order = sort.partition(":")
    if column == NAMESPACE:
        return sorted(rows, key=lambda row: row.name, reverse=order == "desc")
    if not column:
        return list(rows)
    sign = 1 if order == "asc" else -1
    figures = [(SORTS[column](row), row) for row in rows]
    known = [(figure, row) for figure, row in figures if figure is not None]
    ordered = sorted(known, key=lambda pair: sign * pair[0])
    return [row for _, row in ordered] + [row for figure, row in figures if figure is None]


def in_order(report: Stats, names: Sequence[str], sort: str) -> list[str]:
    """Return these namespaces, or all of a report, in the order of `sort`."""
    figures = ((name, report.namespaces[name]) for name in names or report.namespaces)
    return [row.name for row in sorted_by([Row(name, now, now) for name, now in figures], sort)]
