"""Thresholds: figures below which somebody wants to know."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cachectl._metrics.reports import Stats
from cachectl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Threshold:
    """A hit rate, from 0 to 1, under which it is crossed."""

    hit_rate: float

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """Return what `hit-rate=50%` or `hit-rate=0.5` says. Raises `UsageError`."""
        match = re.fullmatch(r"hit-rate=(\d+(?:\.\d+)?)(%?)", text)
        rate = float(match[1]) / (100 if match[2] else 1) if match else -1
        if not 0 <= rate <= 1:
            raise UsageError(f"not a threshold: {text!r} (write hit-rate=50% or hit-rate=0.5)")
        return cls(rate)

    def crossed(self, report: Stats, names: Sequence[str]) -> str | None:
        """Return in words that the rate of one of these namespaces, or the total if none is
        named, is lower; None if not. Without lookups there is no rate.
        """
        figures = [report.namespaces[name] for name in names] or [report.totals]
        rates = [part.hit_rate for part in figures if part.hit_rate is not None]
        if rates and min(rates) < self.hit_rate:
            return f"hit rate {min(rates):.1%} is under {self.hit_rate:.1%}"
        return None
