"""Listing a namespace on files, which others use meanwhile."""

from array import array
from collections.abc import Iterator
from itertools import chain
from sqlite3 import Cursor
from typing import Final, NamedTuple

from cachectl._backends.file import order
from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import marks
from cachectl._backends.file.schema import LONGEST_ROW, NAMED, SIZE
from cachectl._model.batches import batches

_TAGGED: Final = (
    f"SELECT CAST(entry_id AS INTEGER) FROM tags WHERE namespace_id = {NAMED} AND tag = ?"
)
_TAGGED_BY_USE: Final = (
    "SELECT e.id FROM tags AS t CROSS JOIN entries AS e ON e.id = t.entry_id"
    f" WHERE t.namespace_id = {NAMED} AND t.tag = ? ORDER BY e.used_at, e.id"
)
_ROWS: Final = (
    f"SELECT id, key, CAST(used_at AS INTEGER), {SIZE},"
    f" iif(length(value) < {LONGEST_ROW}, substr(value, 1, ?), NULL), filename FROM entries"
    f" WHERE +namespace_id = {NAMED} AND id IN ({{marks}}) AND typeof(key) = 'text'"
)
_IS_RANKED: Final = f"SELECT 1 FROM lrfu_states WHERE namespace_id = {NAMED}"


class DiskRow(NamedTuple):
    """A row in a listing; `head` is the beginning of a value that is not in a file."""

    id: int
    key: str
    used_at: int
    size: int
    head: bytes | None
    filename: str | None


def rows(reader: Reader, namespace: str, tag: str | None, limit: int) -> Iterator[DiskRow]:
    """Yield rows with the first `limit` bytes of their values, in the order in which limits remove
    them.
    """
    for ids in batches(_ids(reader, namespace, tag)):
        statement = _ROWS.format(marks=marks(ids))
        found = reader.select(statement, (limit, namespace, *ids))
        held = {row.id: row for row in map(DiskRow._make, found)}
        yield from (held[id_] for id_ in ids if id_ in held)


def _ids(reader: Reader, namespace: str, tag: str | None) -> Iterator[int]:
    """Yield the ids of all rows that are there all the time, once."""
    if tag is None:
        return order.ids(reader, namespace)
    if reader.select(_IS_RANKED, (namespace,)):
        tagged = frozenset(reader.select(_TAGGED, (namespace, tag), column))
        return filter(tagged.__contains__, order.ids(reader, namespace))
    return iter(reader.select(_TAGGED_BY_USE, (namespace, tag), column))


def column(cursor: Cursor) -> "array[int]":
    """Return numbers in 8 bytes each."""
    return array("q", chain.from_iterable(cursor))
