"""The eviction index of `lrfu` in the database: tables that only its namespaces use."""

from dataclasses import astuple
from sqlite3 import Connection
from typing import Final

from cachectl._backends.eviction.lrfu import MAIN, WINDOW, Rank, State

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cachectl_ranks(
    key TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    segment INTEGER NOT NULL,
    position REAL NOT NULL,
    score REAL NOT NULL,
    credited INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cachectl_order ON cachectl_ranks(namespace, segment, position);
CREATE TABLE IF NOT EXISTS cachectl_states(
    namespace TEXT PRIMARY KEY,
    clock REAL NOT NULL,
    share REAL NOT NULL,
    entered INTEGER NOT NULL,
    evictions INTEGER NOT NULL,
    in_window INTEGER NOT NULL,
    in_main INTEGER NOT NULL,
    window_ghosts INTEGER NOT NULL,
    main_ghosts INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS: Final = "segment, position, score, credited"
_PUT: Final = (
    "INSERT INTO cachectl_ranks VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET"
    " segment = excluded.segment, position = excluded.position, score = excluded.score,"
    " credited = excluded.credited"
)
_FIRST: Final = (
    f"SELECT key, {_COLUMNS} FROM cachectl_ranks WHERE namespace = ? AND segment = ?"
    " ORDER BY position LIMIT 1"
)
_ADOPT: Final = (
    "INSERT OR REPLACE INTO cachectl_ranks"
    f" SELECT key, tag, {WINDOW}, row_number() OVER (ORDER BY access_time), 0, 1"
    " FROM Cache WHERE tag = ? AND raw = 1"
)


class SqlEvictionIndex:
    """The ranks of one namespace, under the row keys of its entries, in a transaction."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._execute = connection.execute
        self._namespace = namespace

    def find(self, key: str) -> Rank | None:
        select = f"SELECT {_COLUMNS} FROM cachectl_ranks WHERE key = ?"
        row = self._execute(select, (key,)).fetchone()
        return Rank(*row) if row else None

    def put(self, key: str, rank: Rank) -> None:
        self._execute(_PUT, (key, self._namespace, *rank))

    def drop(self, key: str) -> None:
        self._execute("DELETE FROM cachectl_ranks WHERE key = ?", (key,))

    def first(self, segment: int) -> tuple[str, Rank] | None:
        row = self._execute(_FIRST, (self._namespace, segment)).fetchone()
        return (row[0], Rank(*row[1:])) if row else None

    def load(self) -> State:
        """Return the state; what a namespace held before it had one is taken into the window."""
        select = "SELECT * FROM cachectl_states WHERE namespace = ?"
        row = self._execute(select, (self._namespace,)).fetchone()
        if row is None:
            held = self._execute(_ADOPT, (self._namespace,)).rowcount
            return State(entered=held, sizes=[held, 0, 0, 0])
        _, clock, share, entered, evictions, *sizes = row
        return State(clock, share, entered, evictions, sizes)

    def save(self, state: State) -> None:
        *others, sizes = astuple(state)
        row = (self._namespace, *others, *sizes)
        marks = ", ".join("?" * len(row))
        self._execute(f"INSERT OR REPLACE INTO cachectl_states VALUES({marks})", row)

    def clear(self) -> None:
        """Drop all ranks and the state: the namespace has another eviction now."""
        self._execute("DELETE FROM cachectl_ranks WHERE namespace = ?", (self._namespace,))
        self._execute("DELETE FROM cachectl_states WHERE namespace = ?", (self._namespace,))


def drop_held(connection: Connection, keys: str) -> tuple[int, int]:
    """Drop the ranks of entries that a query for keys names, and return how many of them were
    in the window and in the main segment.
    """
    these = f"FROM cachectl_ranks WHERE segment <= {MAIN} AND key IN ({keys})"
    counts = f"SELECT ifnull(sum(segment = {WINDOW}), 0), ifnull(sum(segment = {MAIN}), 0) {these}"
    in_window, in_main = connection.execute(counts).fetchone()
    connection.execute(f"DELETE {these}")
    return in_window, in_main
