"""Figures as people read them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from benchmarks.harness.registry import HitRate, Reading, Unit
from benchmarks.harness.results import Line, Measured, verdict


def duration(seconds: float) -> str:
    """Return seconds with three digits and a unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{_three_digits(seconds * factor)} {unit}"
    return f"{_three_digits(seconds * 1e9)} ns"


def cost(row: Measured, seconds: float) -> str:
    """Return what one operation takes; of workers, how many operations they do in a second."""
    return f"{1 / seconds:,.0f}/s" if row.group == "workers" else duration(seconds)


def ratio(value: float) -> str:
    """Return a ratio with two decimals, or with as many digits as tell it from nothing."""
    if value < 0.1:
        return f"{value:.2g}"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def spread(line: Line) -> str:
    """Return the quartiles of the ratio."""
    return f"{ratio(line.low)}–{ratio(line.high)}"


def limit(value: float | None) -> str:
    return "–" if value is None else f"≤ {value:g}"


def case(found: Line | Reading) -> str:
    """Return the case with the number of entries, where that is what changes."""
    return found.case if found.entries is None else f"{found.case}, {found.entries:,} entries"


def amount(value: float) -> str:
    """Return bytes with three digits and a unit."""
    for unit, factor in (("GB", 1e-9), ("MB", 1e-6), ("kB", 1e-3)):
        if value * factor >= 1:
            return f"{_three_digits(value * factor)} {unit}"
    return f"{_three_digits(value)} B"


def readings(row: Measured, before: Measured | None = None) -> Iterator[list[str]]:
    """Yield a head, and then a line for each case and side with the figures in columns; after one of
    ours what it was before.
    """
    columns = list(dict.fromkeys(it.figure for it in row.readings))
    yield ["case", "of", *columns]
    for place in dict.fromkeys((case(it), it.side) for it in row.readings):
        yield [*place, *_cells(row, place, columns)]
        earlier = _cells(before, place, columns) if before and _is_ours(place[1]) else []
        if any(earlier):
            yield [place[0], f"{place[1]}, before", *earlier]


def _cells(row: Measured, place: tuple[str, str], columns: list[str]) -> list[str]:
    found = {it.figure: _cell(it) for it in row.readings if (case(it), it.side) == place}
    return [found.get(column, "") for column in columns]


def _is_ours(side: str) -> bool:
    """Return whether a side is ours alone: a ratio of it and another is none."""
    return side.startswith("cachectl") and ":" not in side


def limits(row: Measured) -> Iterator[list[str]]:
    """Yield a head, and then a line for each reading that may be so much at most."""
    yield ["case", "of", "figure", "is", "bar", "aim", "verdict"]
    for it in row.readings:
        if it.bar is not None or it.aim is not None:
            bar, aim = (at_most(it.unit, value) for value in (it.bar, it.aim))
            judged = verdict(it.value, it.bar, it.aim) or _shown(it)
            yield [case(it), it.side, it.figure, _cell(it), bar, aim, judged]


def _shown(reading: Reading) -> str:
    """Return what is said of what depends on the machine: it has an aim, and no bar."""
    assert reading.aim is not None
    return "aim met" if reading.value <= reading.aim else "aim not met"


def at_most(unit: Unit, value: float | None) -> str:
    return "–" if value is None else f"≤ {_WRITTEN[unit](value)}"


def _cell(reading: Reading) -> str:
    return _WRITTEN[reading.unit](reading.value)


def hit_rates(row: Measured) -> Iterator[list[str]]:
    """Yield a head, and then a line for each trace and size with the rates in columns."""
    columns = list(dict.fromkeys(map(_column, row.rates)))
    yield ["trace", "requests", "entries", *columns]
    for place in dict.fromkeys(map(_place, row.rates)):
        found = {_column(it): f"{it.rate:.4f}" for it in row.rates if _place(it) == place}
        trace, requests, entries = place
        rates = (found.get(column, "") for column in columns)
        yield [trace, f"{requests:,}", f"{entries:,}", *rates]


def _column(rate: HitRate) -> str:
    return f"{rate.policy}, {rate.backend}" if rate.backend else rate.policy


def _place(rate: HitRate) -> tuple[str, int, int]:
    return rate.trace, rate.requests, rate.entries


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


_WRITTEN: Final[Mapping[Unit, Callable[[float], str]]] = {
    "s": duration,
    "/s": "{:,.0f}/s".format,
    "B": amount,
    "ratio": ratio,
    "count": "{:,.0f}".format,
}
