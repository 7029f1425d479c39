"""A table as Rich would print it whose cells have their width already: each is a line, nothing wraps and nothing
is cut. Rich's own tables measure, wrap, pad and crop every cell, which takes twenty times as long.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style
from rich.text import Span, Text

GAP: Final = 2
"""Cells between columns."""
_BOLD: Final = Style(bold=True)
_PLAIN: Final = Style.null()
_NEW_LINE: Final = Segment("\n")


class Cells(NamedTuple):
    """A row, and whether it is bold: of what has no style the text is enough."""

    cells: Sequence[str | Text]
    is_bold: bool = False


class Grid:
    """Rows below headings, in columns that are as wide as what is widest in them."""

    def __init__(
        self, headings: Sequence[str], are_text: Sequence[bool], rows: Iterable[Cells]
    ) -> None:
        self._rows = [Cells(headings, is_bold=True), *rows]
        columns = zip(*(row.cells for row in self._rows), strict=True)
        self._widths = [max(map(_width, column)) for column in columns]
        self._are_text = are_text

    @property
    def columns(self) -> int:
        """How many there are."""
        return len(self._widths)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for row in self._rows:
            if console.color_system is None:  # a pipe, most often: one piece is enough
                yield Segment((" " * GAP).join(self._texts(row)))
            else:
                yield from self._pieces(row, console)
            yield _NEW_LINE

    def _texts(self, row: Cells) -> Iterator[str]:
        for cell, width, is_text in zip(row.cells, self._widths, self._are_text, strict=True):
            plain = cell if isinstance(cell, str) else cell.plain
            room = " " * (width - cell_len(plain))
            yield plain + room if is_text else room + plain

    def _pieces(self, row: Cells, console: Console) -> Iterator[Segment]:
        style = _BOLD if row.is_bold else _PLAIN
        for at, (cell, text) in enumerate(zip(row.cells, self._texts(row), strict=True)):
            if at:
                yield Segment(" " * GAP, style)
            if isinstance(cell, str):
                yield Segment(text, style)
            else:
                padded = _padded(cell, text, is_text=self._are_text[at])
                yield from Segment.apply_style(padded.render(console), style)


def _width(cell: str | Text) -> int:
    return cell_len(cell if isinstance(cell, str) else cell.plain)


def _padded(cell: Text, text: str, *, is_text: bool) -> Text:
    """Return a cell as a text that has room on one side, which has its style, too."""
    moved = 0 if is_text else len(text) - len(cell.plain)
    spans = [Span(span.start + moved, span.end + moved, span.style) for span in cell.spans]
    return Text(text, spans=[Span(0, len(text), cell.style), *spans] if cell.style else spans)
