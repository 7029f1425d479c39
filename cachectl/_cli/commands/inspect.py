"""`cachectl inspect`."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final

import typer

from cachectl._admin import values
from cachectl._admin.documents import timestamp
from cachectl._cli.commands import options
from cachectl._cli.exits import Exit, Stop
from cachectl._cli.output import Format, out
from cachectl._cli.output.text import printable, shortened
from cachectl._cli.session import session
from cachectl._engine.namespace import Namespace
from cachectl._model import codecs
from cachectl._model.entry import NEVER, Entry
from cachectl._model.envelope import packed_size
from cachectl._model.policy import COMPRESSIONS
from cachectl._model.records import EntryInfo
from cachectl._model.units import format_bytes, format_entries, format_seconds
from cachectl.errors import DamagedEntry, UsageError

_TABLE_ROWS: Final = 100
_PREVIEW: Final = 500
_ALWAYS: Final = frozenset(("expires_at",))  # facts that are shown also where they say None
_HEADER: Final = (
    "key", "type", "size", "created_at", "used_at", "expires_at", "cost", "load_seconds", "tags",
)  # fmt: skip


def inspect(
    context: typer.Context,
    namespace: Annotated[str | None, typer.Argument(metavar="[NS]", help="The namespace.")] = None,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The key.")] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="T", help="Only entries with this tag.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="So many entries; 0 for all.")
    ] = None,
    form: options.OutputFormat = Format.TABLE,
) -> None:
    """Show the entries of a namespace, or one entry in full. Counts nothing, and is no use of them.

    Entries come least recently used first: the order in which a limit would remove them.

    cachectl inspect ai --tag org:42

    cachectl inspect ai 3f2a… --format json
    """
    if key is None:
        out.use(form, Format.CSV)
    else:
        out.use(form)
    if (tag is not None or limit is not None) and (namespace is None or key is not None):
        raise UsageError("--tag and --limit go with NS alone")
    with session(context).cache() as cache:
        if namespace is None:
            _show_namespaces({name: use._asdict() for name, use in cache.usage().items()})
        elif key is None:
            _show_entries(cache.namespace(namespace), tag, limit)
        else:
            _show_entry(cache.namespace(namespace), key)


def _show_namespaces(usage: dict[str, dict[str, int | None]]) -> None:
    if out.format is Format.TABLE:
        from cachectl._cli.output import tables

        lines = [
            (name, f"{held['entries']:,}", format_bytes(held["bytes"] or 0))
            for name, held in usage.items()
        ]
        out.table(tables.rows(("namespace", "entries", "size"), lines))
    elif out.format is Format.CSV:
        header = ("namespace", "entries", "bytes", "memory_bytes")
        out.csv(header, ([name, *held.values()] for name, held in usage.items()))
    else:
        out.document("inspect", {"namespaces": usage})


def _show_entries(namespace: Namespace, tag: str | None, limit: int | None) -> None:
    if out.format is Format.TABLE:
        _show_table(namespace, tag, _TABLE_ROWS if limit is None else limit)
        return
    entries = (_described(listed) for listed in islice(namespace.entries(tag), limit or None))
    if out.format is Format.CSV:
        rows = ({**entry, "tags": " ".join(entry["tags"])} for entry in entries)
        out.csv(_HEADER, ([row[name] for name in _HEADER] for row in rows))
    elif out.format is Format.JSONL:
        out.json_lines(entries)
    else:
        out.stream("inspect", {"namespace": namespace.name}, "entries", entries)


def _show_table(namespace: Namespace, tag: str | None, limit: int) -> None:
    from cachectl._cli.output import tables

    now = time.time()
    listing = namespace.entries(tag)
    shown = list(islice(listing, limit or None))
    headings = ("key", "type", "size", "age", "used", "TTL left", "cost", "tags")
    out.table(tables.rows(headings, (_cells(listed, now) for listed in shown)))
    if limit and next(listing, None) is not None:
        out.note(f"only the first {format_entries(limit)}; --limit 0 shows all")


def _cells(listed: EntryInfo, now: float) -> Iterator[str]:
    from cachectl._cli.output.tables import UNKNOWN, ago

    entry = listed.entry
    yield shortened(listed.key, 200)
    yield UNKNOWN if entry is None else _type(entry)
    yield format_bytes(listed.size)
    yield "damaged" if entry is None else format_seconds(max(now - entry.created_at, 0))
    yield ago(now - listed.used_at)
    yield UNKNOWN if entry is None else _time_left(entry, now)
    yield UNKNOWN if entry is None or not entry.cost else f"${entry.cost / 1e6:g}"
    yield "" if entry is None else printable(" ".join(entry.tags))


def _described(listed: EntryInfo) -> dict[str, Any]:
    """Return a listed entry as JSON; a damaged one has no type, times or tags."""
    entry = listed.entry
    return {
        "key": listed.key,
        "type": None if entry is None else _type(entry),
        "size": listed.size,
        "created_at": None if entry is None else timestamp(entry.created_at),
        "used_at": timestamp(listed.used_at),
        "expires_at": None if entry is None else _expiry(entry),
        "cost": None if entry is None else entry.cost / 1e6,
        "load_seconds": None if entry is None else entry.load_us / 1e6,
        "tags": [] if entry is None else list(entry.tags),
    }


def _show_entry(namespace: Namespace, key: str) -> None:
    try:
        entry = namespace.peek(key)
    except DamagedEntry as error:
        raise Stop(Exit.NOT_FOUND, f"{printable(key)} is damaged: {error}") from None
    if entry is None:
        raise Stop(Exit.NOT_FOUND, f"{namespace.name} has no {printable(key)}")
    now = time.time()
    facts = {
        "namespace": namespace.name,
        "key": key,
        "type": _type(entry),
        "size": entry.size,
        "created_at": timestamp(entry.created_at),
        "expires_at": _expiry(entry),
        "ttl_left": None if entry.expires_at == NEVER else max(entry.expires_at - now, 0),
        "cost": entry.cost / 1e6,
        "load_seconds": entry.load_us / 1e6,
        "tags": list(entry.tags),
        **_details(namespace, key),
    }
    if out.format is Format.TABLE:
        from cachectl._cli.output import tables

        facts["size"] = _size(entry)
        facts["ttl_left"] = _time_left(entry, now)
        facts["cost"] = f"${entry.cost / 1e6:g}"
        facts["load_seconds"] = format_seconds(entry.load_us / 1e6)
        facts["tags"] = " ".join(entry.tags)
        facts["value"] = shortened(values.preview(entry.value), _PREVIEW)
        known = {name: fact for name, fact in facts.items() if fact is not None or name in _ALWAYS}
        out.table(tables.facts((name.replace("_", " "), str(fact)) for name, fact in known.items()))
    else:
        facts["compression"] = COMPRESSIONS[entry.compression]
        facts["uncompressed_size"] = _uncompressed_size(entry)
        out.document("entry", {**facts, **values.describe(entry.value)})
    if entry.expires_at <= now:
        raise Stop(Exit.NOT_FOUND)


def _details(namespace: Namespace, key: str) -> dict[str, object]:
    """Return what only this backend knows of the entry."""
    details = namespace.details(key).items()
    return {
        name: timestamp(fact) if name.endswith("_at") and isinstance(fact, float) else fact
        for name, fact in details
    }


def _type(entry: Entry) -> str:
    try:
        return codecs.codec_name(entry.codec)
    except DamagedEntry:
        return "unknown"


def _uncompressed_size(entry: Entry) -> int:
    """Return what `size` would be without compression."""
    if not entry.compression:
        return entry.size
    return packed_size(entry, codecs.encode(entry.value)[1])


def _size(entry: Entry) -> str:
    stored = format_bytes(entry.size)
    if not entry.compression:
        return stored
    return f"{stored} ({format_bytes(_uncompressed_size(entry))} before compression)"


def _expiry(entry: Entry) -> str | None:
    return None if entry.expires_at == NEVER else timestamp(entry.expires_at)


def _time_left(entry: Entry, now: float) -> str:
    return "expired" if entry.expires_at <= now else format_seconds(entry.expires_at - now)
