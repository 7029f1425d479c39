"""What `inspect` shows of many entries: a listing, how many there are, a summary."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from cachectl._admin import entries
from cachectl._admin.filters import Filters
from cachectl._admin.listing import Listing, Row
from cachectl._admin.namespaces import said, unknown, unknown_among
from cachectl._admin.reach import PUBLISHED, in_memory
from cachectl._admin.sorting import Order
from cachectl._cli.exits import Interrupted
from cachectl._cli.output import Format, out, schema
from cachectl._cli.output.text import printable
from cachectl._cli.session import Session
from cachectl._engine.cache import Cache
from cachectl._masking import masked
from cachectl._model.records import Removed, Usage
from cachectl._model.units import format_bytes, format_entries
from cachectl.errors import UsageError

_TABLE_ROWS: Final = 100
_ENTRY: Final = "inspect-entry"


class Wanted(NamedTuple):
    """Which entries are to be shown, and how; a `limit` of None is up to the format, 0 is all."""

    filters: Filters
    order: Order | None
    limit: int | None
    null: bool


def show_entries(cache: Cache, opened: Session, names: Sequence[str], wanted: Wanted) -> None:
    """Show entries of some namespaces, or of all."""
    if wanted.null and out.format is not Format.TABLE:
        raise UsageError("-0 is keys alone: no --format")
    keys_alone = wanted.null or (out.level < 0 and out.format is Format.TABLE)
    if keys_alone and len(names) != 1:
        raise UsageError("keys alone are those of one namespace: name it")
    now = time.time()
    chosen = _Chosen(_listing(cache, names, wanted.filters, now), wanted, as_table=not keys_alone)
    try:
        if keys_alone:
            _show_keys(chosen, null=wanted.null)
        elif out.format is Format.TABLE:
            _begin(cache, opened, chosen.listing, wanted)
            _show_table(chosen, now)
        else:
            _print_rows(chosen)
    except Interrupted:
        out.note(f"listed {format_entries(chosen.number)}, and not all")
        raise


def show_count(cache: Cache, opened: Session, names: Sequence[str], wanted: Wanted) -> None:
    """Show how many entries there are in each namespace, and how large they are."""
    _refuse_order("--count", wanted)
    listing = _listing(cache, names, wanted.filters, time.time())
    if out.format is Format.TABLE and out.level >= 0:
        _begin(cache, opened, listing, wanted)
    held = listing.held()
    total = Removed.total(Removed(*each[:2]) for each in held.values())
    if out.format is Format.TABLE and out.level < 0:
        out.line(str(total.entries))
    elif out.format is Format.TABLE:
        from cachectl._cli.output import entry_tables

        out.table(entry_tables.totals(held, out.width, out.glyphs))
    elif out.format is Format.CSV:
        out.csv(("namespace", *Usage._fields), ([name, *each] for name, each in held.items()))
    elif out.format is Format.JSONL:
        rows = ({"namespace": name, **each._asdict()} for name, each in held.items())
        out.records("inspect-namespace", rows)
    else:
        by_name = {name: each._asdict() for name, each in held.items()}
        out.document("inspect-namespaces", {**total._asdict(), "namespaces": by_name})


def show_summaries(cache: Cache, opened: Session, names: Sequence[str], wanted: Wanted) -> None:
    """Show what each namespace holds, in one look."""
    from cachectl._admin.summary import Summary

    _refuse_order("--summary", wanted)
    if out.format is Format.CSV:
        raise UsageError("there is no format csv of a summary")
    now, as_table = time.time(), out.format is Format.TABLE
    listing = _listing(cache, names, wanted.filters, now)
    if as_table:
        out.context("cache", *opened.context.parts(opened.context.state(cache.status())))
    found: dict[str, Any] = {}
    for at, name in enumerate(listing.names):
        began, summary = time.monotonic(), Summary(now)
        summary.add(Listing(cache, [name], wanted.filters, now).rows())
        took = time.monotonic() - began
        if as_table and at:
            out.gap()
        if as_table:
            _show_summary(name, summary, took, wanted.filters)
        elif out.format is Format.JSONL:
            out.document("inspect-summary", {"namespace": name, **summary.document()})
        else:
            found[name] = summary.document()
    if out.format is Format.JSON:
        out.document("inspect-summaries", {"namespaces": found})


def _refuse_order(option: str, wanted: Wanted) -> None:
    """Raise `UsageError` where entries are to come in an order, or some of them, and none will."""
    if wanted.order is not None or wanted.limit is not None or wanted.null:
        raise UsageError(f"{option} looks at all entries: no --sort, --limit or -0")


def _listing(cache: Cache, names: Sequence[str], filters: Filters, now: float) -> Listing:
    """Return the listing of these namespaces, or of all; what nobody knows is said."""
    if in_memory(cache):
        out.note(PUBLISHED)
    else:
        missing = unknown_among(cache, names, cache.usage(*names)) if names else ()
        if missing and len(names) > 1:
            raise UsageError(
                f"{unknown(missing[0])}; for a key say: inspect NS KEY, without options"
            )
        for name in missing:
            out.note(unknown(name))
    return Listing(cache, names, filters, now)


def _begin(cache: Cache, opened: Session, listing: Listing, wanted: Wanted) -> None:
    """Say which cache and which entries a table is about."""
    out.context("cache", *opened.context.parts(opened.context.state(cache.status())))
    name = listing.names[0] if len(listing.names) == 1 else "entries"
    order = wanted.order.said if wanted.order else ""
    filters = masked(", ".join(wanted.filters.texts))
    if len(listing.names) == 1:
        held = cache.usage(name).get(name, Usage())
        of = "of " if filters else ""
        policy = f"{cache.namespace(name).policy.summary}, from {said(cache.policy_from(name))}"
        size = format_bytes(held.bytes)
        out.context(name, of + format_entries(held.entries), filters, size, order, policy)
    else:
        out.context(name, f"of {len(listing.names):,} namespaces", filters, order)
    out.gap()


class _Chosen(Iterator[Row]):
    """The rows that are shown; it knows how many came, and whether there are more."""

    def __init__(self, listing: Listing, wanted: Wanted, *, as_table: bool) -> None:
        self.listing = listing
        self.number = 0
        self.was_cut = False
        usual = _TABLE_ROWS if as_table and out.format is Format.TABLE else 0
        self._limit = usual if wanted.limit is None else wanted.limit
        self._all = _Counted(listing.rows())
        if wanted.order is None:
            self._rows: Iterator[Row] = islice(self._all, self._limit or None)
        else:
            self._rows = self._sorted(wanted.order)

    def __next__(self) -> Row:
        try:
            row = next(self._rows)
        except StopIteration:
            self.was_cut = self._all.number > self.number or next(self._all, None) is not None
            raise
        self.number += 1
        return row

    def _sorted(self, order: Order) -> Iterator[Row]:
        yield from order.sort(self._all, self._limit)


class _Counted(Iterator[Row]):
    """Rows, and how many of them came."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.number = 0

    def __next__(self) -> Row:
        row = next(self._rows)
        self.number += 1
        return row


