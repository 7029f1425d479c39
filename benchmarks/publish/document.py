"""docs/performance.md: its tables between markers, made from docs/performance.json.

`python -m benchmarks.publish.document` makes them again; a full run of the benchmarks does so, too.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.harness import figures, machine
from benchmarks.harness.registry import ABSENT, all_rows
from benchmarks.harness.results import Line, Measured, Results

DOCS: Final = Path(__file__).parents[2] / "docs"
JSON: Final = DOCS / "performance.json"
DOCUMENT: Final = DOCS / "performance.md"
BEFORE: Final = DOCS / "performance-before.json"
"""What rows said of an earlier version: a `performance.json` that these benchmarks wrote beside it."""

_BLOCK: Final = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def keep(measured: list[Measured]) -> Results:
    """Write the results of these rows, and return them as they were written, with what is there
    of all others: measured on the same machine, one hopes.
    """
    today = datetime.now(UTC).date().isoformat()
    before = Results.load(JSON).rows if JSON.exists() else []
    known = {row.name: row for row in (*before, *measured)}
    rows = [known[name] for name in all_rows() if name in known]
    JSON.write_text(Results(today, machine.describe(), rows).to_json())
    return Results.load(JSON)


def fill(results: Results) -> None:
    """Write the tables into the document."""
    DOCUMENT.write_text(render(DOCUMENT.read_text(), results))


def render(text: str, results: Results) -> str:
    """Return the text with every block made from the results."""
    return _BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]](results) + found[3], text)


def _earlier() -> dict[str, Measured]:
    """Return the rows that were measured before the code was changed on their account, by name."""
    rows = Results.load(BEFORE).rows if BEFORE.exists() else []
    return {row.name: row for row in rows}


def _machine(results: Results) -> str:
    parts = [f"| {name} | {value} |" for name, value in results.machine.items()]
    day = f"| measured on | {results.measured_on} |"
    return _text(["| part | version |", "|---|---|", *parts, day])


def _charter(results: Results) -> str:
    head = ["work", "against", "case", "ours", "theirs", "ratio", "spread", "bar", "aim", "verdict"]
    judged = [(row, line) for row in results.group("charter") for line in row.lines if line.bar]
    notes = _Notes(line for _, line in judged)
    rows = [
        _cells(
            row.work,
            row.against + notes.mark(line),
            figures.case(line),
            *_figures(row, line),
            figures.limit(line.bar),
            figures.limit(line.aim),
            f"**{line.verdict}**" if line.verdict == "missed" else line.verdict,
            _command(row),
        )
        for row, line in judged
    ]
    rule = "|---" * (len(head) + 1) + "|"
    absent = [f"`{name}` is not there: {reason}.\n" for name, reason in ABSENT.items()]
    return _text([_cells(*head, "command"), rule, *rows, "", *notes.text(), *absent])


def _tables(*groups: str, unbarred: bool = False) -> Callable[[Results], str]:
    """Return what makes the tables of each row in these groups."""

    def make(results: Results) -> str:
        parts: list[str] = []
        earlier = _earlier()
        for row in results.group(*groups):
            lines = [line for line in row.lines if not (unbarred and line.bar)]
            if lines:
                parts.extend(_table(row, lines, earlier.get(row.name)))
            parts.extend(_readings(row, earlier.get(row.name)))
        return _text(parts)

    return make


def _table(row: Measured, lines: list[Line], before: Measured | None) -> Iterator[str]:
    notes = _Notes(lines)
    head = ["case", "this", "against", "this takes", "that takes", "ratio", "spread"]
    cells = [
        [figures.case(line), line.ours, line.peer + notes.mark(line), *_figures(row, line)]
        for line in lines
    ]
    if before:
        earlier = {_place(line): figures.cost(row, line.ours_seconds) for line in before.lines}
        head.append("this took before")
        for line, cell in zip(lines, cells, strict=True):
            cell.append(earlier.get(_place(line), ""))
    yield f"{_sentence(row.work)}, against {row.against}: {_command(row)}\n"
    yield from _pivoted(3, [head, *cells])
    yield from notes.text()


def _place(line: Line) -> tuple[str, str, int | None]:
    return line.case, line.ours, line.entries


class _Notes:
    """The notes on some lines, numbered."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._notes = list(dict.fromkeys(line.note for line in lines if line.note))

    def mark(self, line: Line) -> str:
        return f"<sup>{self._notes.index(line.note) + 1}</sup>" if line.note else ""

    def text(self) -> Iterator[str]:
        for number, note in enumerate(self._notes, 1):
            yield f"<sup>{number}</sup> {note}  "
        if self._notes:
            yield ""


def _readings(row: Measured, before: Measured | None) -> Iterator[str]:
    """Yield what the runs of a row showed, and which of it may be so much at most."""
    if row.readings:
        yield f"{_sentence(row.work)}, against {row.against}, figure by figure: {_command(row)}\n"
        yield from _pivoted(2, figures.readings(row, before))
    head, *judged = figures.limits(row)
    if judged:
        yield from _pivoted(3, [head, *judged])


def _rates(results: Results) -> str:
    parts: list[str] = []
    for row in results.group("rates"):
        parts.append(f"{_sentence(row.work)}: {_command(row)}\n")
        parts.extend(_pivoted(1, figures.hit_rates(row)))
    return _text(parts)


def _pivoted(words: int, cells: Iterable[list[str]]) -> Iterator[str]:
    """Yield a table whose first columns are words, and whose others are figures."""
    head, *lines = cells
    yield _cells(*head)
    yield "|---" * words + "|--:" * (len(head) - words) + "|"
    yield from (_cells(*line) for line in lines)
    yield ""


def _figures(row: Measured, line: Line) -> tuple[str, str, str, str]:
    return (
        figures.cost(row, line.ours_seconds),
        figures.cost(row, line.peer_seconds),
        figures.ratio(line.ratio),
        figures.spread(line),
    )


def _command(row: Measured) -> str:
    return f"`make bench ROW={row.name}`"


def _sentence(words: str) -> str:
    """Return the words with a capital at the beginning."""
    return words[0].upper() + words[1:]


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


BLOCKS: Final[dict[str, Callable[[Results], str]]] = {
    "machine": _machine,
    "charter": _charter,
    "kinds": _tables("charter", unbarred=True),
    "floor": _tables("floor"),
    "peers": _tables("peers"),
    "growth": _tables("growth"),
    "tails": _tables("tails"),
    "waits": _tables("waits"),
    "workers": _tables("workers"),
    "features": _tables("features"),
    "decisions": _tables("decisions"),
    "rates": _rates,
}
"""What stands between `<!-- begin NAME -->` and `<!-- end NAME -->`."""


if __name__ == "__main__":
    fill(Results.load(JSON))
