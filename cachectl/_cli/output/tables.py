"""Tables for people. Imported only where one is shown: Rich takes its time to load."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from cachectl._cli.output.text import printable, shortened
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._model.units import format_bytes, format_dollars, format_seconds

UNKNOWN = "–"
_HEADINGS = (
    "entries", "size", "full", "memory", "TTL", "hits", "misses", "hit rate",
    "evicted", "expired", "saved", "time saved", "last hit",
)  # fmt: skip
_COMPRESSION = ("compressed", "per set", "per hit")


def stats(report: Stats, names: Iterable[str]) -> Table:
    """Return the figures of namespaces, and below them the totals; those of compression only if
    anything was written where it is on.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("namespace", overflow="fold")
    compresses = report.totals.compression_ratio is not None
    for heading in (*_HEADINGS, *_COMPRESSION) if compresses else _HEADINGS:
        table.add_column(heading, justify="right", overflow="fold")

    def cells(figures: NamespaceStats, ttl: str) -> list[str]:
        shown = _cells(figures, ttl, report.generated_at)
        return shown + _compression(figures) if compresses else shown

    for name in names:
        figures = report.namespaces[name]
        table.add_row(Text(printable(name)), *cells(figures, format_seconds(figures.ttl)))
    table.add_section()
    table.add_row("total", *cells(report.totals, UNKNOWN), style="bold")
    return table


def _compression(figures: NamespaceStats) -> list[str]:
    """Return how much smaller values became, and what that costs a set and a hit."""
    ratio = figures.compression_ratio
    if ratio is None:
        return [UNKNOWN] * len(_COMPRESSION)
    times = (
        (figures.compress_seconds, figures.sets), (figures.decompress_seconds, figures.hits),
    )  # fmt: skip
    each = (f"{seconds / count * 1e6:,.1f} µs" if count else UNKNOWN for seconds, count in times)
    return [f"{ratio:.1f}×", *each]


def _cells(figures: NamespaceStats, ttl: str, now: float) -> list[str]:
    memory = figures.memory_bytes
    return [
        _of(
            _about(figures) + f"{figures.entries:,}",
            figures.max_entries and f"{figures.max_entries:,}",
        ),
        _of(
            _about(figures) + format_bytes(figures.bytes),
            figures.max_bytes and format_bytes(figures.max_bytes),
        ),
        percent(fullness(figures)),
        UNKNOWN if memory is None else f"≈ {format_bytes(memory)}",
        ttl,
        f"{figures.hits:,}",
        f"{figures.misses:,}",
        percent(figures.hit_rate),
        f"{figures.evictions:,}",
        f"{figures.expired:,}",
        format_dollars(figures.saved_cost),
        format_seconds(figures.saved_seconds),
        UNKNOWN if figures.last_hit_at is None else ago(now - figures.last_hit_at),
    ]


def _about(figures: NamespaceStats) -> str:
    """Return what stands before an estimate."""
    return "≈ " if figures.uncertainty else ""


def _of(held: str, limit: str | int | None) -> str:
    return f"{held} / {limit}" if limit else held


def fullness(figures: NamespaceStats) -> float | None:
    """Return how much of its tighter limit a namespace fills; None without limits."""
    shares = [
        used / limit
        for used, limit in (
            (figures.entries, figures.max_entries), (figures.bytes, figures.max_bytes),
        )
        if limit
    ]  # fmt: skip
    return max(shares, default=None)


def percent(fraction: float | None) -> str:
    """Return a fraction as a percentage; nothing is known of None."""
    return UNKNOWN if fraction is None else f"{fraction:.1%}"


def ago(seconds: float) -> str:
    """Return how long ago something was."""
    return "now" if seconds < 1 else f"{format_seconds(int(seconds))} ago"


def moment(seconds: float) -> str:
    """Return Unix seconds as a date and time in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def rows(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> Table:
    """Return a table of text, made harmless."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(*(Text(printable(cell)) for cell in line))
    return table


def facts(lines: Iterable[tuple[str, str]]) -> Table:
    """Return names and values, a pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in lines:
        table.add_row(name, Text(shortened(value, 2000)))
    return table
