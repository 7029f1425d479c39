"""The rows of one namespace, as they are read in a transaction."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cachectl._backends.file.schema import NAMED, SIZE
from cachectl._backends.file.transaction import NAMESPACE, Transaction

_ROW: Final = (
    f"e.id, e.key, {SIZE}, e.filename, CAST(e.expires_at AS INTEGER), CAST(e.due_at AS INTEGER),"
    " EXISTS(SELECT 1 FROM tags WHERE entry_id = e.id), CAST(e.used_at AS INTEGER)"
)
_FIND: Final = (
    f"SELECT {NAMESPACE}, {_ROW} FROM namespaces AS n LEFT JOIN entries AS e"
    " ON e.namespace_id = n.id AND e.key IN ({marks}) WHERE n.name = ?"
)
_FIND_ONE: Final = _FIND.format(marks="?")
_LEASED: Final = "EXISTS(SELECT 1 FROM leases WHERE namespace_id = n.id)"
_REMOVABLE: Final = (
    "SELECT n.id, EXISTS(SELECT 1 FROM lrfu_states WHERE namespace_id = n.id),"
    f" {_LEASED}, {_ROW} FROM namespaces AS n LEFT JOIN entries AS e"
    " ON e.namespace_id = n.id AND e.key IN ({marks})"
    f" WHERE n.name = ? AND (e.id IS NOT NULL OR {_LEASED})"
)
_REMOVABLE_ONE: Final = _REMOVABLE.format(marks="?")
_NEWEST: Final = f"SELECT CAST(used_at AS INTEGER) FROM entries WHERE namespace_id = {NAMED} ORDER BY used_at DESC LIMIT 1"

WITH_KEY: Final = "e.namespace_id = ? AND e.key = ?"
OLDEST: Final = "e.namespace_id = ? ORDER BY e.used_at LIMIT ?"
IDLE: Final = "e.namespace_id = ? AND e.used_at < ? ORDER BY e.used_at LIMIT ?"
USED_UNTIL: Final = "e.namespace_id = ? AND e.used_at <= ? ORDER BY e.used_at LIMIT ?"
DUE: Final = "e.namespace_id = ? AND e.due_at <= ? ORDER BY e.due_at LIMIT ?"
TAGGED: Final = "e.id IN (SELECT entry_id FROM tags WHERE namespace_id = ? AND tag = ? LIMIT ?)"
"""Conditions for `select`. The first parameter of each is the namespace."""


class Row(NamedTuple):
    """A row that is replaced or removed: enough to keep totals, tags and expiry right."""

    id: int
    key: str
    size: int
    filename: str | None
    expires_at: int | None
    due_at: int | None
    tagged: int
    used_at: int

    def is_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def find(transaction: Transaction, keys: Sequence[str]) -> dict[str, Row]:
    """Return what is there under these keys; the namespace is known from then on."""
    statement = _FIND_ONE if len(keys) == 1 else _FIND.format(marks=marks(keys))
    rows = transaction.execute(statement, (*keys, transaction.name)).fetchall()
    if not rows:
        return {}
    transaction.know(*rows[0][:5])
    return {row[6]: Row(*row[5:]) for row in rows if row[5] is not None}


def find_removable(transaction: Transaction, keys: Sequence[str]) -> list[Row]:
    """Return what is there under these keys, to be removed. The namespace is known from then on if
    there is anything, or if it has leases.
    """
    statement = _REMOVABLE_ONE if len(keys) == 1 else _REMOVABLE.format(marks=marks(keys))
    found = transaction.execute(statement, (*keys, transaction.name)).fetchall()
    if found:
        transaction.id, transaction.by_lrfu, transaction.has_leases = found[0][:3]
    return [Row(*row[3:]) for row in found if row[3] is not None]


def select(transaction: Transaction, condition: str, *parameters: object) -> Iterator[Row]:
    """Yield the rows of a known namespace that meet one of the conditions above."""
    statement = f"SELECT {_ROW} FROM entries AS e WHERE {condition}"
    return map(Row._make, transaction.execute(statement, (transaction.id, *parameters)))


def places(transaction: Transaction, keys: Sequence[str]) -> dict[str, int]:
    """Return where the rows of these keys are, as a number that is close to those of close ones."""
    query = f"SELECT key, id FROM entries WHERE namespace_id = {NAMED} AND key IN ({marks(keys)})"
    return dict(transaction.execute(query, (transaction.name, *keys)).fetchall())


def newest(transaction: Transaction) -> int:
    """Return the stamp of the last use of any entry, by whatever clock."""
    row = transaction.execute(_NEWEST, (transaction.name,)).fetchone()
    return int(row[0]) if row else 0


def marks(values: Sequence[object]) -> str:
    """Return as many question marks as there are values."""
    return ", ".join("?" * len(values))


def microseconds(seconds: float) -> int:
    """Return a time as it stands in the database."""
    return round(seconds * 1e6)
