"""Which columns of a table fit a screen, chosen before Rich has a say: nothing wraps, no figure is cut.

A screen shows the columns that come first by their rank, as many as fit: a wider one never has less.
A pipe gets all of them, with figures that are exact.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.grid import GAP, Cells, Grid
from cachectl._cli.output.text import printable

T = TypeVar("T")

MARK: Final = 2
"""Cells in front of a line: x is broken, ! asks for attention."""
NOTHING: Final = "-"
"""What an exact cell is in which nothing stands."""
_LEAST_NAME: Final = 12
HEADING: Final = 8
"""Cells of what a context line begins with."""
_KEPT: Final = {"cache": 2}
"""Parts of a context line that each screen has: of that of the cache, the place and its state."""
STYLES: Final = {"x": "red", "!": "yellow", "": ""}


class Column(NamedTuple, Generic[T]):
    """What stands below a heading: `cell` on a screen, `exact` in a pipe, which has no such column if
    that is None. The first one of a table is that of names: it shrinks before others go. `style` is
    that of a cell; what is drawn, meters and trends, is dim where nothing is.
    """

    heading: str
    rank: int
    cell: Callable[[T], str]
    exact: Callable[[T], str] | None
    is_text: bool = False
    style: Callable[[T], str] | None = None
    is_drawn: bool = False


class Line(NamedTuple, Generic[T]):
    """What a line is about, and its mark; a bold one is a total."""

    about: T
    mark: str = ""
    is_total: bool = False


def table(
    columns: Sequence[Column[T]],
    lines: Sequence[Line[T]],
    width: int | None,
    glyphs: Glyphs,
    *,
    in_full: int | None = None,
    marks: bool = True,
) -> Grid:
    """Return a table that is `width` cells wide at most; None is a pipe. Columns from the rank `in_full`
    on are only shown where names stand in full. Without `marks` there is no room for any.
    """
    is_screen = width is not None
    mark = MARK if is_screen and marks else 0
    if width is None:
        shown = [column for column in columns if column.exact is not None]
        texts = [[word(column, line.about) for line in lines] for column in shown]
    else:
        shown, texts = _fitting(columns, lines, width - mark, glyphs, in_full)
    first, *others = (column.heading if is_screen else heading_word(column) for column in shown)
    headings = [" " * mark + first, *others]
    rows = (
        Cells(_cells(shown, line, row, mark, glyphs), line.is_total)
        for line, row in zip(lines, zip(*texts, strict=True), strict=True)
    )
    return Grid(headings, [column.is_text for column in shown], rows)


def fits(columns: Sequence[Column[T]], lines: Sequence[Line[T]], width: int) -> bool:
    """Return whether all these columns fit on a screen, and names in full."""
    cells = (max(map(cell_len, _texts(column, lines)), default=0) for column in columns)
    return MARK + sum(cells) + GAP * (len(columns) - 1) <= width


def shortened(name: str, cells: int, glyphs: Glyphs) -> str:
    """Return a name that takes so many cells at most, of which both ends are left."""
    name = printable(name)
    if cell_len(name) <= cells:
        return name
    left = cells - cell_len(glyphs.more)
    if left <= 0:  # there is no room for more than that
        return set_cell_size(name, max(0, cells))
    tail = left // 2
    end = name[len(name) - tail :]
    while cell_len(end) > tail or (end and not cell_len(end[0])):  # an accent without its letter
        end = end[1:]
    return set_cell_size(name, left - tail).rstrip() + glyphs.more + end


def context(heading: str, parts: Sequence[str], width: int, glyphs: Glyphs) -> str:
    """Return a line that says what a table is about; see `Output.context`. The heading is printable."""
    parts = [printable(part) for part in parts]
    lead = f"{heading + ' ':{HEADING}}"
    room = width - cell_len(lead)
    while len(parts) > _KEPT.get(heading, 1) and cell_len(glyphs.between.join(parts)) > room:
        parts.pop()
    others = "".join(glyphs.between + part for part in parts[1:])
    return f"{lead}{shortened(parts[0], room - cell_len(others), glyphs)}{others}"


def _fitting(
    columns: Sequence[Column[T]],
    lines: Sequence[Line[T]],
    width: int,
    glyphs: Glyphs,
    in_full: int | None,
) -> tuple[list[Column[T]], list[list[str]]]:
    names, *others = columns
    widest = {id(column): max(map(cell_len, _texts(column, lines))) for column in columns}
    least = min(widest[id(names)], max(_LEAST_NAME, cell_len(names.heading)))
    used, chosen = 0, [names]
    for column in sorted(others, key=lambda each: each.rank):
        needs_all = in_full is not None and column.rank >= in_full
        more = used + GAP + widest[id(column)]
        if (widest[id(names)] if needs_all else least) + more > width:
            break
        used = more
        chosen.append(column)
    shown = [column for column in columns if column in chosen]
    texts = [_texts(column, lines)[1:] for column in shown]
    texts[0] = [shortened(text, max(least, width - used), glyphs) for text in texts[0]]
    return shown, texts


def _texts(column: Column[T], lines: Sequence[Line[T]]) -> list[str]:
    """Return the heading, and what stands below it on a screen."""
    return [column.heading, *(column.cell(line.about) for line in lines)]


def _cells(
    columns: Sequence[Column[T]], line: Line[T], texts: Sequence[str], mark: int, glyphs: Glyphs
) -> list[str | Text]:
    """Return the cells of a line, behind its mark if there is room for one."""
    first, *others = (
        _styled(column, line, text, glyphs) for column, text in zip(columns, texts, strict=True)
    )
    if mark and (line.mark or isinstance(first, Text)):
        first = Text.assemble((f"{line.mark:{MARK}}", STYLES[line.mark]), first)
    elif mark:
        first = f"{'':{MARK}}{first}"
    return [first, *others]


def _styled(column: Column[T], line: Line[T], text: str, glyphs: Glyphs) -> str | Text:
    style = column.style(line.about) if column.style else ""
    if not style and text != glyphs.unknown and not column.is_drawn:
        return text
    cell = Text(text, style)
    if text == glyphs.unknown:
        cell.stylize("dim")
    if column.is_drawn:
        cell.highlight_regex(f"[{re.escape(glyphs.empty + glyphs.idle)}]+", "dim")
    return cell


def word(column: Column[T], about: T) -> str:
    """Return an exact cell, which is one word."""
    assert column.exact is not None
    return printable(column.exact(about)).replace(" ", "_") or NOTHING


def heading_word(column: Column[T]) -> str:
    """Return a heading that is one word."""
    return column.heading.replace(" ", "-")
