"""Counting anew what namespaces hold, for totals that were damaged."""

from typing import Final

from cachectl._backends.file.reader import Reader
from cachectl._backends.file.schema import SIZE
from cachectl._backends.file.transaction import Transaction
from cachectl._model.policy import is_namespace

_TOTALS: Final = ("entries", "bytes", "file_bytes")
_SIZES: Final = (
    f"SELECT namespace_id, {SIZE} AS bytes, iif(filename IS NULL, 0, {SIZE}) AS file_bytes"
    " FROM entries LIMIT -1"  # or it would be made a part of what asks, and all values be sorted
)
_FOUND: Final = (
    "SELECT namespace_id, count(*) AS entries, sum(bytes) AS bytes, sum(file_bytes) AS file_bytes"
    f" FROM ({_SIZES}) GROUP BY +namespace_id"
)
_EXCESS: Final = (
    "SELECT "
    + ", ".join(f"CAST(n.{total} AS INTEGER) - ifnull(found.{total}, 0)" for total in _TOTALS)
    + f", n.id, n.name FROM namespaces AS n LEFT JOIN ({_FOUND}) AS found ON found.namespace_id = n.id"
)
_CORRECT: Final = (
    "UPDATE namespaces SET "
    + ", ".join(f"{total} = CAST({total} AS INTEGER) - ?" for total in _TOTALS)
    + " WHERE id = ?"
)

Excess = tuple[int, int, int, int]
"""By how much the totals of a namespace are too high, and its id."""


def look(reader: Reader) -> tuple[list[Excess], list[str]]:
    """Return by how much totals are wrong, and names that no namespace can have: all entries are read
    for that, as they stand at one moment, while others write. What these change does not change the
    excess.
    """
    found = reader.select(_EXCESS, ())
    names = (name for *_, name in found if name is not None)
    wrong = [(entries, size, files, id_) for entries, size, files, id_, _ in found]
    return [each for each in wrong if any(each[:3])], [n for n in names if not is_namespace(n)]


def correct(transaction: Transaction, wrong: list[Excess]) -> None:
    """Take from the totals what is too much in them."""
    transaction.cursor.executemany(_CORRECT, wrong)
