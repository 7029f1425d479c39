"""What a warm-up did, in words that add up."""

from collections.abc import Iterator
from typing import Final

from cachectl._engine.warm import WarmReport
from cachectl._model.units import format_bytes, format_seconds

_NAMES: Final = 3


def lines(report: WarmReport, *, dry_run: bool) -> Iterator[str]:
    """Yield what an operator wants to know beside single failures: what became of all that was read."""
    yield from _skipped(report)
    yield f"{report.read:,} read in {format_seconds(report.seconds)}"
    if not report.read:
        yield "nothing was read: there is nothing to warm from"
        return
    parts = list(_parts(report, dry_run=dry_run))
    digits = max(len(f"{number:,}") for number, _ in parts)
    for number, said in parts:
        yield f"  {number:>{digits},} {said}"
    if report.kept != report.written:
        there = "would be there then" if dry_run else "are there now"
        yield f"{'about ' if report.uncertainty else ''}{report.kept:,} of them {there}"


def _parts(report: WarmReport, *, dry_run: bool) -> Iterator[tuple[int, str]]:
    """Yield how many items ended in which way; indented, what became of those that were written."""
    yield (
        report.written,
        f"{'would be written' if dry_run else 'written'}, {format_bytes(report.bytes)}",
    )
    lost = [
        (report.replaced, "replaced in this run: their key came again"),
        *((number, f"evicted again by {limit}") for limit, number in report.evicted_by.items()),
        (report.expired, "expired meanwhile"),
        (report.gone, "removed by others, or dropped by the server"),
    ]
    for number, said in lost:
        if number:
            yield number, f"  of them {said}"
    if report.fresh:
        yield report.fresh, "already fresh"
    if report.failed:
        yield report.failed, "failed"


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
