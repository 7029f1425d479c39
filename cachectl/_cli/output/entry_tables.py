"""Entries for people: a listing, and one entry in full. Imported only where one is shown."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from rich.table import Table

from cachectl._admin.entries import type_of, uncompressed_size
from cachectl._cli.output.tables import UNKNOWN, ago, facts, rows
from cachectl._cli.output.text import printable, shortened
from cachectl._model import values
from cachectl._model.entry import Entry
from cachectl._model.records import EntryInfo
from cachectl._model.units import format_bytes, format_dollars, format_seconds

_HEADINGS: Final = ("key", "type", "size", "age", "used", "TTL left", "cost", "tags")
_PREVIEW: Final = 500
_ALWAYS: Final = frozenset(("expires_at",))  # facts that are shown also where they say None


def listing(entries: Iterable[EntryInfo], now: float) -> Table:
    """Return a table of entries."""
    return rows(_HEADINGS, (_cells(info, now) for info in entries))


def entry_facts(known: dict[str, Any], entry: Entry, now: float) -> Table:
    """Return a table of all that is known of one entry, and the beginning of its value."""
    shown = {
        **known,
        "size": _size(entry),
        "ttl_left": _time_left(entry, now),
        "cost": format_dollars(entry.dollars),
        "load_seconds": format_seconds(entry.load_us / 1e6),
        "tags": " ".join(entry.tags),
    }
    lines = {name: fact for name, fact in shown.items() if fact is not None or name in _ALWAYS}
    lines["value"] = shortened(values.preview(entry.value), _PREVIEW)
    return facts((name.replace("_", " "), str(fact)) for name, fact in lines.items())


def _cells(info: EntryInfo, now: float) -> Iterator[str]:
    entry = info.entry
    yield shortened(info.key, 200)
    yield UNKNOWN if entry is None else type_of(entry)
    yield format_bytes(info.size)
    yield "damaged" if entry is None else format_seconds(max(now - entry.created_at, 0))
    yield ago(now - info.used_at)
    yield UNKNOWN if entry is None else _time_left(entry, now)
    yield UNKNOWN if entry is None or not entry.cost else format_dollars(entry.dollars)
    yield "" if entry is None else printable(" ".join(entry.tags))


def _size(entry: Entry) -> str:
    stored = format_bytes(entry.size)
    if not entry.compression:
        return stored
    return f"{stored} ({format_bytes(uncompressed_size(entry))} before compression)"


def _time_left(entry: Entry, now: float) -> str:
    return "expired" if entry.expires_at <= now else format_seconds(entry.expires_at - now)
