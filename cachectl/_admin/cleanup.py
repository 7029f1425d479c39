"""Cleanup by hand: ages that cannot be mistaken, and removals that somebody should confirm."""

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

    @property
    def are_any(self) -> bool:
        """Whether anything is asked for."""
        return any(option is not None for option in self)


def question(cache: Cache, planned: CleanupReport) -> str | None:
    """Return in words that what is planned would remove more than half of what is fresh in its
    namespaces; None if it would not.
    """
    going, fresh = Removed.total(planned.evicted.values()), _fresh(cache, planned)
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
    expired = Removed.total(report.expired.values())
    usage = [held.get(name, Usage()) for name in report.evicted]
    return Removed(
        sum(each.entries for each in usage) - expired.entries,
        sum(each.bytes for each in usage) - expired.bytes,
    )
