"""Listing a namespace on files, which others use meanwhile."""

from array import array
from collections.abc import Iterator
from itertools import chain
from sqlite3 import Cursor
from typing import Final, NamedTuple

from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import marks
from cachectl._backends.file.schema import NAMED, SIZE
from cachectl._model.batches import BATCH, batches

_IDS: Final = f"SELECT id FROM entries WHERE namespace_id = {NAMED} ORDER BY used_at, id LIMIT ?"
_IDS_TAGGED: Final = (
    f"SELECT CAST(entry_id AS INTEGER) FROM tags WHERE namespace_id = {NAMED} AND tag = ?"
    " ORDER BY entry_id LIMIT ?"
)
_ROWS: Final = (
    f"SELECT id, key, CAST(used_at AS INTEGER), {SIZE}, substr(value, 1, ?), filename FROM entries"
    f" WHERE +namespace_id = {NAMED} AND id IN ({{marks}}) AND typeof(key) = 'text'"
)
_ALL: Final = -1


class DiskRow(NamedTuple):
    """A row in a listing; `head` is the beginning of a value that is not in a file."""

    id: int
    key: str
    used_at: int
    size: int
    head: bytes | None
    filename: str | None


def rows(reader: Reader, namespace: str, tag: str | None, limit: int) -> Iterator[DiskRow]:
    """Yield rows with the first `limit` bytes of their values, least recently used first; those
    that carry `tag` first made first.

    Rows that are used meanwhile move in the index of use. So the ids are read first: of the first
    few rows, and, if more are asked for, of all others as they stand at that moment.
    """
    for ids in batches(_ids(reader, namespace, tag)):
        statement = _ROWS.format(marks=marks(ids))
        found = reader.select(statement, (limit, namespace, *ids))
        held = {row.id: row for row in map(DiskRow._make, found)}
        yield from (held[id_] for id_ in ids if id_ in held)


def _ids(reader: Reader, namespace: str, tag: str | None) -> Iterator[int]:
    """Yield the ids of all rows that are there all the time, once."""
    query = _IDS if tag is None else _IDS_TAGGED
    which = (namespace,) if tag is None else (namespace, tag)
    first = reader.select(query, (*which, BATCH), _column)
    yield from first
    if len(first) == BATCH:
        seen = frozenset(first)
        others = reader.select(query, (*which, _ALL), _column)
        yield from (id_ for id_ in others if id_ not in seen)


def _column(cursor: Cursor) -> "array[int]":
    """Return numbers in 8 bytes each."""
    return array("q", chain.from_iterable(cursor))
