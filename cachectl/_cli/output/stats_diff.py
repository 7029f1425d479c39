"""`stats --diff`: figures before and after a change, side by side."""

from collections.abc import Callable

from cachectl._admin.comparison import Compared, Comparison, Side
from cachectl._admin.findings import window_name
from cachectl._cli.output import cells, found
from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.layout import Column, Line, table
from cachectl._cli.output.screen import Screen
from cachectl._model.units import format_moment, format_seconds


def add_context(screen: Screen, comparison: Comparison, since: float | None) -> None:
    """Add which times stand side by side: two windows of `since` seconds, or what came after all before."""
    saved, now = comparison.saved, comparison.report.generated_at
    then = f"{format_moment(saved.at, now)} UTC"
    if since is None:
        ago = format_seconds(max(0, int(now - saved.at)))
        screen.context("window", f"all until {then}, and the {ago} since then")
    else:
        length = window_name(since)
        screen.context("window", f"{length} until {then}, and {length} until now")


def add(screen: Screen, comparison: Comparison) -> None:
    """Add a row for each namespace, the total, and what stands out."""
    findings = [row.finding for row in comparison.rows if row.finding is not None]
    lines = [Line(row, row.finding.mark if row.finding else "") for row in comparison.rows]
    lines.append(Line(comparison.total, is_total=True))
    screen.blank()
    screen.add(table(_columns(screen.glyphs), lines, screen.width, screen.glyphs))
    if screen.width is not None:
        found.add(screen, findings)


def _columns(glyphs: Glyphs) -> list[Column[Compared]]:
    def rate(share: float | None) -> str:
        return glyphs.unknown if share is None else cells.rate(share)

    def points(row: Compared) -> str:
        change = row.rate_change
        return glyphs.unknown if change is None else f"{change * 100:+.1f}"

    def memory(row: Compared) -> str:
        return cells.UNKNOWN if row.more_memory is None else cells.more_bytes(row.more_memory)

    def saved(row: Compared) -> str:
        return cells.money(row.after.saved_cost) if row.after.saved_cost else glyphs.unknown

    def column(heading: str, rank: int, cell: Callable[[Compared], str]) -> Column[Compared]:
        return Column(heading, rank, cell, lambda row: cell(row).replace(" ", ""))

    return [
        Column("namespace", 0, lambda row: row.name, lambda row: row.name.partition(" ")[0], True),
        column("before", 2, lambda row: rate(row.before.hit_rate)),
        column("after", 1, lambda row: rate(row.after.hit_rate)),
        column("points", 3, points),
        _counts("lookups", 4, lambda side: side.lookups),
        _counts("misses", 8, lambda side: side.misses),
        _counts("evicted", 7, lambda side: side.evictions),
        column("entries", 5, lambda row: cells.more(int(row.after.entries - row.before.entries))),
        column("memory", 6, memory),
        column("saved", 9, saved),
    ]


def _counts(heading: str, rank: int, counter: Callable[[Side], float]) -> Column[Compared]:
    """Return a column of what was counted after."""
    return Column(
        heading,
        rank,
        lambda row: cells.count(int(counter(row.after))),
        lambda row: f"{int(counter(row.after)):,}",
    )
