"""Tables are printed as Rich's own would be, in a twentieth of the time."""

import sys
from types import FrameType

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cachectl._cli.output.grid import GAP, Cells, Grid

HEADINGS = ["namespace", "hit rate", "", "memory"]
ARE_TEXT = [True, False, False, False]
DRAWN = Text("■■····")
DRAWN.highlight_regex("[·]+", "dim")
ROWS = [
    Cells(["a", "53.1%", DRAWN, "847   B"]),
    Cells([Text.assemble(("! ", "yellow"), "音楽"), Text("0.1%", "yellow"), "", Text("–", "dim")]),
    Cells([Text("b", "red"), "", "■", Text("3.02 KiB")]),
    Cells(["total", Text("9%", "yellow"), DRAWN, "12   B"], is_bold=True),
]


def of_rich() -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for heading, is_text in zip(HEADINGS, ARE_TEXT, strict=True):
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
    for row in ROWS:
        table.add_row(*row.cells, style="bold" if row.is_bold else "")
    return table


@pytest.mark.parametrize("system", [None, "standard", "truecolor"])
@pytest.mark.parametrize("no_color", [False, True])
def test_a_grid_is_printed_as_a_table(system, no_color):
    console = Console(
        width=200, color_system=system, force_terminal=system is not None, no_color=no_color
    )
    with console.capture() as expected:
        console.print(of_rich())
    with console.capture() as found:
        console.print(Grid(HEADINGS, ARE_TEXT, ROWS))

    assert found.get() == expected.get()
    assert ("\x1b[1m" in found.get()) == (system is not None)


def test_a_line_in_a_pipe_is_one_piece():
    """What it costs is calls for each cell, not for each piece of it: of a thousand namespaces, too."""

    def calls(rows: int) -> int:
        grid, counted = Grid(HEADINGS, ARE_TEXT, ROWS[:3] * rows), 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        console = Console(width=200, color_system=None)
        with console.capture():
            sys.setprofile(count)
            try:
                console.print(grid)
            finally:
                sys.setprofile(None)
        return counted

    of_a_row = (calls(200) - calls(100)) / 300
    assert of_a_row <= 6 * len(HEADINGS)
