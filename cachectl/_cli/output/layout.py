"""Which columns of a table fit a screen, chosen before Rich has a say: nothing wraps, no figure is cut.

A screen shows the columns that come first by their rank, as many as fit: a wider one never has less.
A pipe gets all of them, with figures that are exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.text import printable

T = TypeVar("T")

_GAP: Final = 2
_MARK: Final = 2  # cells in front of a line: x is broken, ! asks for attention
_LEAST_NAME: Final = 12
_HEADING: Final = 8
_KEPT: Final = 2  # parts of a context line that a narrow screen has, too
STYLES: Final = {"x": "red", "!": "yellow", "": ""}


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """What stands below a heading: `cell` on a screen, `exact` in a pipe, which has no such column if
    that is None. The first one of a table is that of names: it shrinks before others go.
    """

    heading: str
    rank: int
    cell: Callable[[T], str]
    exact: Callable[[T], str] | None
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Line(Generic[T]):
    """What a line is about, and its mark; a bold one is a total."""

    about: T
    mark: str = ""
    is_total: bool = False


def table(
    columns: Sequence[Column[T]], lines: Sequence[Line[T]], width: int | None, glyphs: Glyphs
) -> Table:
    """Return a table that is `width` cells wide at most; None is a pipe."""
    if width is None:
        shown = [column for column in columns if column.exact is not None]
        texts = [[_word(column, line.about) for line in lines] for column in shown]
    else:
        shown, texts = _fitting(columns, lines, width - _MARK, glyphs)
    made = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    marks = [line.mark for line in lines] if width is not None else []
    for at, (column, cells) in enumerate(zip(shown, texts, strict=True)):
        heading = " " * _MARK + column.heading if marks and at == 0 else column.heading
        widest = max(map(cell_len, [column.heading, *cells])) + (_MARK if marks and at == 0 else 0)
        made.add_column(
            heading, justify="left" if column.is_text else "right", width=widest, no_wrap=True
        )
    for at, line in enumerate(lines):
        first, *others = (Text(cells[at]) for cells in texts)
        if marks:
            first = Text.assemble((f"{line.mark:{_MARK}}", STYLES[line.mark]), first)
        made.add_row(first, *others, style="bold" if line.is_total else "")
    return made


def shortened(name: str, cells: int, glyphs: Glyphs) -> str:
    """Return a name that takes so many cells at most, of which both ends are left."""
    name = printable(name)
    if cell_len(name) <= cells:
        return name
    left = cells - cell_len(glyphs.more)
    tail = left // 2
    end = name[-tail:]
    while cell_len(end) > tail:
        end = end[1:]
    return set_cell_size(name, left - tail).rstrip() + glyphs.more + end


def context(heading: str, parts: Sequence[str], width: int, glyphs: Glyphs) -> str:
    """Return a line that says what a table is about; see `Output.context`."""
    parts = [printable(part) for part in parts]
    room = width - _HEADING
    while len(parts) > _KEPT and cell_len(glyphs.between.join(parts)) > room:
        parts.pop()
    others = "".join(glyphs.between + part for part in parts[1:])
    return f"{heading:{_HEADING}}{shortened(parts[0], room - cell_len(others), glyphs)}{others}"


def _fitting(
    columns: Sequence[Column[T]], lines: Sequence[Line[T]], width: int, glyphs: Glyphs
) -> tuple[list[Column[T]], list[list[str]]]:
    names = columns[0]
    texts = {id(column): [column.cell(line.about) for line in lines] for column in columns}
    widest = {
        id(column): max(map(cell_len, [column.heading, *texts[id(column)]])) for column in columns
    }
    least = min(widest[id(names)], max(_LEAST_NAME, cell_len(names.heading)))
    used, chosen = least, {id(names)}
    for column in sorted(columns[1:], key=lambda each: each.rank):
        used += _GAP + widest[id(column)]
        if used > width:
            used -= _GAP + widest[id(column)]
            break
        chosen.add(id(column))
    room = min(widest[id(names)], least + width - used)
    texts[id(names)] = [shortened(text, room, glyphs) for text in texts[id(names)]]
    shown = [column for column in columns if id(column) in chosen]
    return shown, [texts[id(column)] for column in shown]


def _word(column: Column[T], about: T) -> str:
    """Return an exact cell, which is one word."""
    assert column.exact is not None
    return printable(column.exact(about)).replace(" ", "_") or "-"
