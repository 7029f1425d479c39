"""`cachectl inspect`."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final, TypeVar

import typer

from cachectl._admin import entries
from cachectl._admin.namespaces import said
from cachectl._admin.reach import OUT_OF_REACH, in_memory
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Interrupted, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable
from cachectl._cli.session import session
from cachectl._engine.namespace import Namespace
from cachectl._model.records import Usage
from cachectl._model.units import format_bytes, format_entries
from cachectl.errors import DamagedEntry, UsageError

T = TypeVar("T")

_TABLE_ROWS: Final = 100


def inspect(
    context: typer.Context,
    namespace: Annotated[str | None, typer.Argument(metavar="[NS]", help="The namespace.")] = None,
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY|-]", help="The key; - reads it from stdin.")
    ] = None,
    features: options.Features = None,
    extra: options.Extra = None,
    tag: Annotated[
        str | None, typer.Option(metavar="T", help="Only entries with this tag.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="So many entries; 0 for all.")
    ] = None,
    form: options.RowFormat = Format.TABLE,
) -> None:
    """Show the entries of a namespace, or one entry in full. Counts nothing, and is no use of them.

    Entries come in the order in which a limit would remove them.

    cachectl inspect ai --tag org:42

    cachectl inspect ai 3f2a… --format json
    """
    one = key is not None or features is not None or bool(extra)
    out.use(form, *(() if one else (Format.CSV,)))
    if (tag is not None or limit is not None) and (namespace is None or one):
        raise UsageError("--tag and --limit go with NS alone")
    if one and namespace is None:
        raise UsageError("--features goes with NS")
    opened = session(context)
    with opened.cache() as cache:
        if out.format is Format.TABLE:
            out.detail(opened.about)
        if namespace is not None and in_memory(cache):
            out.note(f"{OUT_OF_REACH}; stats shows what they publish")
        if namespace is None:
            _show_namespaces({name: use._asdict() for name, use in cache.usage().items()})
        elif not one:
            found = cache.namespace(namespace)
            if out.format is Format.TABLE:
                source = said(cache.policy_from(namespace))
                out.detail(f"{namespace}: {found.policy.summary}, from {source}")
            _show_entries(found, tag, limit)
        else:
            found = cache.namespace(namespace)
            _show_entry(found, options.key_of(found, key, features, extra))


def _show_namespaces(usage: dict[str, dict[str, int | None]]) -> None:
    if out.format is Format.TABLE:
        from cachectl._cli.output import tables

        lines = [
            (name, f"{held['entries']:,}", format_bytes(held["bytes"] or 0))
            for name, held in usage.items()
        ]
        out.table(tables.rows(("namespace", "entries", "size"), lines))
    elif out.format is Format.CSV:
        out.csv(
            ("namespace", *Usage._fields), ([name, *held.values()] for name, held in usage.items())
        )
    else:
        out.document("inspect", {"namespaces": usage})


def _show_entries(namespace: Namespace, tag: str | None, limit: int | None) -> None:
    if out.format is Format.TABLE:
        _show_table(namespace, tag, _TABLE_ROWS if limit is None else limit)
        return
    listed = _Counted(map(entries.listed, islice(namespace.entries(tag), limit or None)))
    try:
        _print_entries(namespace.name, listed)
    except Interrupted:
        out.note(f"listed {format_entries(listed.number)}, and not all")
        raise


def _print_entries(name: str, listed: Iterator[dict[str, Any]]) -> None:
    if out.format is Format.CSV:
        rows = ({**entry, "tags": " ".join(entry["tags"])} for entry in listed)
        out.csv(entries.HEADER, ([row[name] for name in entries.HEADER] for row in rows))
    elif out.format is Format.JSONL:
        out.records("inspect-entry", ({"namespace": name, **entry} for entry in listed))
    else:
        out.stream("inspect", {"namespace": name}, "entries", listed)


class _Counted(Iterator[T]):
    """An iterator that knows how far it is."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self.number = 0

    def __next__(self) -> T:
        item = next(self._items)
        self.number += 1
        return item


def _show_table(namespace: Namespace, tag: str | None, limit: int) -> None:
    from cachectl._cli.output import entry_tables

    listing = namespace.entries(tag)
    shown = list(islice(listing, limit or None))
    out.table(entry_tables.listing(shown, time.time()))
    if limit and next(listing, None) is not None:
        out.note(f"only the first {format_entries(limit)}; --limit 0 shows all")


def _show_entry(namespace: Namespace, key: str) -> None:
    try:
        entry = namespace.peek(key)
    except DamagedEntry as error:
        raise Stop(Exit.NOT_FOUND, f"{printable(key)} is damaged: {error}") from None
    if entry is None:
        raise Stop(Exit.NOT_FOUND, f"{namespace.name} has no {printable(key)}")
    now = time.time()
    facts = entries.facts(namespace, key, entry, now)
    if out.format is Format.TABLE:
        from cachectl._cli.output import entry_tables

        out.table(entry_tables.entry_facts(facts, entry, now))
    else:
        out.document("entry", entries.document(facts, entry))
    if entry.expires_at <= now:
        raise Stop(Exit.NOT_FOUND)
