"""Figures as a monitoring system asks for them: each with the ranges that warn of it, and a state, as the
guidelines of the Monitoring Plugins have them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from math import inf
from typing import Final, NamedTuple

from cachectl._admin.figures import FIGURES, Figure, Unit, lookups, named
from cachectl._admin.thresholds import (
    Subject,
    began_for,
    hours_of,
    not_judged_as,
    parts,
    subjects,
)
from cachectl._engine.cache import Cache
from cachectl._model.arguments import shown
from cachectl.errors import UsageError

_BY_DEFAULT: Final = ("hit-rate", "lookups", "entries", "memory-bytes", "evictions", "errors")
_WRITTEN: Final = "write 10, 10:, ~:10 or 10:20, or one of these after an @"
_RANGE: Final = r"(?a)(@?)(?:(~|-?\d{1,18}(?:\.\d{1,9})?)?:)?(-?\d{1,18}(?:\.\d{1,9})?)?"


class State(IntEnum):
    """What a plugin tells by its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @classmethod
    def named(cls, name: str) -> "State":
        """Return the state that has this name. Raises `UsageError`."""
        found = cls.__members__.get(name.upper())
        if found is None:
            raise UsageError(f"not a state: {shown(name)} (ok, warning, critical or unknown)")
        return found


class Range(NamedTuple):
    """Figures from `start` to `end`, both of them among these. What is outside is a matter of alarm, or
    with `is_inside` what is in it.
    """

    start: float
    end: float
    is_inside: bool
    text: str

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Return what `10`, `10:`, `~:10`, `10:20` or `@10:20` says. Raises `UsageError`."""
        match = re.fullmatch(_RANGE, text)
        if match is None or text in {"", "@"}:
            raise UsageError(f"not a range: {shown(text)} ({_WRITTEN})")
        start = -inf if match[2] == "~" else float(match[2] or 0)
        end = inf if match[3] is None else float(match[3])
        if start > end:
            raise UsageError(f"not a range: {shown(text)} (it begins above its end)")
        return cls(start, end, bool(match[1]), text)

    def alerts(self, value: float) -> bool:
        """Return whether a figure is a matter of alarm."""
        return (self.start <= value <= self.end) is self.is_inside


class Reading(NamedTuple):
    """A figure of a subject, shares in percent, with the ranges that are to warn of it. `value` is None
    where nothing is known, which `reason` says.
    """

    subject: Subject
    figure: Figure
    value: float | None
    reason: str
    warning: Range | None
    critical: Range | None

    @property
    def state(self) -> State:
        """What it is a matter of; what is not known is none."""
        if self.value is None:
            return State.OK
        if self.critical is not None and self.critical.alerts(self.value):
            return State.CRITICAL
        is_warned_of = self.warning is not None and self.warning.alerts(self.value)
        return State.WARNING if is_warned_of else State.OK

    @property
    def most(self) -> float | None:
        """The largest value that the figure can have, if there is one."""
        if self.figure.unit is Unit.SHARE:
            return 100
        limits = {"entries": "max_entries", "bytes": "max_bytes"}
        most: float | None = getattr(self.subject.figures, limits.get(self.figure.name, ""), None)
        return most


class Check(NamedTuple):
    """What is asked of a cache: figures, and the ranges that are to warn of them."""

    warning: Mapping[Figure, Range]
    critical: Mapping[Figure, Range]
    each: bool = False
    min_lookups: int = 1

    @classmethod
    def of(
        cls,
        warning: Iterable[str],
        critical: Iterable[str],
        *,
        each: bool,
        min_lookups: int,
    ) -> "Check":
        """Return what texts such as `hit-rate=80:` ask for. Raises `UsageError`."""
        return cls(_ranges(warning), _ranges(critical), each, min_lookups)

    @property
    def figures(self) -> Sequence[Figure]:
        """The figures that have ranges; some that tell most, if there are none."""
        asked = dict.fromkeys((*self.warning, *self.critical))
        return list(asked) or [FIGURES[name] for name in _BY_DEFAULT]

    def readings(self, cache: Cache, names: Sequence[str], since: float | None) -> list[Reading]:
        """Return the figures of the namespaces that are named, of `each`, or of all together, as they are
        now. Raises `UsageError` for a namespace that is unknown.
        """
        report = cache.stats(*names, since=since)
        asked = subjects(report, names, each=self.each)
        began = began_for(self.figures, cache, names)
        return [
            self._reading(subject, figure, hours_of(report, began.get(subject.name)))
            for figure in self.figures
            for subject in asked
        ]

    def _reading(self, subject: Subject, figure: Figure, hours: float | None) -> Reading:
        value = figure.of(subject.figures, hours)
        reason = not_judged_as(figure, subject.figures, value, self.min_lookups)
        if value is not None and figure.unit is Unit.SHARE:
            value = round(value * 100, 9)  # 57 of 100 are 57 %, not a little less
        ranges = self.warning.get(figure), self.critical.get(figure)
        return Reading(subject, figure, None if reason else value, reason, *ranges)


def state_of(readings: Iterable[Reading]) -> State:
    """Return the worst of their states."""
    return max((reading.state for reading in readings), default=State.OK)


def is_empty(readings: Iterable[Reading]) -> bool:
    """Return whether nothing is held or was looked up, as where a place is mistyped: who is told that all is
    well there is to know it.
    """
    figures = (reading.subject.figures for reading in readings)
    return not any(each.entries or lookups(each) for each in figures)


def _ranges(texts: Iterable[str]) -> dict[Figure, Range]:
    found: dict[Figure, Range] = {}
    for text in parts(texts):
        name, equals, range_ = (part.strip() for part in text.partition("="))
        if not name or not equals:
            raise UsageError(f"not a range of a figure: {shown(text)} (write hit-rate=80:)")
        figure = named(name)
        if figure in found:
            raise UsageError(f"{figure.name} has two ranges")
        found[figure] = Range.parse(range_)
    return found
