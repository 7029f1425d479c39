"""Figures by the names that thresholds and monitoring give them: the unit of each, and what it is of a
namespace.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from cachectl._metrics.counters import ROWS
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.arguments import shown
from cachectl._model.units import parse_duration, parse_size
from cachectl.errors import UsageError

_PER_HOUR: Final = "_per_hour"
_NUMBER: Final = r"(?a)\d{1,18}(?:\.\d{1,18})?"


class Unit(Enum):
    """What a figure is measured in; each knows how such a number is written."""

    SHARE = "a share: 80% or 0.8"
    COUNT = "a number: 0, 1000 or 2.5"
    BYTES = "a size: 512, 1.5MiB or 2GB"
    SECONDS = "seconds, or a duration: 90, 15m or 1h30m"
    DOLLARS = "an amount of dollars: 0.5 or 20"

    def parse(self, text: str) -> float:
        """Return what a text says in this unit, shares from 0 to 1. Raises `UsageError`."""
        value = self._value(text)
        if value is None or (self is Unit.SHARE and value > 1):
            raise UsageError(f"not {self.value}, but {shown(text)}")
        return value

    def _value(self, text: str) -> float | None:
        if self is Unit.BYTES and text != "0":
            return parse_size(text)
        if self is Unit.SECONDS and text != "0":
            return parse_duration(text)
        if self is Unit.SHARE and text.endswith("%"):
            number = text.removesuffix("%")
            return float(f"{number}e-2") if is_number(number) else None  # rounded once
        return float(text) if is_number(text) else None


class Figure(NamedTuple):
    """A figure of a namespace: what it holds, a counter, or one `per_hour` of the time looked at."""

    field: str
    unit: Unit
    is_counter: bool = False
    per_hour: bool = False

    @property
    def name(self) -> str:
        """What it is called: `hit-rate`, `evictions-per-hour`."""
        return f"{self.field}{_PER_HOUR if self.per_hour else ''}".replace("_", "-")

    def of(self, figures: NamespaceStats, hours: float | None) -> float | None:
        """Return what it is of a namespace, None if that is unknown. `hours` is the time that is looked at."""
        value = value_of(figures, self.field)
        if value is None or not self.per_hour:
            return value
        return value / hours if hours else None


def value_of(figures: NamespaceStats, field: str) -> float | None:
    """Return a figure by its name in JSON, or one that is made of several; None is unknown."""
    if field == "full":
        return fullness(figures)
    if field == "lookups":
        return lookups(figures)
    value: float | None = getattr(figures, field, None)
    return figures.other.get(field, value)


def lookups(figures: NamespaceStats) -> int:
    """Return the lookups that the hit rate is about."""
    return figures.hits + figures.misses


def fullness(figures: NamespaceStats) -> float | None:
    """Return how much of its tighter limit a namespace fills; None without limits."""
    limits = (figures.entries, figures.max_entries), (figures.bytes, figures.max_bytes)
    return max((used / limit for used, limit in limits if limit), default=None)


def named(name: str) -> Figure:
    """Return the figure of that name. Raises `UsageError`."""
    found = FIGURES.get(name.replace("_", "-"))
    if found is None:
        known = ", ".join(name for name, figure in FIGURES.items() if not figure.per_hour)
        raise UsageError(
            f"no figure {shown(name)} (there are {known}, and counters as evictions-per-hour)"
        )
    return found


def is_number(text: str) -> bool:
    """Return whether a text is a number without sign, exponent or anything else."""
    return re.fullmatch(_NUMBER, text) is not None


def _unit_of(counter: str) -> Unit:
    if counter.endswith("_seconds"):
        return Unit.SECONDS
    return Unit.DOLLARS if counter.endswith("_cost") else Unit.COUNT


def _figures() -> dict[str, Figure]:
    held = [
        Figure("hit_rate", Unit.SHARE), Figure("full", Unit.SHARE),
        Figure("entries", Unit.COUNT), Figure("expired_entries", Unit.COUNT),
        Figure("bytes", Unit.BYTES), Figure("memory_bytes", Unit.BYTES),
    ]  # fmt: skip
    counters = dict.fromkeys(("lookups", "misses", *(row.report for row in ROWS if row.report)))
    counted = [Figure(name, _unit_of(name), is_counter=True) for name in counters]
    hourly = [figure._replace(is_counter=False, per_hour=True) for figure in counted]
    return {figure.name: figure for figure in (*held, *counted, *hourly)}


FIGURES: Final[Mapping[str, Figure]] = _figures()
"""What can be judged, by name; counters also per hour."""
