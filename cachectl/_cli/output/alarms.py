"""Thresholds that were crossed, and figures that are judged, in words."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from cachectl._admin.figures import Figure, Unit, lookups
from cachectl._admin.thresholds import Crossing, Subject, Verdict
from cachectl._cli.output import cells
from cachectl._cli.output.text import printable

_MOST: Final = 5
_IS: Final = {True: "is", False: "are"}


def crossed(verdict: Verdict) -> str:
    """Return who crosses a threshold: a line if it was asked of one alone, else one for each, too."""
    where = f"{verdict.threshold.bound} {verdict.threshold.text}"
    if verdict.asked == 1:
        (only,) = verdict.crossed
        found = value(verdict.threshold.figure, only.value)
        return f"{printable(only.subject.said)} is {where}: {found}{_of(verdict, only)}"
    count = len(verdict.crossed)
    return "\n".join(
        (
            f"{count:,} of {verdict.asked:,} namespaces {_IS[count == 1]} {where}",
            *(f"  {line}" for line in _lines(verdict)),
            *(f"  {line}" for line in (not_judged(verdict),) if line),
        )
    )


def not_judged(verdict: Verdict) -> str:
    """Return of whom a threshold says nothing, and why; nothing if there is nobody."""
    if not verdict.asked:
        return "not judged: there is no namespace"
    groups = [f"{_some(found)} ({reason})" for reason, found in verdict.not_judged.items()]
    return f"not judged: {'; '.join(groups)}" if groups else ""


def _some(found: Sequence[Subject]) -> str:
    more = f" and {len(found) - _MOST:,} more" if len(found) > _MOST else ""
    return f"{', '.join(printable(subject.said) for subject in found[:_MOST])}{more}"


def value(figure: Figure, number: float) -> str:
    """Return a figure in its unit, as it stands in sentences."""
    return " ".join(_cell(figure, number).split())


def _lines(verdict: Verdict) -> list[str]:
    names = [printable(each.subject.said) for each in verdict.crossed]
    figures = [_cell(verdict.threshold.figure, each.value) for each in verdict.crossed]
    widest, wide = max(map(cell_len, names)), max(map(len, figures))
    return [
        f"{name}{' ' * (widest - cell_len(name))}  {figure:>{wide}}{_of(verdict, each)}"
        for name, figure, each in zip(names, figures, verdict.crossed, strict=True)
    ]


def _of(verdict: Verdict, crossing: Crossing) -> str:
    """Return of how many lookups a rate is."""
    if verdict.threshold.figure.name != "hit-rate":
        return ""
    return f" of {cells.count(lookups(crossing.subject.figures))}"


def _cell(figure: Figure, number: float) -> str:
    match figure.unit:
        case Unit.SHARE:
            return cells.rate(number) if number <= 1 else f"{number:.1%}"
        case Unit.BYTES:
            return cells.size(number)
        case Unit.SECONDS:
            return cells.span(number)
        case Unit.DOLLARS:
            return cells.money(number)
        case Unit.COUNT:
            return cells.count(int(number)) if number == int(number) else f"{number:,.1f}"
