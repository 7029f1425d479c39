"""Figures as people read them."""

from collections.abc import Iterator

from benchmarks.harness.registry import HitRate
from benchmarks.harness.results import Line, Measured


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


def case(line: Line) -> str:
    """Return the case with the number of entries, where that is what changes."""
    return line.case if line.entries is None else f"{line.case}, {line.entries:,} entries"


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
