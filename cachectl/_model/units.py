"""Durations, sizes and money: what people write, what the engine calculates with.

Durations are seconds, sizes are bytes, money is integer micro- and nano-dollars. A bare number is
already in the base unit; anything that does not parse to its last character is refused.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from cachectl._model.arguments import passed_to, shown
from cachectl.errors import UsageError

if TYPE_CHECKING:
    from decimal import Decimal

Duration = float | int | str | timedelta
"""What is accepted wherever a duration is: `90`, `"90s"`, `"1h30m"`, `timedelta(days=7)`."""

Money: TypeAlias = "float | int | str | Decimal"
"""Dollars, as a number or a decimal string."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMBER = r"(?a)\d+(?:\.\d+)?"  # patterns are compiled by `re` when they are first used
_DURATION = r"(?a)(?:\d+(?:\.\d+)?[smhdw])+"
_DURATION_PART = r"(?a)(\d+(?:\.\d+)?)([smhdw])"
_SIZE = r"(?a)(\d+(?:\.\d+)?)\s*([kMGT]i?B|KB|KiB|B)?"
_BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "kiB": 2**10, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip

_LONGEST = 100 * 365 * 86_400  # a century: longer is a typing mistake, and overflows clocks
_LARGEST = 2**62
_MICRO = 1_000_000
_NANO = 1_000_000_000
COST_LIMIT = 1_000_000 * _MICRO
"""Micro-dollars that an entry may have cost, a million dollars: sums of them must stay exact."""


def parse_duration(text: Duration) -> float | None:
    """Return seconds above zero; None for `"none"`. Raises `UsageError`."""
    if isinstance(text, timedelta):
        seconds = text.total_seconds()
    elif isinstance(text, str):
        if text.strip() == "none":
            return None
        seconds = _duration_seconds(text.strip())
    elif isinstance(text, bool) or not isinstance(text, int | float):
        raise UsageError(f"not a duration: {shown(text)} (a {type(text).__name__})")
    else:
        seconds = text
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"not a duration: {shown(text)} (more than 0 s, at most 100 years)")
    return float(seconds)


def window_of(since: Duration | None) -> float | None:
    """Return how many seconds before now figures are to begin; None for all. Raises `UsageError`."""
    with passed_to("stats"):
        return None if since is None else parse_duration(since)


def _duration_seconds(text: str) -> float:
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if not re.fullmatch(_DURATION, text):
        raise UsageError(f"not a duration: {shown(text)} (write 90, 90s, 15m, 1h30m, 7d or none)")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_DURATION_PART, text))


def parse_size(text: int | str) -> int | None:
    """Return bytes above zero; None for `"none"`. Raises `UsageError`."""
    if isinstance(text, str):
        if text.strip() == "none":
            return None
        from decimal import Decimal

        match = re.fullmatch(_SIZE, text.strip())
        if match is None:
            raise UsageError(f"not a size: {shown(text)} (write 512, 1.5MiB, 2GB or none)")
        size = int(Decimal(match[1]) * _BYTES[match[2] or "B"])
    elif isinstance(text, bool) or not isinstance(text, int):
        raise UsageError(f"not a size: {shown(text)} (a {type(text).__name__})")
    else:
        size = text
    if not 0 < size <= _LARGEST:
        raise UsageError(f"not a size: {shown(text)} (more than 0 bytes)")
    return size


class Amount(NamedTuple):
    """Money: micro-dollars, rounded up, and the nano-dollars (under 1,000) by which that is too much:
    so whatever is not nothing has some micro-dollars.
    """

    micros: int = 0
    over: int = 0

    @classmethod
    def of(cls, dollars: Money) -> "Amount":
        """Return dollars, rounded half to even. Raises `UsageError`, also for what would be nothing."""
        if type(dollars) is int and dollars == 0:
            return NOTHING
        from decimal import Decimal

        try:
            exact = Decimal(str(dollars)) * _NANO
            nanos = exact.to_integral_value()
            possible = 0 <= nanos <= COST_LIMIT * 1000  # int() takes a second for 1e99999
        except Exception:  # noqa: BLE001 - whatever `decimal` objects to, or how a `str` fails
            raise UsageError(f"not an amount of dollars: {shown(dollars)}") from None
        if not possible:
            raise UsageError(f"not an amount of dollars: {shown(dollars)} (from 0 to a million)")
        if exact and not nanos:
            raise UsageError(f"not an amount of dollars: {shown(dollars)} (a billionth or more)")
        micros = -(-int(nanos) // 1000)
        return cls(micros, micros * 1000 - int(nanos))


NOTHING: Final = Amount()


def microseconds(seconds: float) -> int:
    """Return the seconds that something took in microseconds. Raises `UsageError`."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise UsageError(f"not seconds: {shown(seconds)} (a {type(seconds).__name__})")
    if not 0 <= seconds <= _LONGEST:
        raise UsageError(f"not seconds that something took: {shown(seconds)}")
    return round(seconds * 1e6)


def format_bytes(size: float) -> str:
    """Return a size for people, in binary units: `1.5 MiB`."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if size < 1024 or unit == "TiB":
            break
    return f"{size:.1f} {unit}"


def format_dollars(amount: float) -> str:
    """Return money for people: cents, or three digits where cents are too coarse: `$0.000003`."""
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    decimals = 2 - math.floor(math.log10(amount))
    whole, _, fraction = f"{amount:.{decimals}f}".partition(".")
    return f"${whole}.{fraction.rstrip('0'):0<2}"


def format_entries(count: int) -> str:
    """Return a number of entries for people: `1 entry`, `1,234 entries`."""
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def format_rate(share: float) -> str:
    """Return a share as a percentage; only what is exactly none or all is called so."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 else f"{share:.1%}"


def format_seconds(seconds: float | None) -> str:
    """Return a duration for people, its two largest units: `1h 30m`; `none` for None."""
    if seconds is None or math.isinf(seconds):
        return "none"
    if seconds < 60:
        return "0s" if seconds < 0.001 else f"{seconds:.3g}s"
    parts = []
    rest = round(seconds)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def format_day(at: float, now: float) -> str:
    """Return the day of Unix seconds in UTC: `3 Oct`, with its year if that is another than now."""
    day, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


def format_moment(at: float, now: float) -> str:
    """Return day and time of Unix seconds in UTC: `25 Nov 03:12`."""
    return f"{format_day(at, now)} {datetime.fromtimestamp(at, UTC):%H:%M}"
