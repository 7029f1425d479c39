"""`stats --watch`: what happens just now, as a table that is drawn again and again."""

from collections.abc import Callable
from datetime import UTC, datetime

from rich.text import Text

from cachectl._admin.context import Context
from cachectl._admin.figures import fullness, lookups
from cachectl._admin.findings import DAY, window_name
from cachectl._admin.watching import Moment, Now
from cachectl._cli.output import cells, found
from cachectl._cli.output.glyphs import Glyphs, meter
from cachectl._cli.output.grid import Grid
from cachectl._cli.output.layout import Column, Line, table
from cachectl._cli.output.screen import Screen
from cachectl._cli.output.stats_columns import NARROW
from cachectl._metrics.reports import NamespaceStats

_AROUND = 6
"""Lines of a screen that are no rows: the context, the headings, the total, and the last one."""


def add(
    screen: Screen, about: Context, moment: Moment, interval: float, height: int | None
) -> None:
    """Add a moment, on a screen of so many lines; None is a sequence of screens, below each other."""
    report = moment.seen.report
    state = about.state(report.backend, report.applications, is_empty=not report.totals.entries)
    screen.context("cache", *about.parts(state))
    screen.context("window", *_window(screen, moment, interval))
    screen.blank()
    findings = moment.seen.findings
    notes = moment.seen.recent.backend.notes
    below = len(findings[: found.SHOWN]) + 2 if findings else 0
    most = None if height is None else max(1, height - _AROUND - below - len(notes))
    screen.add(_table(screen, moment, most))
    found.add(screen, findings)
    for note in notes:  # elsewhere than on the screen nobody reads it
        screen.hanging(Text("  "), note, 2)


def _window(screen: Screen, moment: Moment, interval: float) -> tuple[str, ...]:
    """Return which time it is; the columns say which time they are about."""
    clock = f"{datetime.fromtimestamp(moment.seen.report.generated_at, UTC):%H:%M:%S} UTC"
    clock = f"{clock}, every {interval:g}s"
    if screen.width is not None and screen.width < NARROW:
        return (clock,)
    return f"last 1m beside {window_name(moment.asked.since or DAY)}", clock, "Ctrl-C ends"


def _table(screen: Screen, moment: Moment, most: int | None) -> Grid:
    beside = window_name(moment.asked.since or DAY)
    lines = [Line(now, now.row.mark) for now in moment.rows(most)]
    lines.append(Line(moment.total, is_total=True))
    return table(_columns(screen.glyphs, beside), lines, screen.width, screen.glyphs)


def _columns(glyphs: Glyphs, beside: str) -> list[Column[Now]]:
    def full(now: Now) -> str:
        share = fullness(now.row.now)
        return glyphs.unknown if share is None else cells.part(share)

    columns: list[Column[Now]] = [
        Column("namespace", 0, lambda now: now.row.name, None, is_text=True),
        Column("hit 1m", 1, lambda now: _rate(now.minute, glyphs), None),
        Column(f"hit {beside}", 2, lambda now: _rate(now.beside, glyphs), None),
        Column("lookups/s", 4, _each(lookups), None),
        Column("misses/s", 5, _each(lambda of: of.misses), None),
        Column("evicted/s", 6, _each(lambda of: of.evictions), None),
        Column("", 7, lambda now: meter(fullness(now.row.now), glyphs), None, is_drawn=True),
        Column("full", 3, full, None),
        Column("entries", 8, lambda now: cells.count(now.row.now.entries), None),
        Column("change", 9, lambda now: cells.more(now.change), None),
        Column("memory", 10, lambda now: _size(now.row.now.memory_bytes), None),
    ]
    return columns


def _rate(figures: NamespaceStats | None, glyphs: Glyphs) -> str:
    if figures is None:
        return cells.UNKNOWN
    return glyphs.unknown if figures.hit_rate is None else cells.rate(figures.hit_rate)


def _each(counter: Callable[[NamespaceStats], int]) -> Callable[[Now], str]:
    def cell(now: Now) -> str:
        return (
            cells.UNKNOWN
            if now.minute is None
            else cells.per_second(now.per_second(counter(now.minute)))
        )

    return cell


def _size(size: int | None) -> str:
    return cells.UNKNOWN if size is None else cells.size(size)
