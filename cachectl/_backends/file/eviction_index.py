"""The eviction index of `lrfu` in the database: tables that only its namespaces use."""

from collections.abc import Sequence
from dataclasses import astuple
from sqlite3 import Cursor
from typing import Final

from cachectl._backends.eviction.lrfu import MAIN, WINDOW, Rank, State

_COLUMNS: Final = "segment, position, score, credited"
_RANK: Final = "CAST(segment AS INTEGER), CAST(position AS REAL), CAST(score AS REAL), CAST(credited AS INTEGER)"
"""The same, whatever became of them."""
_FIND: Final = f"SELECT {_RANK} FROM lrfu_ranks WHERE namespace_id = ? AND key = ?"
_PUT: Final = (
    "INSERT INTO lrfu_ranks VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(namespace_id, key) DO UPDATE SET"
    " segment = excluded.segment, position = excluded.position, score = excluded.score,"
    " credited = excluded.credited"
)
_FIRST: Final = (
    f"SELECT key, {_RANK} FROM lrfu_ranks WHERE namespace_id = ? AND segment = ?"
    " ORDER BY position LIMIT 1"
)
_ADOPT: Final = (
    "INSERT OR REPLACE INTO lrfu_ranks"
    f" SELECT namespace_id, key, {WINDOW}, row_number() OVER (ORDER BY used_at), 0, 1"
    " FROM entries WHERE namespace_id = ?"
)


class SqlEvictionIndex:
    """The ranks of one namespace, in a transaction."""

    def __init__(self, cursor: Cursor, namespace_id: int) -> None:
        self._execute = cursor.execute
        self._id = namespace_id

    def find(self, key: str) -> Rank | None:
        row = self._execute(_FIND, (self._id, key)).fetchone()
        return Rank(*row) if row else None

    def put(self, key: str, rank: Rank) -> None:
        self._execute(_PUT, (self._id, key, *rank))

    def drop(self, key: str) -> None:
        self._execute("DELETE FROM lrfu_ranks WHERE namespace_id = ? AND key = ?", (self._id, key))

    def drop_held(self, keys: Sequence[str]) -> tuple[int, int]:
        """Drop the ranks of entries that are held, and return how many of them were in the
        window and in the main segment.
        """
        marks = ", ".join("?" * len(keys))
        these = f"FROM lrfu_ranks WHERE namespace_id = ? AND key IN ({marks}) AND segment <= {MAIN}"
        count = (
            f"SELECT ifnull(sum(segment = {WINDOW}), 0), ifnull(sum(segment = {MAIN}), 0) {these}"
        )
        in_window, in_main = self._execute(count, (self._id, *keys)).fetchone()
        self._execute(f"DELETE {these}", (self._id, *keys))
        return in_window, in_main

    def first(self, segment: int) -> tuple[str, Rank] | None:
        row = self._execute(_FIRST, (self._id, segment)).fetchone()
        return (row[0], Rank(*row[1:])) if row else None

    def load(self) -> State:
        """Return the state; what a namespace held before it had one is taken into the window."""
        select = "SELECT * FROM lrfu_states WHERE namespace_id = ?"
        row = self._execute(select, (self._id,)).fetchone()
        if row is None or not all(isinstance(value, (int, float)) for value in row):  # damaged
            self.clear()
            held = self._execute(_ADOPT, (self._id,)).rowcount
            return State(entered=held, sizes=[held, 0, 0, 0])
        _, clock, share, entered, evictions, *sizes = row
        return State(clock, share, entered, evictions, sizes)

    def save(self, state: State) -> None:
        *others, sizes = astuple(state)
        row = (self._id, *others, *sizes)
        marks = ", ".join("?" * len(row))
        self._execute(f"INSERT OR REPLACE INTO lrfu_states VALUES({marks})", row)

    def clear(self) -> None:
        """Drop all ranks and the state: the namespace has another eviction now."""
        self._execute("DELETE FROM lrfu_ranks WHERE namespace_id = ?", (self._id,))
        self._execute("DELETE FROM lrfu_states WHERE namespace_id = ?", (self._id,))
