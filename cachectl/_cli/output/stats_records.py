"""`stats` as records: a few lines for each namespace with every digit, for -v and for screen readers."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from cachectl._admin.findings import ATTENTION, BROKEN, Finding
from cachectl._admin.namespaces import said
from cachectl._admin.overview import Row
from cachectl._cli.output import cells, found
from cachectl._cli.output.layout import shortened
from cachectl._cli.output.screen import Screen
from cachectl._cli.output.stats_sentences import hit_rate, memory, sets, shared, stale
from cachectl._cli.output.text import printable
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.units import format_dollars, format_entries, format_seconds

_WORDS: Final = {BROKEN: "broken", ATTENTION: "attention", "": ""}
_STYLES: Final = {"broken": "red", "attention": "yellow", "": ""}
_INDENT: Final = 12


def add(screen: Screen, about: Sequence[Finding], rows: Sequence[Row], now: float) -> None:
    """Add what is found of the cache itself, and a record for each row."""
    for each in about:
        _head(screen, found.CACHE, _WORDS[each.mark])
        _fact(screen, _WORDS[each.mark], each.text)
    for row in rows:
        _head(screen, row.name, _WORDS[row.mark])
        for heading, text in _facts(row, now):
            _fact(screen, heading, text)
        for each in row.findings:
            _fact(screen, _WORDS[each.mark], each.text)


def _head(screen: Screen, name: str, word: str) -> None:
    if screen.width is not None:
        name = shortened(name, screen.width - len(word) - 1, screen.glyphs)
    text = Text(printable(name), "bold")
    screen.add(text + Text(f" {word}", _STYLES[word]) if word else text)


def _fact(screen: Screen, heading: str, text: str) -> None:
    screen.hanging(Text(f"  {heading:{_INDENT - 2}}"), text, _INDENT)


def _facts(row: Row, now: float) -> Iterator[tuple[str, str]]:
    yield "hit rate", hit_rate(row, now)
    yield "holds", _holds(row)
    yield "memory", _memory(row.now)
    yield "in, out", _in_and_out(row.now)
    yield "saved", _saved(row.now)
    if row.now.shared:
        yield "shared", shared(row.now)
    if row.now.compression_ratio is not None:
        yield "packed", _compressed(row.now)
    if not row.is_total:
        yield "policy", f"from {said(row.now.policy_from)}"


def _holds(row: Row) -> str:
    figures = row.now
    about = "about " if figures.uncertainty else ""
    if figures.max_entries:
        full = _full(figures.entries, figures.max_entries)
        entries = f"{figures.entries:,} of {format_entries(figures.max_entries)}{full}"
    else:
        entries = format_entries(figures.entries)
    bounded = figures.max_entries or figures.max_bytes
    parts = [about + entries, _size(figures, bounded=bool(bounded))]
    if told := stale(figures):
        parts.append(told)
    if not row.is_total:
        parts.append(f"TTL {format_seconds(figures.ttl)}")
    return "; ".join(parts)


def _size(figures: NamespaceStats, *, bounded: bool) -> str:
    if figures.max_bytes:
        full = _full(figures.bytes, figures.max_bytes)
        return f"{figures.bytes:,} of {figures.max_bytes:,} bytes{full}"
    return f"{figures.bytes:,} bytes, {'no limit' if bounded else 'no limits'}"


def _full(held: int, most: int) -> str:
    return ", full" if held >= most else ""


def _memory(figures: NamespaceStats) -> str:
    if figures.memory_bytes is None:
        return "unknown"
    return memory(figures.memory_bytes)


def _in_and_out(figures: NamespaceStats) -> str:
    out = (
        f"{figures.expired:,} expired",
        f"{figures.invalidated:,} invalidated",
        f"{figures.evictions:,} evicted",
        f"{figures.errors:,} errors",
    )
    return f"{sets(figures)}; {', '.join(out)}"


def _saved(figures: NamespaceStats) -> str:
    money = _money(figures.saved_cost) if figures.saved_cost else "money not known"
    if not figures.saved_seconds:
        return f"{money}; time not known"
    seconds = f"{figures.saved_seconds:,.6f}".rstrip("0").rstrip(".")
    return f"{money}; {seconds}s, {cells.span(figures.saved_seconds)}"


def _money(dollars: float) -> str:
    """Return dollars with the digits that they are counted in, or as many as it takes."""
    return f"${dollars:,.6f}" if dollars >= 0.000001 else format_dollars(dollars)


def _compressed(figures: NamespaceStats) -> str:
    parts = [f"{figures.compression_ratio:.1f}×"]
    if figures.sets:
        parts.append(f"{cells.span(figures.compress_seconds / figures.sets)} a set")
    if figures.hits:
        parts.append(f"{cells.span(figures.decompress_seconds / figures.hits)} a hit")
    return ", ".join(parts)
