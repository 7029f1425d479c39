"""What applications set of policies, in a table that is younger than the format of the database: it is
made when there is something to store.
"""

from typing import Final

from cachectl._backends.file.reader import Reader
from cachectl._backends.file.transaction import Transaction
from cachectl.errors import BackendError

_COLUMNS: Final = "SELECT name FROM pragma_table_info('policies')"
_OURS: Final = [("namespace",), ("policy",)]
_MAKE: Final = (
    "CREATE TABLE IF NOT EXISTS policies(namespace TEXT PRIMARY KEY, policy TEXT NOT NULL)"
    " WITHOUT ROWID"
)
_READ: Final = "SELECT CAST(namespace AS TEXT), CAST(policy AS TEXT) FROM policies"
_STORE: Final = "INSERT OR REPLACE INTO policies(namespace, policy) VALUES(?, ?)"
_FORGET: Final = "DELETE FROM policies WHERE namespace = ?"


def read(reader: Reader) -> dict[str, str]:
    """Return what was stored, by namespace."""
    return dict(reader.select(_READ, ())) if reader.select(_COLUMNS, ()) == _OURS else {}


def store(transaction: Transaction, text: str) -> None:
    """Keep what an application set of the policy of this namespace."""
    transaction.execute(_MAKE)
    if transaction.execute(_COLUMNS).fetchall() != _OURS:
        raise BackendError("something else stands in their place")
    transaction.execute(_STORE, (transaction.name, text))


def forget(transaction: Transaction) -> None:
    """Keep nothing for this namespace any more."""
    if transaction.execute(_COLUMNS).fetchall() == _OURS:
        transaction.execute(_FORGET, (transaction.name,))
