"""Tables that are written while they are made, however long: the first lines say how wide columns are.

Figures stand first, each in a column that is there or not; texts last, where odd widths move nothing:
they are shortened, and share what is left of a line.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from cachectl._cli.output.glyphs import Glyphs
from cachectl._cli.output.grid import GAP
from cachectl._cli.output.layout import (
    MARK,
    NOTHING,
    STYLES,
    Column,
    Line,
    heading_word,
    shortened,
    word,
)
from cachectl._cli.output.text import printable

T = TypeVar("T")
Cut = Callable[[str, int, Glyphs], str]
"""Shortens a text to so many cells."""

_MEASURED: Final = 200
"""Lines that are looked at before the first is written."""
_LEAST_TEXT: Final = 12
_LEAST_CUT: Final = 4


def streamed(
    figures: Sequence[Column[T]],
    texts: Sequence[Column[T]],
    lines: Iterable[Line[T]],
    width: int | None,
    glyphs: Glyphs,
) -> Iterator[str | Text]:
    """Yield the lines of a table that is `width` cells wide at most; None is a pipe, which gets all
    columns, in exact cells of one word. The first text is always there.
    """
    iterator = iter(lines)
    first = list(islice(iterator, _MEASURED))
    columns = [*figures, *texts]
    if width is None:
        widths = _widest(columns, first, exact=True)
        yield Text(_row(columns, widths, [heading_word(column) for column in columns]), "bold")
        for line in chain(first, iterator):
            yield _row(columns, widths, [word(column, line.about) for column in columns])
        return
    chosen, widths = _fitting(figures, texts, first, width - MARK)
    yield Text(" " * MARK + _row(chosen, widths, [each.heading for each in chosen]), "bold")
    cut = {id(texts[0]): shortened, **{id(text): beginning for text in texts[1:]}}
    for line in chain(first, iterator):
        sizes, cells = _cells(chosen, widths, line, cut, glyphs)
        row = _row(chosen, sizes, cells)
        yield (
            Text.assemble((f"{line.mark:{MARK}}", STYLES[line.mark]), row)
            if line.mark
            else (" " * MARK + row)
        )


def _cells(
    columns: Sequence[Column[T]],
    widths: Sequence[int],
    line: Line[T],
    cut: Mapping[int, Cut],
    glyphs: Glyphs,
) -> tuple[list[int], list[str]]:
    """Return how wide each cell of a line is, and what stands in it: a figure that needs more than those
    which were measured has it from the texts behind.
    """
    sizes, cells, over = [], [], 0
    for column, most in zip(columns, widths, strict=True):
        cell, shorten = column.cell(line.about), cut.get(id(column))
        if shorten is None:
            size = max(most, _width(cell))
            over += size - most
        else:
            size = max(min(most, _LEAST_CUT), most - over)
            over -= most - size
            cell = shorten(cell, size, glyphs)
        sizes.append(size)
        cells.append(cell)
    return sizes, cells


def beginning(text: str, cells: int, glyphs: Glyphs) -> str:
    """Return a text that takes so many cells at most, of which the beginning is left."""
    text = printable(text)
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - cell_len(glyphs.more)).rstrip() + glyphs.more


def _fitting(
    figures: Sequence[Column[T]], texts: Sequence[Column[T]], lines: Sequence[Line[T]], width: int
) -> tuple[list[Column[T]], list[int]]:
    """Return the columns that fit, those first that come first by rank, and their widths."""
    columns = [*figures, *texts]
    widest = dict(zip(map(id, columns), _widest(columns, lines, exact=False), strict=True))
    name, *others = texts
    least = {id(text): min(widest[id(text)], _LEAST_TEXT) for text in texts}
    used, chosen = least[id(name)], {id(name)}
    said = [text for text in others if any(word(text, line.about) != NOTHING for line in lines)]
    for column in sorted([*figures, *said], key=lambda each: each.rank):
        used += GAP + least.get(id(column), widest[id(column)])
        if used > width:
            used -= GAP + least.get(id(column), widest[id(column)])
            break
        chosen.add(id(column))
    shown = [column for column in columns if id(column) in chosen]
    sizes = {**widest, **least}
    _share(width - used, [text for text in texts if id(text) in chosen], sizes, widest)
    return shown, [sizes[id(column)] for column in shown]


def _share(
    room: int, texts: Sequence[Column[T]], sizes: dict[int, int], widest: dict[int, int]
) -> None:
    """Let texts have what is left: the first up to its share, then the last ones, then the first."""
    for text, most in (
        (texts[0], room // len(texts)), *((text, room) for text in texts[1:]), (texts[0], room),
    ):  # fmt: skip
        more = min(widest[id(text)] - sizes[id(text)], most, room)
        sizes[id(text)] += more
        room -= more


def _widest(columns: Sequence[Column[T]], lines: Sequence[Line[T]], *, exact: bool) -> list[int]:
    """Return how wide each column is for these lines."""
    return [
        max(
            cell_len(heading_word(column) if exact else column.heading),
            *(cell_len(word(column, line.about) if exact else printable(column.cell(line.about)))
              for line in lines),
        )
        if lines
        else cell_len(column.heading)
        for column in columns
    ]  # fmt: skip


def _row(columns: Sequence[Column[T]], widths: Sequence[int], cells: Sequence[str]) -> str:
    padded = (
        cell + " " * (most - _width(cell)) if column.is_text else " " * (most - _width(cell)) + cell
        for column, most, cell in zip(columns, widths, cells, strict=True)
    )
    return (" " * GAP).join(padded).rstrip()


def _width(cell: str) -> int:
    return len(cell) if cell.isascii() else cell_len(cell)
