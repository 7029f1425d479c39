"""Thresholds: figures below which somebody wants to know."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cachectl._admin.namespaces import unknown
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Threshold:
    """A hit rate, from 0 to 1, under which it is crossed; a rate of less than `min_lookups` lookups
    says nothing.
    """

    hit_rate: float
    min_lookups: int = 1

    @classmethod
    def parse(cls, text: str, min_lookups: int = 1) -> "Threshold":
        """Return what `hit-rate=50%` or `hit-rate=0.5` says. Raises `UsageError`."""
        match = re.fullmatch(r"hit-rate=(\d+(?:\.\d+)?)(%?)", text)
        rate = float(match[1]) / (100 if match[2] else 1) if match else -1
        if not 0 <= rate <= 1:
            raise UsageError(f"not a threshold: {text!r} (write hit-rate=50% or hit-rate=0.5)")
        return cls(rate, min_lookups)

    def crossed(self, report: Stats, names: Sequence[str]) -> str | None:
        """Return in words which of these namespaces have a rate that is lower, or that the total has
        if none is named; None if not. Raises `UsageError` for one that is unknown: an alarm that
        cannot ring is none.
        """
        for name in report.unknown:
            raise UsageError(unknown(name))
        low = list(self._low(report, names))
        return f"hit rate {', '.join(low)} is under {self.hit_rate:.1%}" if low else None

    def _low(self, report: Stats, names: Sequence[str]) -> Iterator[str]:
        if not names and self._is_crossed_by(report.totals):
            yield f"{report.totals.hit_rate:.1%}"
        for name in names:
            if self._is_crossed_by(report.namespaces[name]):
                yield f"of {name} {report.namespaces[name].hit_rate:.1%}"

    def _is_crossed_by(self, figures: NamespaceStats) -> bool:
        return (
            figures.hit_rate is not None
            and figures.hits + figures.misses >= self.min_lookups
            and figures.hit_rate < self.hit_rate
        )
