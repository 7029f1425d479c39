"""Cleanup by hand: ages that cannot be mistaken, and removals that somebody should confirm."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cachectl._engine.cache import Cache
from cachectl._metrics.reports import CleanupReport
from cachectl._model.records import Removed, Usage
from cachectl._model.units import format_bytes, format_entries, parse_duration
from cachectl.errors import UsageError


class ChosenLimits(NamedTuple):
    """What somebody asks a cleanup to remove beside what has expired or is over its own limits."""

    older_than: float | None = None
    max_entries: int | None = None
    max_bytes: int | None = None

    def question(self, cache: Cache, namespaces: Sequence[str]) -> str | None:
        """Return in words that the options would remove more than half of what is fresh in these
        namespaces, or in all; None if they would not. It reads all entries if there are options.
        """
        if not any(option is not None for option in self):
            return None
        report = cache.plan_cleanup(**self._asdict()).dry_run(namespaces)
        going, fresh = _sum(report.evicted.values()), _fresh(cache, report)
        if 2 * going.entries <= fresh.entries and 2 * going.bytes <= fresh.bytes:
            return None
        return (
            f"{going.entries:,} of {format_entries(fresh.entries)} that are fresh,"
            f" {format_bytes(going.bytes)} of {format_bytes(fresh.bytes)}"
        )


def seconds_of(text: str) -> float:
    """Return a duration that has an end. Raises `UsageError`."""
    seconds = parse_duration(text)
    if seconds is None:
        raise UsageError(f"not a duration here: {text!r}")
    return seconds


def age_of(text: str) -> float:
    """Return seconds. Raises `UsageError`, also for a number alone: it may be meant as days."""
    seconds = seconds_of(text)
    number = text.strip()
    if number[-1].isdecimal():
        raise UsageError(f"an age needs a unit: write {number}s, {number}m or {number}d")
    return seconds


def _fresh(cache: Cache, report: CleanupReport) -> Removed:
    """Return what the namespaces of a dry run hold that has not expired."""
    held = cache.usage()
    expired = _sum(report.expired.values())
    usage = [held.get(name, Usage()) for name in report.evicted]
    return Removed(
        sum(each.entries for each in usage) - expired.entries,
        sum(each.bytes for each in usage) - expired.bytes,
    )


def _sum(parts: Iterable[Removed]) -> Removed:
    total = Removed()
    for part in parts:
        total = total.plus(part)
    return total