def _show_table(chosen: _Chosen, now: float) -> None:
    from cachectl._cli.output import entry_tables

    several = len(chosen.listing.names) > 1
    out.lines(entry_tables.listing(chosen, now, out.width, out.glyphs, several=several))
    if chosen.was_cut:
        hint = "" if out.width is None else "; a key's beginning is enough for inspect"
        out.note(f"{chosen.number:,} {_of_all(chosen)}shown: --limit 0 for all{hint}")


def _of_all(chosen: _Chosen) -> str:
    """Return of how many entries some are shown, where that is known without reading all."""
    total = chosen.listing.known_total()
    return "" if total is None else f"of {total:,} "


def _show_keys(rows: Iterable[Row], *, null: bool) -> None:
    if null:
        out.raw_parts(row.info.key.encode() + b"\0" for row in rows)
    else:
        out.lines(printable(row.info.key) for row in rows)


def _print_rows(chosen: _Chosen) -> None:
    listed: Iterator[dict[str, Any]] = map(entries.listed, chosen)
    if out.format is Format.CSV:
        rows = ({**entry, "tags": " ".join(entry["tags"])} for entry in listed)
        out.csv(
            ("schema", *entries.HEADER),
            ([schema(_ENTRY), *(row[name] for name in entries.HEADER)] for row in rows),
        )
    elif out.format is Format.JSONL:
        out.records(_ENTRY, listed)
    else:
        names = chosen.listing.names
        head = {"namespace": names[0]} if len(names) == 1 else {"namespaces": list(names)}
        out.stream("inspect", head, "entries", listed, lambda: not chosen.was_cut)


def _show_summary(name: str, summary: Any, took: float, filters: Filters) -> None:
    from cachectl._cli.output import cells
    from cachectl._cli.output.summary_page import Page

    total: Removed = summary.total
    texts, size = masked(", ".join(filters.texts)), format_bytes(total.bytes)
    out.context(name, format_entries(total.entries), texts, size, f"all read, {cells.span(took)}")
    out.gap()
    out.lines(Page(summary, out.width, out.glyphs).lines())
