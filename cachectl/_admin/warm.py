"""What a warm-up did, in words that add up."""

from collections.abc import Iterator
from typing import Final

from cachectl._engine.warm import WarmReport
from cachectl._model.units import format_bytes

_NAMES: Final = 3


def lines(report: WarmReport, *, dry_run: bool) -> Iterator[str]:
    """Yield what an operator wants to know beside single failures."""
    yield from _skipped(report)
    written = "would be written" if dry_run else "written"
    yield (
        f"{report.read:,} read: {report.written:,} {written} ({format_bytes(report.bytes)}),"
        f" {report.fresh:,} already fresh, {report.failed:,} failed, in {report.seconds:.1f} s"
    )
    if not report.read:
        yield "nothing was read: there is nothing to warm from"
    if report.kept != report.written:
        there = "would be there" if dry_run else "are there"
        about = "about " if report.uncertainty else ""
        yield f"of these {about}{report.kept:,} {there}: {', '.join(_lost(report))}"


def _lost(report: WarmReport) -> Iterator[str]:
    """Yield what became of what was written and is not there."""
    if report.replaced:
        yield f"{report.replaced:,} replaced by a later one of the same key"
    for limit, evicted in report.evicted_by.items():
        yield f"{evicted:,} evicted again by {limit}"
    if report.expired:
        yield f"{report.expired:,} expired meanwhile"
    if report.gone:
        yield f"{report.gone:,} removed by others, or dropped by the server"


def _skipped(report: WarmReport) -> Iterator[str]:
    """Yield a line for each reason, with the names of some."""
    reasons: dict[str, list[str]] = {}
    for skip in report.skips:
        reasons.setdefault(skip.reason, []).append(skip.source)
    for reason, names in reasons.items():
        more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
        yield f"skipped, {reason}: {', '.join(names[:_NAMES])}{more}"
    if report.skipped > len(report.skips):
        yield f"skipped: {report.skipped:,} in all"
