"""What tables are made of: figures, signs, and the columns that fit."""

import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from cachectl._cli.output import cells
from cachectl._cli.output.glyphs import ASCII, UNICODE, bar, meter, trend
from cachectl._cli.output.layout import Column, Line, context, shortened, table

Row = tuple[str, float, int]
ROWS: list[Row] = [
    ("documents-of-customers", 0.3, 1_234_567),
    ("音楽テスト名前空間", 0.9999, 3),
    ("a", 0.0, 0),
]
COLUMNS: list[Column[Row]] = [
    Column("namespace", 0, lambda row: row[0], lambda row: row[0], is_text=True),
    Column("meter", 3, lambda row: meter(row[1], UNICODE), None),
    Column("hit rate", 1, lambda row: cells.rate(row[1]), lambda row: str(row[1])),
    Column("entries", 2, lambda row: cells.count(row[2]), lambda row: str(row[2])),
]


def shown(width: int | None) -> list[str]:
    console = Console(width=width or 10_000)
    lines = [Line(row) for row in ROWS] + [Line(("total (3)", 0.5, 9), is_total=True)]
    with console.capture() as capture:
        console.print(table(COLUMNS, lines, width, UNICODE))
    return capture.get().splitlines()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10.0k"), (999_499, "999k"), (999_500, "1.00M"),
     (1_204_318, "1.20M"), (5 * 10**9, "5.00G")],
)  # fmt: skip
def test_counts_are_exact_or_have_three_digits(number: int, text: str):
    assert cells.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0   B"), (847, "847   B"), (3_092, "3.02 KiB"), (1023 * 1024, "1.00 MiB"),
     (1.42 * 2**30, "1.42 GiB")],
)  # fmt: skip
def test_sizes_have_three_digits_and_a_unit(number: float, text: str):
    assert cells.size(number) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1e-9, "<0.1%"), (0.531, "53.1%"), (0.99951, ">99.9%"), (1, "100%")],
)
def test_only_what_is_exactly_none_or_all_is_called_so(share: float, text: str):
    assert cells.rate(share) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [(0, "$0.00"), (3e-6, "<$0.01"), (12.92, "$12.92"), (2064.53, "$2,064.53"), (1e5, "$100k")],
)
def test_money_is_never_nothing_that_is_something(dollars: float, text: str):
    assert cells.money(dollars) == text


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [(0, "0s", "0s"), (38e-6, "38 µs", "0s"), (0.625, "625 ms", "1s"), (2.31, "2.31s", "2s"),
     (0.00099996, "1.00 ms", "0s"), (0.99996, "1.00s", "1s"), (9.999, "10s", "10s"),
     (255_605, "2d 23h", "2d"), (1_555_200, "18d", "18d")],
)  # fmt: skip
def test_durations_have_two_units_and_ages_one(seconds: float, long: str, short: str):
    assert (cells.span(seconds), cells.age(seconds)) == (long, short)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1e-9, "<1%"), (0.0099, "<1%"), (29 / 100, "29%"), (57 / 100, "57%"), (0.579, "57%"),
     (1 - 1e-12, "99%"), (1, "100%"), (1.29, "129%")],
)  # fmt: skip
def test_so_much_of_a_limit_is_used_and_nothing_is_full_that_is_not(share: float, text: str):
    assert cells.part(share) == text


def test_every_part_of_a_hundred_is_itself():
    assert [cells.part(part / 100) for part in range(101)] == [f"{part}%" for part in range(101)]


def test_the_last_cell_of_a_meter_is_full_for_all_alone_and_the_first_for_anything():
    assert meter(0.9999, UNICODE) == "■■■■■■■·"
    assert meter(1, ASCII) == "########"
    assert meter(1e-9, ASCII) == "#......."
    assert meter(0, ASCII) == bar(0, ASCII, 8) == "........"
    assert meter(None, UNICODE) == ""


def test_a_trend_has_a_sign_for_each_time():
    assert trend([0, 0.5, 1, None], UNICODE) == "▁▄▇·"
    assert trend([0, 0.5, 1, None], ASCII) == "059."


@pytest.mark.parametrize("width", range(40, 121))
def test_a_table_is_as_wide_as_the_screen_at_most_and_a_wider_one_never_has_less(width: int):
    lines = shown(width)
    assert max(map(cell_len, lines)) <= width
    assert len(lines) == 1 + len(ROWS) + 1
    headings = lines[0].split()
    assert set(shown(width - 1)[0].split()) <= set(headings) if width > 40 else True


def test_a_pipe_gets_every_column_that_has_figures_exact_and_one_word_a_cell():
    lines = [re.split(r" {2,}", line.strip()) for line in shown(None)]
    assert lines[0] == ["namespace", "hit-rate", "entries"]
    assert lines[1] == ["documents-of-customers", "0.3", "1234567"]
    assert lines[-1][0] == "total_(3)"


def test_names_keep_both_ends():
    assert shortened("documents-of-customers", 12, UNICODE) == "docume…omers"
    assert shortened("documents-of-customers", 12, ASCII) == "docum...mers"
    assert cell_len(shortened("音" * 20, 13, UNICODE)) <= 13
    assert shortened("e\u0301" * 40, 14, UNICODE).endswith("…" + "e\u0301" * 3)


@pytest.mark.parametrize("cells", range(-3, 25))
@pytest.mark.parametrize("name", ["documents-of-customers", "音楽テスト名前空間", ""])
def test_a_name_takes_no_more_cells_than_there_are(name: str, cells: int):
    for glyphs in (UNICODE, ASCII):
        assert cell_len(shortened(name, cells, glyphs)) <= max(0, cells)


def test_a_context_line_loses_its_last_parts_and_then_the_middle_of_a_path():
    parts = ["file /var/cache/a/long/path/to/voice", "ok", "/etc/cachectl.toml"]
    assert context("cache", parts, 200, UNICODE).endswith("voice · ok · /etc/cachectl.toml")
    narrow = context("cache", parts, 40, UNICODE)
    assert cell_len(narrow) <= 40
    assert narrow.endswith("voice · ok")
    assert "…" in narrow


def test_another_context_line_keeps_its_first_part_as_long_as_it_can():
    parts = ["what has expired or is over a limit", "dry run, nothing is removed"]
    assert context("cleanup", parts, 40, UNICODE) == "cleanup what has expired…is over a limit"
    assert context("documents-of-customers", ["60 entries", "4.6 KiB"], 40, UNICODE) == (
        "documents-of-customers 60 entries"
    )
