"""Tables that were set aside: what they hold is gone at once, and their pages are freed in steps.

To empty or drop a table takes SQLite as long as it has pages, and nobody writes meanwhile; to give it
another name takes no time. The first to go are its indexes, each at once, a fifteenth of its pages or
less; without them its rows are removed in the order in which they stand, thousands in a step.
"""

from typing import Final

from cachectl._backends.file.schema import make_table
from cachectl._backends.file.transaction import Transaction

_PREFIX: Final = "cleared_"
_FIRST: Final = (
    "SELECT t.name, EXISTS(SELECT 1 FROM sqlite_master WHERE tbl_name = t.name AND type = 'index'"
    " AND sql IS NULL), (SELECT name FROM sqlite_master WHERE tbl_name = t.name AND type = 'index'"
    " AND sql IS NOT NULL) FROM sqlite_master AS t"
    f" WHERE t.type = 'table' AND substr(t.name, 1, {len(_PREFIX)}) = '{_PREFIX}' LIMIT 1"
)
_REMOVE: Final = (
    "DELETE FROM {0} WHERE id <= (SELECT max(id) FROM (SELECT id FROM {0} ORDER BY id LIMIT ?))"
)


def set_aside(transaction: Transaction, table: str) -> None:
    """Let a table be empty: what it held is in another from now on, of which nobody reads."""
    version = transaction.execute("PRAGMA schema_version").fetchone()[0]  # never twice the same
    transaction.execute(f"ALTER TABLE {table} RENAME TO {_PREFIX}{table}_{version}")
    make_table(transaction.cursor, table, f"_{version}")


def free_some(transaction: Transaction, most: int | None) -> bool:
    """Free some of what was set aside, at most so many rows, or all of a table, which takes the least
    room; return False if there is nothing.
    """
    found = transaction.execute(_FIRST).fetchone()
    if found is None:
        return False
    name, is_constrained, index = found
    table = _quoted(name)
    in_steps = most is not None and not is_constrained
    if in_steps and index is not None:
        transaction.execute(f"DROP INDEX {_quoted(index)}")
    elif not (
        in_steps
        and name.startswith(f"{_PREFIX}entries")
        and transaction.execute(_REMOVE.format(table), (most,)).rowcount == most
    ):
        transaction.execute(f"DROP TABLE {table}")
    return True


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
