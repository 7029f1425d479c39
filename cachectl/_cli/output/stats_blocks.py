"""The blocks of a namespace's page: why lookups missed, how that went, what it took, which keys."""

from collections.abc import Sequence
from typing import Final, TypeVar

from rich.cells import cell_len
from rich.text import Text

from cachectl._admin.overview import PARTS, missed
from cachectl._cli.output import cells
from cachectl._cli.output.glyphs import bar, trend
from cachectl._cli.output.layout import Column, Line, shortened, table
from cachectl._cli.output.screen import Screen
from cachectl._metrics.details import Details, Latency, MissedKey, Trend
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.units import format_day, format_moment

T = TypeVar("T")

_NAMES: Final = {"absent": "never stored", "error": "backend error"}
"""What reasons are called here, where that is not their name."""

_RARE: Final = frozenset(("damaged", "bypassed", "error"))
"""Reasons that are shown where there were any."""

_HEADING: Final = 13
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_LONGEST_KEY: Final = 200
_MISSED: Final = 13  # cells in front of a key


def add_reasons(screen: Screen, figures: NamespaceStats) -> None:
    """Add why lookups missed, the most frequent reason first, if any did."""
    if not figures.misses:
        return
    found = [each for each in figures.missed.items() if each[1] or each[0] not in _RARE]
    ordered = sorted(found, key=lambda pair: -pair[1])
    columns: list[Column[tuple[str, int]]] = [
        Column("why missed", 0, lambda of: _NAMES.get(of[0], of[0]), None, is_text=True),
        Column("misses", 1, lambda of: f"{of[1]:,}", None),
        Column("share", 2, lambda of: _share(of[1], figures.misses), None),
        Column(
            "", 3, lambda of: bar(of[1] / figures.misses, screen.glyphs), None,
            is_text=True, is_drawn=True,
        ),
    ]  # fmt: skip
    _add(screen, columns, ordered)


def add_trend(screen: Screen, of: Trend, now: float) -> None:
    """Add how the share of misses and the lookups went, each with its range."""
    shares = missed(of, PARTS)
    known = [share for share in shares if share is not None]
    if not known:
        return
    lookups = [part.hits + part.misses for part in of.parts]
    most = max(lookups)
    last_start = of.start + of.seconds * (len(shares) - 1)
    first, last = _named(of.start, of, now), _named(last_start, of, now)
    between = " " * max(1, len(shares) - len(first) - len(last))
    heading = "by the hour" if round(of.seconds, -2) == _HOUR else "by time"
    lines = (
        (
            "missed",
            trend(shares, screen.glyphs),
            _range(cells.rate(min(known)), cells.rate(max(known))),
        ),
        (
            "lookups",
            trend([count / most if count else None for count in lookups], screen.glyphs),
            _range(f"{min(lookups):,}", f"{most:,}"),
        ),
    )
    screen.blank()
    screen.add(Text.assemble((f"{heading:{_HEADING}}", "bold"), f"{first}{between}{last}"))
    for name, drawn, said in lines:
        line = f"{name:{_HEADING}}{drawn}  {said}"
        fits = screen.width is None or cell_len(line) <= screen.width
        screen.add(line if fits else f"{name:{_HEADING}}{drawn}")


def add_latencies(screen: Screen, details: Details, figures: NamespaceStats) -> None:
    """Add how long hits, misses and loads took, as far as any were measured."""
    measured = [(name, each) for name, each in details.latency.items() if each.measured]
    columns: list[Column[tuple[str, Latency]]] = [
        Column("latency", 0, lambda of: of[0], None, is_text=True),
        Column("p50", 1, lambda of: _time(screen, of[1].p50), None),
        Column("p99", 2, lambda of: _time(screen, of[1].p99), None),
        Column("measured", 3, lambda of: _measured(*of, figures), None),
    ]
    if measured:
        _add(screen, columns, measured)


def add_most_missed(screen: Screen, details: Details) -> None:
    """Add the keys that are missed most, again and again; they stand last, where odd widths move nothing."""
    columns: list[Column[MissedKey]] = [
        Column("most missed", 0, lambda of: f"{of.misses:,}", None),
        Column("key", 1, lambda of: _key(screen, of.key), None, is_text=True),
    ]
    again = [key for key in details.top_misses if key.misses > 1]
    if again:
        _add(screen, columns, again)


def _add(screen: Screen, columns: Sequence[Column[T]], about: Sequence[T]) -> None:
    screen.blank()
    lines = [Line(each) for each in about]
    screen.add(table(columns, lines, screen.width, screen.glyphs, marks=False))


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def _share(part: int, whole: int) -> str:
    return cells.rate(part / whole) if part else "0"


def _named(at: float, of: Trend, now: float) -> str:
    """Return the day of a part, or its time if all of them are of a day or two."""
    if of.seconds * len(of.parts) > 2 * _DAY:
        return format_day(at, now)
    return format_moment(round(at / _MINUTE) * _MINUTE, now).rpartition(" ")[2]


def _time(screen: Screen, seconds: float | None) -> str:
    return screen.glyphs.unknown if seconds is None else cells.span(seconds)


def _measured(name: str, latency: Latency, figures: NamespaceStats) -> str:
    """Return of how many: of all loads, of some hits and misses."""
    if name == "load":
        return f"all {latency.measured:,}"
    counted = {"hit": figures.hits, "miss": figures.misses}.get(name, 0)
    if counted <= latency.measured:
        return f"{latency.measured:,}"
    return f"1 in {round(counted / latency.measured):,}"


def _key(screen: Screen, key: str) -> str:
    room = _LONGEST_KEY if screen.width is None else screen.width - _MISSED
    return shortened(key, room, screen.glyphs)
