"""Thresholds: figures below or above which somebody wants to know, and what was found of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cachectl._admin.figures import Figure, lookups, named
from cachectl._admin.namespaces import unknown
from cachectl._engine.cache import Cache
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._model.arguments import shown
from cachectl.errors import UsageError

_HOUR: Final = 3600.0
_LEAST: Final = 60.0
"""Seconds that a figure per hour is of at least: of less it would say anything."""

Began = Mapping[str | None, float | None]
"""When counting began (Unix seconds), by namespace, and for all together; None is unknown."""
_NEVER: Final[Began] = MappingProxyType({})


class Bound(StrEnum):
    """On which side of a threshold a figure is to stay."""

    UNDER = "under"
    OVER = "over"


class Threshold(NamedTuple):
    """A figure that crosses it is `bound` the `limit`; `text` is how somebody wrote it."""

    figure: Figure
    bound: Bound
    limit: float
    text: str

    @classmethod
    def parse(cls, text: str, bound: Bound) -> "Threshold":
        """Return what `hit-rate=80%` or `evictions-per-hour=1000` says. Raises `UsageError`."""
        name, equals, limit = (part.strip() for part in text.partition("="))
        if not name or not equals:
            raise UsageError(f"not a threshold: {shown(text)} (write hit-rate=80% or errors=0)")
        figure = named(name)
        try:
            return cls(figure, bound, figure.unit.parse(limit), f"{figure.name}={limit}")
        except UsageError:
            needed = f"{figure.name} is {figure.unit.value}"
            raise UsageError(f"not a threshold: {shown(text)} ({needed})") from None

    def is_crossed_by(self, value: float) -> bool:
        """Return whether a figure is on the wrong side."""
        return value < self.limit if self.bound is Bound.UNDER else value > self.limit


class Subject(NamedTuple):
    """What is judged: a namespace, or without a name all of them together."""

    name: str | None
    figures: NamespaceStats

    @property
    def said(self) -> str:
        """What it is called."""
        return "the total" if self.name is None else self.name


class Crossing(NamedTuple):
    """A subject whose figure crosses a threshold, with the value that it has."""

    subject: Subject
    value: float


class Verdict(NamedTuple):
    """What was found of a threshold: who crosses it, the worst first; whom it could not be asked of, by
    the reason; and of how many it was asked.
    """

    threshold: Threshold
    crossed: Sequence[Crossing]
    not_judged: Mapping[str, Sequence[Subject]]
    asked: int

    @property
    def judged(self) -> int:
        """Of how many it could be asked."""
        return self.asked - sum(map(len, self.not_judged.values()))


class Alarm(NamedTuple):
    """Thresholds for the namespaces that are named, or for all together if none is; or for `each`. A hit
    rate of less than `min_lookups` lookups says nothing. Figures per hour are of the time since counting
    `began`, or of the window that is looked at, if that is shorter.
    """

    thresholds: Sequence[Threshold]
    each: bool = False
    min_lookups: int = 1
    began: Began = _NEVER

    @classmethod
    def of(
        cls,
        under: Iterable[str],
        over: Iterable[str],
        *,
        each: bool,
        min_lookups: int | None,
    ) -> "Alarm":
        """Return what somebody asks for; texts may be lists, separated by commas. Raises `UsageError`,
        also for options of thresholds without any.
        """
        found = [
            Threshold.parse(text, bound)
            for bound, texts in ((Bound.UNDER, under), (Bound.OVER, over))
            for text in parts(texts)
        ]
        if not found and (each or min_lookups is not None):
            raise UsageError("--each and --min-lookups go with --fail-under or --fail-over")
        return cls(found, each, min_lookups or 1)

    def timed(self, cache: Cache, names: Sequence[str]) -> "Alarm":
        """Return it with the times that it needs."""
        figures = [threshold.figure for threshold in self.thresholds]
        return self._replace(began=began_for(figures, cache, names))

    def verdicts(self, report: Stats, names: Sequence[str]) -> list[Verdict]:
        """Return what is found of each threshold. Raises `UsageError` for a namespace that is unknown: an
        alarm that cannot ring is none.
        """
        if not self.thresholds:
            return []
        asked = subjects(report, names, each=self.each)
        return [self._verdict(threshold, asked, report) for threshold in self.thresholds]

    def _verdict(self, threshold: Threshold, asked: Sequence[Subject], report: Stats) -> Verdict:
        crossed, not_judged = [], dict[str, list[Subject]]()
        for subject in asked:
            hours = hours_of(report, self.began.get(subject.name))
            value = threshold.figure.of(subject.figures, hours)
            reason = not_judged_as(threshold.figure, subject.figures, value, self.min_lookups)
            if value is None or reason:
                not_judged.setdefault(reason, []).append(subject)
            elif threshold.is_crossed_by(value):
                crossed.append(Crossing(subject, value))
        crossed.sort(key=lambda each: each.value, reverse=threshold.bound is Bound.OVER)
        return Verdict(threshold, crossed, not_judged, len(asked))


def parts(texts: Iterable[str]) -> Iterator[str]:
    """Yield what lists that are separated by commas have in them."""
    for text in texts:
        yield from text.split(",")


def began_for(figures: Iterable[Figure], cache: Cache, names: Sequence[str]) -> Began:
    """Return when counting began, if any of the figures is one per hour."""
    if not any(figure.per_hour for figure in figures):
        return _NEVER
    report = cache.stats(*names, parts=1)
    of_all = None if report.trend is None else report.trend.counting_since
    return {None: of_all, **{name: of.counting_since for name, of in report.trends.items()}}


def subjects(report: Stats, names: Sequence[str], *, each: bool) -> list[Subject]:
    """Return what is to be judged. Raises `UsageError` for a namespace that is unknown."""
    for name in report.unknown:
        raise UsageError(unknown(name))
    if not each and not names:
        return [Subject(None, report.totals)]
    return [Subject(name, report.namespaces[name]) for name in names or report.namespaces]


def hours_of(report: Stats, began: float | None) -> float | None:
    """Return in how long a time a report has counted; None if that is not known."""
    starts = [start for start in (report.window.start, began) if start is not None]
    return max(_LEAST, report.window.end - max(starts)) / _HOUR if starts else None


def not_judged_as(
    figure: Figure, figures: NamespaceStats, value: float | None, min_lookups: int
) -> str:
    """Return why a figure says nothing; nothing if it does."""
    if figure.name == "hit-rate" and lookups(figures) < min_lookups:
        return f"under {min_lookups:,} lookups" if min_lookups > 1 else "no lookups"
    if value is not None:
        return ""
    if figure.per_hour:
        return "counting since nobody knows when"
    return "no limit" if figure.name == "full" else "unknown"


def document(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return what the document of `stats` says of thresholds; nothing without any."""
    told = [_told(verdict) for verdict in verdicts]
    return {"crossed": any(each["crossed"] for each in told), "thresholds": told} if told else {}


def _told(verdict: Verdict) -> dict[str, Any]:
    threshold = verdict.threshold
    return {
        "figure": threshold.figure.name.replace("-", "_"),
        str(threshold.bound): threshold.limit,
        "crossed": [
            {"namespace": each.subject.name, "value": each.value} for each in verdict.crossed
        ],
        "not_judged": [
            {"namespace": subject.name, "reason": reason}
            for reason, found in verdict.not_judged.items()
            for subject in found
        ],
    }
