"""Figures as they stand in tables: three digits and a unit, aligned; nothing is ever cut.

`cachectl._model.units` has what stands in sentences.
"""

from typing import Final

from cachectl._model.units import format_rate as rate

__all__ = [
    "age", "ago", "count", "exact_money", "money", "more", "more_bytes", "part", "per_second",
    "rate", "said_size", "size", "span",
]  # fmt: skip

UNKNOWN: Final = "?"
"""What stands where nothing is known, or nothing was counted."""

_EXACT_BELOW: Final = 10_000
_PARTS: Final = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def count(number: int) -> str:
    """Return a count: `9,999`, `12.4k`, `1.20M`."""
    if abs(number) < _EXACT_BELOW:
        return f"{number:,}"
    return _three_digits(number, 1000, ("", "k", "M", "G", "T", "P"))


def size(number: float) -> str:
    """Return bytes, the units below each other: `847   B`, `3.02 KiB`."""
    if round(number) < 1000:
        return f"{round(number)}   B"
    return _three_digits(number, 1024, ("   B", " KiB", " MiB", " GiB", " TiB", " PiB"))


def said_size(number: float) -> str:
    """Return bytes as they stand in sentences: `847 B`, `3.02 KiB`."""
    return " ".join(size(number).split())


def per_second(number: float) -> str:
    """Return how often something happens: `0`, `<0.1`, `23.9`, `1,204`."""
    if 0 < number < 0.1:
        return "<0.1"
    return f"{number:.1f}" if 0 < number < 100 else count(round(number))


def more(number: int) -> str:
    """Return by how many something is more or less: `+12`, `-3`, `0`."""
    return f"{'+' if number > 0 else ''}{count(number)}"


def more_bytes(number: float) -> str:
    """Return by how much something is larger or smaller: `+1.42 GiB`, `-847   B`."""
    sign = "+" if number > 0 else "-" if number < 0 else ""
    return f"{sign}{size(abs(number))}"


def part(share: float) -> str:
    """Return how much of a limit is used, in whole percents: nothing is full that is not."""
    if share in (0, 1):
        return f"{share:.0%}"
    whole = int(round(share * 100, 9))  # 29 of 100 are 29 %, not a little less
    return "<1%" if whole < 1 else f"{min(whole, 99) if share < 1 else whole}%"


def money(dollars: float) -> str:
    """Return dollars and cents, thousands from 10,000 on: `$12.92`, `<$0.01`, `$105k`."""
    return exact_money(dollars) if dollars < _EXACT_BELOW else f"${count(round(dollars))}"


def exact_money(dollars: float) -> str:
    """Return dollars and cents of any amount: `$104,530.57`, `<$0.01`."""
    return "<$0.01" if 0 < dollars < 0.01 else f"${dollars:,.2f}"


def span(seconds: float) -> str:
    """Return a duration in its two largest units: `2d 23h`, `625 ms`, `38 µs`."""
    if 0 < seconds < 0.0009995:
        return f"{max(1, round(seconds * 1e6))} µs"
    if 0 < seconds < 0.9995:
        return f"{_digits(seconds * 1e3)} ms"
    if 0 < seconds < 9.995:
        return f"{seconds:.2f}s"
    rest, parts = round(seconds), []
    for length, unit in _PARTS:
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2]) or "0s"


def age(seconds: float) -> str:
    """Return a duration in its largest unit: `3d`, `12m`."""
    whole = round(seconds)
    return next((f"{whole // length}{unit}" for length, unit in _PARTS if whole >= length), "0s")


def ago(seconds: float) -> str:
    """Return how long ago something was: `now`, `3s ago`."""
    return "now" if seconds < 1 else f"{age(int(seconds))} ago"


def _three_digits(number: float, base: int, units: tuple[str, ...]) -> str:
    step, value = 0, float(number)
    while abs(value) >= 999.5 and step < len(units) - 1:
        value, step = value / base, step + 1
    return f"{_digits(value)}{units[step]}"


def _digits(value: float) -> str:
    """Return a number with three digits."""
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{decimals}f}"
