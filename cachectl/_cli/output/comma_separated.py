"""Rows as CSV that no spreadsheet takes for formulas, and that can be read back. Imported only where it is
written.
"""

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from cachectl._cli.output.text import printable


def write(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header, and rows below it."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])


def _cell(cell: Any) -> Any:
    r"""Return what a cell says, as it can be read back: a ' before what a spreadsheet takes for a formula, or
    what begins with one; what terminals obey as an escape; and so a backslash as two.
    """
    if isinstance(cell, str):
        cell = printable(cell.replace("\\", r"\\"))
        return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "'"} else cell
    return cell
