"""Entries as JSON: raw numbers, null for what is unknown."""

from typing import TYPE_CHECKING, Any, Final

from cachectl._admin.documents import timestamp
from cachectl._engine.namespace import Namespace
from cachectl._model import codecs, values
from cachectl._model.entry import NEVER, Entry
from cachectl._model.envelope import packed_size
from cachectl._model.policy import COMPRESSIONS
from cachectl.errors import DamagedEntry

if TYPE_CHECKING:
    from cachectl._admin.listing import Row

HEADER: Final = (
    "namespace", "key", "type", "size", "created_at", "used_at", "expires_at", "cost",
    "load_seconds", "tags", "label", "damaged",
)  # fmt: skip
"""The members of a listed entry."""


def listed(row: "Row") -> dict[str, Any]:
    """Return a listed entry; a damaged one has no type, times or tags, but what is `damaged`."""
    info, entry = row.info, row.info.entry
    return {
        "namespace": row.namespace,
        "key": info.key,
        "type": None if entry is None else type_of(entry),
        "size": info.size,
        "created_at": None if entry is None else timestamp(entry.created_at),
        "used_at": timestamp(info.used_at),
        "expires_at": None if entry is None else _expiry(entry),
        "cost": None if entry is None else entry.dollars,
        "load_seconds": None if entry is None else entry.load_us / 1e6,
        "tags": [] if entry is None else list(entry.tags),
        "label": row.label or None,
        "damaged": row.damage or None,
    }


def facts(namespace: Namespace, key: str, entry: Entry, now: float) -> dict[str, Any]:
    """Return all that is known of an entry but its value, and what only this backend knows."""
    return {
        "namespace": namespace.name,
        "key": key,
        "label": entry.label or None,
        "type": type_of(entry),
        "size": entry.size,
        "created_at": timestamp(entry.created_at),
        "expires_at": _expiry(entry),
        "ttl_left": None if entry.expires_at == NEVER else max(entry.expires_at - now, 0),
        "cost": entry.dollars,
        "load_seconds": entry.load_us / 1e6,
        "tags": list(entry.tags),
        **{name: _detail(name, fact) for name, fact in namespace.details(key).items()},
    }


def document(known: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Return the document of `inspect NS KEY --format json`: the facts, and the value."""
    return {
        **known,
        "compression": COMPRESSIONS[entry.compression],
        "uncompressed_size": uncompressed_size(entry),
        **values.describe(entry.value),
    }


def type_of(entry: Entry) -> str:
    """Return the name of the entry's type of value."""
    try:
        return codecs.codec_name(entry.codec)
    except DamagedEntry:
        return "unknown"


def uncompressed_size(entry: Entry) -> int:
    """Return what the stored bytes would be without compression."""
    if not entry.compression:
        return entry.size
    return packed_size(entry, codecs.encode(entry.value)[1])


def _expiry(entry: Entry) -> str | None:
    return None if entry.expires_at == NEVER else timestamp(entry.expires_at)


def _detail(name: str, fact: object) -> object:
    return timestamp(fact) if name.endswith("_at") and isinstance(fact, float) else fact
