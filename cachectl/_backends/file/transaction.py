"""One transaction on one namespace: what it holds, and what happens with the commit."""

from collections.abc import Callable
from sqlite3 import Cursor
from typing import TYPE_CHECKING, Final

from cachectl._backends.file.schema import SIZE, are_possible
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits

if TYPE_CHECKING:  # few namespaces evict by lrfu
    from cachectl._backends.eviction.lrfu import Lrfu
    from cachectl._backends.file.eviction_index import SqlEvictionIndex

NAMESPACE: Final = (
    "n.id, CAST(n.entries AS INTEGER), CAST(n.bytes AS INTEGER),"
    " EXISTS(SELECT 1 FROM lrfu_states WHERE namespace_id = n.id),"
    " EXISTS(SELECT 1 FROM leases WHERE namespace_id = n.id)"
)
"""The columns that `Transaction.know` takes; `n` are the namespaces."""
_LOAD: Final = f"SELECT {NAMESPACE} FROM namespaces AS n WHERE n.name IS ?"
_CREATE: Final = "INSERT INTO namespaces(name, entries, bytes, file_bytes) VALUES(?, 0, 0, 0)"
_ADD: Final = (
    "UPDATE namespaces SET entries = entries + ?, bytes = bytes + ?, file_bytes = file_bytes + ?"
    " WHERE id = ?"
)
_RECOUNT: Final = (
    f"UPDATE namespaces SET (entries, bytes, file_bytes) = (SELECT count(*), ifnull(sum({SIZE}), 0),"
    f" ifnull(sum(iif(filename IS NULL, 0, {SIZE})), 0) FROM entries WHERE namespace_id = ?)"
    " WHERE id = ? RETURNING entries, bytes"
)


class Transaction:
    """A namespace in a transaction that the cursor has begun. It does all statements, as a cursor for
    each would be a good part of a short one: what one returns is read before the next.

    `entries` and `bytes` are what it holds, once it is known. One that was cleared has no name.
    `spare` is how many entries may still be evicted beside as many as are written.
    The value files of `unlinked` are to be removed after the commit.
    """

    id: int | None = None
    by_lrfu = False
    has_leases = False
    lrfu: "Lrfu | None" = None
    spare = BATCH
    _row_entries = _row_bytes = 0
    _more_entries = _more_bytes = _more_file_bytes = 0  # than the namespace's row says

    def __init__(self, cursor: Cursor, name: str | None) -> None:
        self.name = name
        self.cursor = cursor
        self.execute: Callable[..., Cursor] = cursor.execute
        self.unlinked: list[str] = []

    def load(self) -> bool:
        """Return whether there is such a namespace, and know it if there is."""
        row = self.execute(_LOAD, (self.name,)).fetchone()
        if row is not None:
            self.know(*row)
        return row is not None

    def know(self, id_: int, entries: int, bytes_: int, by_lrfu: int, has_leases: int) -> None:
        """Take over what was just read of the namespace."""
        self.id = id_
        self._row_entries = entries
        self._row_bytes = bytes_
        self.by_lrfu = bool(by_lrfu) or self.lrfu is not None
        self.has_leases = bool(has_leases)
        if not are_possible(entries, bytes_):
            self.recount()  # somebody damaged them

    def recount(self) -> None:
        """Set the totals to what is there, before anything changes in this transaction."""
        counted = self.execute(_RECOUNT, (self.id, self.id)).fetchall()
        ((self._row_entries, self._row_bytes),) = counted

    def create(self) -> int:
        """Make the namespace unless it is there, and return its id."""
        if self.id is None:
            self.id = self.execute(_CREATE, (self.name,)).lastrowid
        assert self.id is not None
        return self.id

    def unlink(self, filename: str | None) -> None:
        """Remove a value file after the commit, if there is one."""
        if filename is not None:
            self.unlinked.append(filename)

    def add(self, entries: int, size: int, file_size: int) -> None:
        """Change the totals by so many entries, bytes, and bytes of these that are in files."""
        self._more_entries += entries
        self._more_bytes += size
        self._more_file_bytes += file_size

    @property
    def entries(self) -> int:
        return self._row_entries + self._more_entries

    @property
    def bytes(self) -> int:
        return self._row_bytes + self._more_bytes

    @property
    def has_grown(self) -> bool:
        """Whether there is more than when the transaction began."""
        return self._more_entries > 0 or self._more_bytes > 0

    @property
    def has_shrunk(self) -> bool:
        """Whether there are fewer entries than then."""
        return self._more_entries < 0

    def exceeds(self, limits: Limits) -> bool:
        """Return whether the namespace is over its limits now."""
        return limits.exceeded(self.entries, self.bytes)

    def eviction_index(self) -> "SqlEvictionIndex":
        from cachectl._backends.file.eviction_index import SqlEvictionIndex

        return SqlEvictionIndex(self.cursor, self.create())

    def commit(self) -> None:
        """Bring totals and state up to date, and end the transaction."""
        if self._more_entries or self._more_bytes or self._more_file_bytes:
            changes = (self._more_entries, self._more_bytes, self._more_file_bytes)
            self.execute(_ADD, (*changes, self.id))
        if self.lrfu is not None:
            self.eviction_index().save(self.lrfu.state)
        self.execute("COMMIT")
