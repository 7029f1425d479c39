"""What is about to be removed, for people. Imported only where it is shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from cachectl._admin.clear import Preview
from cachectl._cli.output import cells
from cachectl._cli.output.glyphs import Glyphs, in_signs
from cachectl._cli.output.grid import Grid
from cachectl._cli.output.layout import Column, Line, table
from cachectl._metrics.reports import CleanupReport, NamespaceStats
from cachectl._model.records import Removed, Usage
from cachectl._model.units import format_dollars

_Figures = tuple[str, NamespaceStats]


class _Removal(Protocol):
    @property
    def removed(self) -> Removed: ...


T = TypeVar("T")
R = TypeVar("R", bound=_Removal)


def cleared(previews: Sequence[Preview], held: int, width: int | None, glyphs: Glyphs) -> Grid:
    """Return what a clear would remove, of `held` entries in all; a namespace that loses all is marked."""
    none = glyphs.unknown
    columns: list[Column[Preview]] = [
        Column("namespace", 0, lambda of: of.namespace, lambda of: of.namespace, is_text=True),
        _counted("entries", 1, lambda of: of.removed.entries),
        Column("share", 2, _share, _share),
        _sized(3),
        Column(
            "cost to remake", 4, lambda of: cells.money(of.cost) if of.cost else none,
            lambda of: format_dollars(of.cost) if of.cost else none,
        ),
        Column(
            "time", 5, lambda of: _time(of, glyphs), lambda of: _time(of, glyphs).replace(" ", ""),
        ),
    ]  # fmt: skip
    lines = [Line(each, "!" if _is_all(each) else "") for each in previews]
    total = Preview(
        "total", (), Removed.total(each.removed for each in previews), held,
        sum(each.cost for each in previews), sum(each.load_seconds for each in previews),
    )  # fmt: skip
    return table(columns, [*lines, Line(total, is_total=True)], width, glyphs)


class _Cleaned:
    """What a cleanup removes from a namespace, and what that holds."""

    def __init__(self, name: str, expired: Removed, evicted: Removed, held: int) -> None:
        self.name = name
        self.expired = expired.entries
        self.evicted = evicted.entries
        self.removed = expired.plus(evicted)
        self.held = max(held, self.removed.entries)

    @property
    def share(self) -> str:
        return _part(self.removed.entries, self.held)


def cleaned(
    report: CleanupReport, held: Mapping[str, Usage], width: int | None, glyphs: Glyphs
) -> Grid:
    """Return what a cleanup would remove from each namespace that it removes anything from."""
    rows = [
        _Cleaned(
            name,
            report.expired.get(name, Removed()),
            report.evicted.get(name, Removed()),
            held.get(name, Usage()).entries,
        )
        for name in sorted({*report.expired, *report.evicted})
    ]
    total = _Cleaned(
        "total",
        Removed.total(report.expired.values()),
        Removed.total(report.evicted.values()),
        sum(use.entries for use in held.values()),
    )
    columns: list[Column[_Cleaned]] = [
        Column("namespace", 0, lambda of: of.name, lambda of: of.name, is_text=True),
        _counted("expired", 1, lambda of: of.expired),
        _counted("over limit", 2, lambda of: of.evicted),
        Column("share", 3, lambda of: of.share, lambda of: of.share),
        _sized(4),
    ]
    lines = [Line(row) for row in rows if row.removed.entries]
    return table(columns, [*lines, Line(total, is_total=True)], width, glyphs)


def forgotten(figures: Mapping[str, NamespaceStats], width: int | None, glyphs: Glyphs) -> Grid:
    """Return which counts of namespaces would be lost."""
    columns: list[Column[_Figures]] = [
        Column("namespace", 0, lambda of: of[0], lambda of: of[0], is_text=True),
        _counted("hits", 1, lambda of: of[1].hits),
        _counted("misses", 2, lambda of: of[1].misses),
        _counted("sets", 3, lambda of: of[1].sets),
    ]
    return table(columns, [Line(each) for each in figures.items()], width, glyphs)


def _counted(heading: str, rank: int, number: Callable[[T], int]) -> Column[T]:
    return Column(heading, rank, lambda of: cells.count(number(of)), lambda of: f"{number(of):,}")


def _sized(rank: int) -> Column[R]:
    return Column(
        "size",
        rank,
        lambda of: cells.size(of.removed.bytes),
        lambda of: cells.size(of.removed.bytes).replace(" ", ""),
    )


def _time(preview: Preview, glyphs: Glyphs) -> str:
    if not preview.load_seconds:
        return glyphs.unknown
    return in_signs(cells.span(preview.load_seconds), glyphs)


def _is_all(preview: Preview) -> bool:
    return preview.removed.entries == preview.held


def _share(preview: Preview) -> str:
    return _part(preview.removed.entries, preview.held)


def _part(entries: int, held: int) -> str:
    return "all" if entries >= held else cells.rate(entries / held)
