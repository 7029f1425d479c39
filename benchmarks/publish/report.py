"""The tables on the terminal. This module prints."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.harness import figures
from benchmarks.harness.registry import ABSENT
from benchmarks.harness.results import Line, Measured

_WIDTH: Final = 220  # of a pipe, which has none
_COLOURS: Final = {"missed": "red", "bar met": "yellow", "aim met": "green"}


def say(message: str) -> None:
    """Tell the person who waits."""
    Console(stderr=True).print(message, style="dim", highlight=False)


def show(rows: Iterable[Measured]) -> None:
    """Print all lines, the notes on them, and the verdicts last."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=_WIDTH, highlight=False)
    rows = list(rows)
    notes: list[str] = []
    for row in rows:
        if row.lines:
            console.print(_lines(row, notes))
        if row.rates:
            console.print(_pivoted(row, figures.hit_rates(row)))
        if row.readings:
            console.print(_pivoted(row, figures.readings(row)))
    for number, note in enumerate(notes, 1):
        console.print(f"[{number}] {note}", markup=False)
    judged = [row for row in rows if row.verdict or len(list(figures.limits(row))) > 1]
    if judged:
        console.print(_verdicts(judged))


def _lines(row: Measured, notes: list[str]) -> Table:
    table = Table(title=f"{row.name}: {row.work} – against {row.against}", title_justify="left")
    for name in ("case", "this", "against"):
        table.add_column(name, overflow="fold")
    for name in ("this takes", "that takes", "ratio", "spread", "bar", "aim"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for line in row.lines:
        table.add_row(*_cells(row, line, notes))
    return table


def _cells(row: Measured, line: Line, notes: list[str]) -> list[str]:
    mark = ""
    if line.note:
        if line.note not in notes:
            notes.append(line.note)
        mark = rf" \[{notes.index(line.note) + 1}]"
    colour = _COLOURS.get(line.verdict, "default")
    return [
        escape(figures.case(line)),
        escape(line.ours),
        escape(line.peer) + mark,
        figures.cost(row, line.ours_seconds),
        figures.cost(row, line.peer_seconds),
        f"[{colour}]{figures.ratio(line.ratio)}[/]",
        figures.spread(line),
        figures.limit(line.bar),
        figures.limit(line.aim),
        f"[{colour}]{line.verdict or '–'}[/]",
    ]


def _pivoted(row: Measured, cells: Iterable[list[str]]) -> Table:
    head, *lines = cells
    table = Table(title=f"{row.name}: {row.work}", title_justify="left")
    for name in head:
        words = name in {"trace", "case", "of"}
        table.add_column(name, justify="left" if words else "right", no_wrap=not words)
    for line in lines:
        table.add_row(*map(escape, line))
    return table


def _verdicts(rows: list[Measured]) -> Table:
    table = Table(title="Verdicts", title_justify="left")
    for name in ("row", "ratio or figure", "bar", "aim", "verdict"):
        table.add_column(name)
    for row in rows:
        if barred := [line for line in row.lines if line.bar]:
            worst = max(barred, key=lambda line: line.ratio)
            cells = [figures.ratio(worst.ratio), figures.limit(worst.bar), figures.limit(worst.aim)]
            table.add_row(row.name, *cells, _coloured(worst.verdict))
        for case, side, figure, *cells, judged in list(figures.limits(row))[1:]:
            table.add_row(f"{row.name}: {case}, {side}, {figure}", *cells, _coloured(judged))
    for name, reason in ABSENT.items():
        table.add_row(name, "–", "–", "–", f"absent: {reason}")
    return table


def _coloured(judged: str) -> str:
    return f"[{_COLOURS.get(judged, 'default')}]{judged}[/]"
