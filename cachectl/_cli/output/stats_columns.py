"""The columns of `stats`: what stands in them, and which go first where a screen is narrow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cachectl._admin.figures import fullness, lookups
from cachectl._admin.overview import PARTS, Row, missed
from cachectl._cli.output import cells
from cachectl._cli.output.glyphs import Glyphs, meter, trend
from cachectl._cli.output.layout import Column
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.records import MOST_EXPIRED
from cachectl._model.units import format_seconds
from cachectl.errors import UsageError

NARROW: Final = 64
"""Cells below which a screen has lookups instead of entries and memory."""
IN_FULL: Final = 12
"""The rank from which on names stand in full."""

_FEW_PARTS: Final = 8
_FIRST: Final = 3
_ASKED_FOR: Final = 100  # a rank that no screen reaches unasked

_WHERE_ANY: Final[Mapping[str, Callable[[NamespaceStats], int | None]]] = {
    "not-fresh": lambda totals: totals.expired_entries,
    "errors": lambda totals: totals.errors,
}


class Look(NamedTuple):
    """How figures are shown: with which signs, and whether counts have all their digits; `window` is its
    name, empty for all time, `now` in Unix seconds.
    """

    glyphs: Glyphs
    width: int | None
    window: str
    now: float
    exact: bool = False


def columns(look: Look, totals: NamespaceStats) -> list[Column[Row]]:
    """Return the columns of a table, in their order; some of them are there where there is any such thing."""
    none = {key for key, figure in _WHERE_ANY.items() if not figure(totals)}
    return [
        column
        for key, column in _named(look).items()
        if column.rank < _ASKED_FOR and key not in none
    ]


def chosen(look: Look, keys: Sequence[str]) -> list[Column[Row]]:
    """Return the columns that somebody asks for, in that order. Raises `UsageError`."""
    named = _named(look)
    for key in keys:
        if key not in named or key == "namespace":
            known = ", ".join(key for key in named if key != "namespace")
            raise UsageError(f"there is no column {key!r}: write some of {known}")
    asked = [named["namespace"], *(named[key] for key in keys)]
    return [_ranked(column, rank) for rank, column in enumerate(asked)]


def _ranked(column: Column[Row], rank: int) -> Column[Row]:
    return column._replace(rank=rank, exact=column.exact or column.cell)


def _named(look: Look) -> dict[str, Column[Row]]:
    return dict(_all(_Cells(look)))


def _all(has: "_Cells") -> Iterator[tuple[str, Column[Row]]]:
    """Yield the columns by their names on the command line, in the order in which they stand."""
    window, is_narrow = has.look.window, (has.look.width or NARROW) < NARROW
    yield "namespace", Column("namespace", 0, _name, lambda row: _name(row).split(" (")[0], True)
    hits = f"hit {window}" if window else "hit rate"
    yield "hit-rate", has.rate(hits, 1, lambda row: row.now.hit_rate, _style_of_rate)
    if window:
        yield "all-time", has.rate("all time", 7, lambda row: row.ever.hit_rate)
        yield "missed", has.missed(8)
    yield "lookups", has.count("lookups", _FIRST if is_narrow else 9, lookups)
    yield "misses", has.count("misses", 16, lambda of: of.misses)
    yield "entries", has.count("entries", 4, lambda of: of.entries, about=True)
    yield "not-fresh", has.count("not fresh", 11, lambda of: of.expired_entries, most=MOST_EXPIRED)
    yield "meter", has.meter(10)
    yield "full", has.full(2)
    yield "memory", has.size("memory", 5, lambda of: of.memory_bytes)
    yield "size", has.size("size", 17, lambda of: of.bytes)
    yield "ttl", has.column("TTL", 15, has.ttl)
    yield "errors", has.count("errors", 12, lambda of: of.errors, _style_of_errors)
    yield "evicted", has.count("evicted", 13, lambda of: of.evictions, _style_of_evictions)
    yield "expired", has.count("expired", 18, lambda of: of.expired)
    yield "saved", has.saved(6)
    yield "time-saved", has.column("time saved", 14, has.time_saved)
    yield "last-hit", has.last_hit(19)
    yield "hits", has.count("hits", _ASKED_FOR, lambda of: of.hits)
    yield "sets", has.count("sets", _ASKED_FOR, lambda of: of.sets)
    yield "shared", has.count("shared", _ASKED_FOR, lambda of: of.shared)
    yield "invalidated", has.count("invalidated", _ASKED_FOR, lambda of: of.invalidated)
    yield "compressed", has.column("compressed", _ASKED_FOR, has.compressed)


def _name(row: Row) -> str:
    return row.name


def _concerns(row: Row) -> set[str]:
    return {each.concern for each in row.findings}


def _style_of_rate(row: Row) -> str:
    return "yellow" if _concerns(row) & {"rate", "evictions"} else ""


def _style_of_evictions(row: Row) -> str:
    return "yellow" if "evictions" in _concerns(row) else ""


def _style_of_full(row: Row) -> str:
    return "yellow" if _concerns(row) & {"full", "evictions"} else ""


def _style_of_errors(row: Row) -> str:
    return "red" if "errors" in _concerns(row) else ""


class _Cells:
    """Makes columns that look alike."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def rate(
        self,
        heading: str,
        rank: int,
        share: Callable[[Row], float | None],
        style: Callable[[Row], str] | None = None,
    ) -> Column[Row]:
        def cell(row: Row) -> str:
            found = share(row)
            return self.nothing if found is None else cells.rate(found)

        return Column(heading, rank, cell, cell, style=style)

    def count(
        self,
        heading: str,
        rank: int,
        figure: Callable[[NamespaceStats], int | None],
        style: Callable[[Row], str] | None = None,
        *,
        about: bool = False,
        most: int | None = None,
    ) -> Column[Row]:
        """Return counts: `about` so many where entries are estimated, at least so many from `most` on."""

        def shown(row: Row, form: Callable[[int], str]) -> str:
            found = figure(row.now)
            if found is None:
                return cells.UNKNOWN
            glyphs, is_estimate = self.look.glyphs, about and row.now.uncertainty
            sign = glyphs.least if found == most else glyphs.about if is_estimate else ""
            return sign + form(found)

        compact = _exactly if self.look.exact else cells.count
        return Column(
            heading, rank, lambda row: shown(row, compact), lambda row: shown(row, _exactly),
            style=style,
        )  # fmt: skip

    def size(
        self, heading: str, rank: int, figure: Callable[[NamespaceStats], int | None]
    ) -> Column[Row]:
        def cell(row: Row) -> str:
            found = figure(row.now)
            sign = self.look.glyphs.about if row.now.uncertainty else ""
            return cells.UNKNOWN if found is None else sign + cells.size(found)

        return self.column(heading, rank, cell)

    def meter(self, rank: int) -> Column[Row]:
        def cell(row: Row) -> str:
            return meter(fullness(row.now), self.look.glyphs)

        return Column("", rank, cell, None, style=_style_of_full, is_drawn=True)

    def missed(self, rank: int) -> Column[Row]:
        parts = PARTS if self.look.exact else _FEW_PARTS

        def cell(row: Row) -> str:
            return trend(missed(row.trend, parts), self.look.glyphs) if row.trend else ""

        return Column(
            "missed", rank, cell, None, is_text=True, style=_style_of_evictions, is_drawn=True
        )

    def full(self, rank: int) -> Column[Row]:
        def cell(row: Row) -> str:
            share = fullness(row.now)
            return self.nothing if share is None else cells.part(share)

        return Column("full", rank, cell, cell, style=_style_of_full)

    def column(self, heading: str, rank: int, cell: Callable[[Row], str]) -> Column[Row]:
        """Return a column whose cells are one word in a pipe."""
        return Column(heading, rank, cell, lambda row: cell(row).replace(" ", ""))

    def ttl(self, row: Row) -> str:
        return self.nothing if row.is_total else format_seconds(row.now.ttl)

    def saved(self, rank: int) -> Column[Row]:
        def exact(row: Row) -> str:
            return cells.exact_money(row.now.saved_cost) if row.now.saved_cost else self.nothing

        def cell(row: Row) -> str:
            return cells.money(row.now.saved_cost) if row.now.saved_cost else self.nothing

        return Column("saved", rank, exact if self.look.exact else cell, exact)

    def time_saved(self, row: Row) -> str:
        return cells.span(row.now.saved_seconds) if row.now.saved_seconds else self.nothing

    def last_hit(self, rank: int) -> Column[Row]:
        def cell(row: Row) -> str:
            hit = row.now.last_hit_at
            return self.nothing if hit is None else cells.ago(self.look.now - hit)

        return Column("last hit", rank, cell, lambda row: cell(row).removesuffix(" ago"))

    def compressed(self, row: Row) -> str:
        ratio = row.now.compression_ratio
        return self.nothing if ratio is None else f"{ratio:.1f}×"

    @property
    def nothing(self) -> str:
        return self.look.glyphs.unknown


def _exactly(count: int) -> str:
    return f"{count:,}"
