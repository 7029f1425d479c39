"""Leases of loads, in their table: as `cachectl._backends.leases` keeps them, for all processes."""

from collections.abc import Sequence
from typing import Final

from cachectl._backends.file.rows import marks, microseconds
from cachectl._backends.file.transaction import Transaction
from cachectl._backends.leases import OLD, new_token
from cachectl._model.records import Lease

_TAKE: Final = (
    "INSERT INTO leases(namespace_id, key, token, holders, tags, began_at)"
    " SELECT id, ?, ?, 1, ?, ? FROM namespaces WHERE name = ?"
    " ON CONFLICT DO UPDATE SET holders = holders + 1,"
    " tags = iif(instr(tags, excluded.tags), tags, tags || excluded.tags),"
    " began_at = excluded.began_at RETURNING token"
)
_THIS: Final = "namespace_id = ? AND key = ? AND token = ?"
_GIVE_BACK: Final = (
    f"DELETE FROM leases WHERE {_THIS} AND holders = 1",
    f"UPDATE leases SET holders = holders - 1 WHERE {_THIS}",
)
_ANY: Final = "SELECT 1 FROM leases WHERE namespace_id = ? AND {} LIMIT 1"
_REVOKE: Final = "DELETE FROM leases WHERE namespace_id = ? AND {}"
_DROP_OLD: Final = "DELETE FROM leases WHERE began_at < ?"
_TAGGED: Final = "instr(tags, ?)"


def take(transaction: Transaction, key: str, tags: Sequence[str], now: float) -> Lease:
    """Return a lease of a key for a load whose entry will have these tags."""
    told, began = "".join(map(_told, tags)), microseconds(now)
    taken = (key, new_token(), told, began, transaction.name)
    found = transaction.execute(_TAKE, taken).fetchall()
    if not found:  # nor is there such a namespace
        transaction.create()
        found = transaction.execute(_TAKE, taken).fetchall()
    return Lease(key, found[0][0])


def give_back(transaction: Transaction, lease: Lease) -> bool:
    """Return whether a lease in a known namespace was not revoked; it is of no use afterwards."""
    this = (transaction.id, *lease)
    return transaction.has_leases and any(
        transaction.execute(statement, this).rowcount for statement in _GIVE_BACK
    )


def revoke(transaction: Transaction, keys: Sequence[str]) -> None:
    """Revoke the leases of these keys in a known namespace; if there are none, nothing is written."""
    _revoke(transaction, f"key IN ({marks(keys)})", keys)


def revoke_tagged(transaction: Transaction, tag: str) -> None:
    """Revoke those of loads that have this tag, in the same way."""
    _revoke(transaction, _TAGGED, [_told(tag)])


def revoke_all(transaction: Transaction) -> None:
    """Revoke all of a known namespace."""
    _revoke(transaction, "TRUE", ())


def drop_old(transaction: Transaction, now: float) -> None:
    """Drop what was not given back, in any namespace, by those who ended before they could."""
    transaction.execute(_DROP_OLD, (microseconds(now - OLD),))


def _revoke(transaction: Transaction, which: str, parameters: Sequence[object]) -> None:
    given = (transaction.id, *parameters)
    if transaction.has_leases and transaction.execute(_ANY.format(which), given).fetchone():
        transaction.execute(_REVOKE.format(which), given)


def _told(tag: str) -> str:
    """Return a tag as it stands in the table: what is printable contains none of these marks."""
    return f"\n{tag}\n"
