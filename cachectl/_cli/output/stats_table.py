"""`stats` as a table: a row for each namespace, the totals, and below them what was found."""

from collections.abc import Sequence

from cachectl._admin.overview import Overview, Row
from cachectl._cli.output import stats_columns
from cachectl._cli.output.grid import Grid
from cachectl._cli.output.layout import Line, fits, table
from cachectl._cli.output.stats_columns import IN_FULL, Look


def made(overview: Overview, rows: Sequence[Row], look: Look, asked: Sequence[str] = ()) -> Grid:
    """Return the table: with the columns that were asked for, or all that fit, and then, where there is
    room for that, with all digits. Raises `UsageError` for unknown columns.
    """
    lines = [Line(row, row.mark) for row in rows]
    if rows:
        lines.append(Line(overview.total, is_total=True))
    if asked:
        columns = stats_columns.chosen(look, asked)
        return table(columns, lines, look.width, look.glyphs)
    totals = overview.report.totals
    exact = stats_columns.columns(look._replace(exact=True), totals)
    if look.width is not None and fits(exact, lines, look.width):
        return table(exact, lines, look.width, look.glyphs)
    columns = stats_columns.columns(look, totals)
    return table(columns, lines, look.width, look.glyphs, in_full=IN_FULL)
