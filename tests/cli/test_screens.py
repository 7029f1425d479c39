"""The screens of `stats`, as they are drawn of one cache at one moment: `tests.cli.support.screens` makes them."""

import pytest
from rich.cells import cell_len

from tests.cli.support.screens import DIRECTORY, drawn, first_day, page, screens, table

DRAWN = dict(screens())


@pytest.mark.parametrize("name", DRAWN)
def test_a_screen_is_what_somebody_has_read(name: str):
    assert DRAWN[name] == (DIRECTORY / f"{name}.txt").read_text()


def test_there_are_no_others():
    assert {path.stem for path in DIRECTORY.iterdir()} == set(DRAWN)


@pytest.mark.parametrize("name", [name for name in DRAWN if not name.endswith("-pipe")])
def test_nothing_is_wider_than_the_screen(name: str):
    width = next(int(part) for part in name.split("-") if part.isdecimal())
    assert max(map(cell_len, DRAWN[name].splitlines())) <= width


@pytest.mark.parametrize("name", ["stats-pipe", "since-pipe"])
def test_a_pipe_has_one_word_a_cell_and_as_many_in_each_line(name: str):
    """So that `awk '{print $4}'` prints the same column of all."""
    rows = [line.split() for line in DRAWN[name].splitlines() if not line.startswith("#")]
    assert len({len(row) for row in rows}) == 1
    assert [row[0] for row in rows][::10] == ["namespace", "tts"]


@pytest.mark.parametrize("name", ["since-80-ascii", "page-80-ascii"])
def test_a_plain_terminal_gets_ascii(name: str):
    assert DRAWN[name].replace("Begrüßung", "").isascii()  # a key is what it is


@pytest.mark.parametrize("narrow", range(64, 200))
def test_a_wider_screen_never_has_fewer_columns(narrow: int):
    less, more = (_headings(drawn(table, width)) for width in (narrow, narrow + 1))
    assert set(less) <= set(more)


@pytest.mark.parametrize("width", range(64, 201, 8))
def test_what_each_table_has_is_there_from_64_cells_on(width: int):
    assert {"rate", "entries", "memory"} <= set(_headings(drawn(table, width)))


@pytest.mark.parametrize("width", range(40, 130, 3))
@pytest.mark.parametrize("draw", [page, first_day, table], ids=lambda draw: draw.__name__)
def test_any_width_is_kept(draw, width: int):
    assert max(map(cell_len, drawn(draw, width).splitlines())) <= width


def _headings(text: str) -> list[str]:
    return next(line for line in text.splitlines() if "namespace" in line).split()
