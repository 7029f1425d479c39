"""Tables for people. Imported only where one is shown: Rich takes its time to load."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from cachectl._cli.output.text import printable, shortened
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._model.records import MOST_EXPIRED
from cachectl._model.units import format_bytes, format_dollars, format_seconds

UNKNOWN = "–"
Column = tuple[str, Callable[[NamespaceStats], str]]
"""A heading, and what stands below it."""


def stats(report: Stats, names: Iterable[str], *, verbose: bool = False) -> Table:
    """Return the figures of namespaces, and below them the totals. What has expired and what
    compression does are only there if there is anything to tell, or if it is to be `verbose`.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("namespace", overflow="fold")
    columns = list(_columns(report, verbose=verbose))
    for heading, _ in columns:
        table.add_column(heading, justify="right", overflow="fold")
    for name in names:
        figures = report.namespaces[name]
        table.add_row(Text(printable(name)), *(cell(figures) for _, cell in columns))
    table.add_section()
    table.add_row("total", *(cell(report.totals) for _, cell in columns), style="bold")
    return table


def _columns(report: Stats, *, verbose: bool) -> Iterator[Column]:
    totals, now = report.totals, report.generated_at
    yield (
        "entries",
        lambda of: _of(f"{_about(of)}{of.entries:,}", of.max_entries and f"{of.max_entries:,}"),
    )
    if verbose or totals.expired_entries:
        yield "not fresh", lambda of: _at_least(of.expired_entries)
    yield (
        "size",
        lambda of: _of(
            _about(of) + format_bytes(of.bytes), of.max_bytes and format_bytes(of.max_bytes)
        ),
    )
    yield "full", lambda of: percent(fullness(of))
    yield "memory", lambda of: _memory(of.memory_bytes)
    yield "TTL", lambda of: UNKNOWN if of is totals else format_seconds(of.ttl)
    yield "hits", lambda of: f"{of.hits:,}"
    yield "misses", lambda of: f"{of.misses:,}"
    if verbose:
        yield "shared", lambda of: f"{of.shared:,}"
    yield "hit rate", lambda of: percent(of.hit_rate)
    yield "evicted", lambda of: f"{of.evictions:,}"
    yield "expired", lambda of: f"{of.expired:,}"
    yield "saved", lambda of: format_dollars(of.saved_cost)
    yield "time saved", lambda of: format_seconds(of.saved_seconds)
    yield "last hit", lambda of: UNKNOWN if of.last_hit_at is None else ago(now - of.last_hit_at)
    if totals.compression_ratio is not None:
        yield from _COMPRESSION


def _ratio(figures: NamespaceStats) -> str:
    ratio = figures.compression_ratio
    return UNKNOWN if ratio is None else f"{ratio:.1f}×"


def _each(figures: NamespaceStats, seconds: float, count: int) -> str:
    """Return the time that compression takes, each time; nothing is known where it is off."""
    known = figures.compression_ratio is not None and count
    return f"{seconds / count * 1e6:,.1f} µs" if known else UNKNOWN


_COMPRESSION: Final[Sequence[Column]] = (
    ("compressed", _ratio),
    ("per set", lambda of: _each(of, of.compress_seconds, of.sets)),
    ("per hit", lambda of: _each(of, of.decompress_seconds, of.hits)),
)


def _memory(size: int | None) -> str:
    return UNKNOWN if size is None else f"≈ {format_bytes(size)}"


def _at_least(entries: int | None) -> str:
    if entries is None:
        return UNKNOWN
    return f"≥ {entries:,}" if entries == MOST_EXPIRED else f"{entries:,}"


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
