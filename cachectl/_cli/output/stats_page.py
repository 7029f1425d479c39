"""`stats NS`: all that is known of one namespace, in blocks; what is not kept is left out."""

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from cachectl._admin.overview import Row
from cachectl._cli.output import cells, stats_blocks
from cachectl._cli.output.glyphs import meter
from cachectl._cli.output.screen import Screen
from cachectl._cli.output.stats_sentences import hit_rate, memory, sets, shared, stale
from cachectl._metrics.details import Details
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.units import format_dollars, format_entries, format_moment

_HEADING: Final = 10
_METER: Final = 12
_CLOSE: Final = 900  # seconds between the beginnings of what is called one time
_NOTED: Final = "latency and keys are noted"
_LIMIT: Final = 22  # cells that a meter has beside it


def add(screen: Screen, row: Row, details: Details | None, now: float) -> None:
    """Add the page of a namespace."""
    screen.blank()
    for heading, text in _facts(screen, row, now):
        screen.hanging(Text(f"{heading:{_HEADING}}", "bold"), text, _HEADING)
    stats_blocks.add_reasons(screen, row.now)
    if row.trend is not None:
        stats_blocks.add_trend(screen, row.trend, now)
    if details is not None:
        stats_blocks.add_latencies(screen, details, row.now)
        stats_blocks.add_most_missed(screen, details)
        if row.trend is not None and abs(details.since - row.trend.start) > _CLOSE:
            since = format_moment(details.since, now)
            screen.hanging(Text(), f"{_NOTED} since {since} UTC", 0)


def _facts(screen: Screen, row: Row, now: float) -> Iterator[tuple[str, str]]:
    figures = row.now
    yield "hit rate", hit_rate(row, now)
    if figures.saved_cost or figures.saved_seconds:
        yield "saved", _saved(figures)
    yield from _holds(screen, figures)
    if figures.memory_bytes is not None:
        yield "memory", memory(figures.memory_bytes)
    yield "in", sets(figures)
    yield "out", _out(figures)
    if figures.shared:
        yield "shared", shared(figures)
    if figures.compression_ratio is not None:
        yield "packed", f"to 1/{figures.compression_ratio:.1f} of what it would take"


def _saved(figures: NamespaceStats) -> str:
    """Return what hits saved, and one of them on average."""
    served = figures.hits + figures.shared
    total, each = [], []
    if figures.saved_cost:
        total.append(cells.money(figures.saved_cost))
        each.append(format_dollars(figures.saved_cost / max(1, served)))
    if figures.saved_seconds:
        total.append(cells.span(figures.saved_seconds))
        each.append(cells.span(figures.saved_seconds / max(1, served)))
    return f"{' and '.join(total)}; a hit saves {' and '.join(each)}"


def _holds(screen: Screen, figures: NamespaceStats) -> Iterator[tuple[str, str]]:
    """Yield what is held, each beside its limit if any is there."""
    about = f"{screen.glyphs.about} " if figures.uncertainty else ""
    entries, size = about + format_entries(figures.entries), about + cells.said_size(figures.bytes)
    widest = max(cell_len(entries), cell_len(size))
    most = "" if figures.max_bytes is None else cells.said_size(figures.max_bytes)
    limits = (
        (entries, figures.entries, figures.max_entries, f"{figures.max_entries or 0:,}"),
        (size, figures.bytes, figures.max_bytes, most),
    )
    heading = "holds"
    for amount, held, limit, said in limits:
        yield heading, amount if limit is None else _of(screen, amount, widest, held / limit, said)
        heading = ""
    if told := stale(figures):
        yield "", told


def _of(screen: Screen, amount: str, widest: int, share: float, limit: str) -> str:
    full = cells.part(share)
    if screen.width is not None and screen.width < _HEADING + widest + 2 + _METER + _LIMIT:
        return f"{amount}, {full} of {limit}"
    drawn = meter(share, screen.glyphs, _METER)
    return f"{amount:{widest}}  {drawn} {full:>4} of {limit}"


def _out(figures: NamespaceStats) -> str:
    """Return what was removed and why, most of it first."""
    counts = {
        "expired": figures.expired,
        "invalidated": figures.invalidated,
        "evicted": figures.evictions,
    }
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count:,} {what}" for what, count in ordered)
