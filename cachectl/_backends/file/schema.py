"""The database: its tables, and how it is told from others.

Times are microseconds since 1970, as in the envelope.

An entry does not expire before its `due_at`, which is what the index of expiry holds: an entry
that is replaced keeps its place there until that time has come, and is rescheduled then (the lazy
timers of Varghese and Lauck, SOSP 1987).
"""

from pathlib import Path
from sqlite3 import Cursor
from typing import Final

from cachectl._backends.directory import PlaceRefused
from cachectl._backends.sqlite import Connection
from cachectl.errors import BackendError

APPLICATION_ID: Final = 0x6363746C
"""What the database says it is for, "cctl": an envelope begins with the same four bytes."""
FORMAT: Final = 1
"""The `user_version` of the database. A later version of the package migrates from it."""

NAMED: Final = "(SELECT id FROM namespaces WHERE name = ?)"
"""The id of a namespace, in any statement."""

SIZE: Final = (
    f"iif(filename IS NULL, ifnull(length(value), 0), max(0, min(CAST(size AS INTEGER), {2**40})))"
)
"""The stored bytes of a row in any statement: of a value in the row what it takes, of one in a file
what can be, whatever became of the `size`."""
LONGEST_ROW: Final = 2 * 1024 * 1024
"""Bytes of a row that is read: one that says it has more is none of ours."""
MOST_BYTES: Final = 2**50
"""Bytes that a namespace never holds."""

_NAMESPACES: Final = """
CREATE TABLE namespaces(
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,  -- NULL: it was cleared, and its entries are yet to be removed
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL
)
"""
_ENTRIES: Final = """
CREATE TABLE entries(
    id INTEGER PRIMARY KEY,
    namespace_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER,
    due_at INTEGER,
    size INTEGER NOT NULL,
    filename TEXT,
    value BLOB
)
"""
_TAGS: Final = """
CREATE TABLE tags(
    namespace_id INTEGER NOT NULL,
    tag TEXT NOT NULL,
    entry_id INTEGER NOT NULL,
    PRIMARY KEY(namespace_id, tag, entry_id)
) WITHOUT ROWID
"""
_LRFU_RANKS: Final = """
CREATE TABLE lrfu_ranks(
    namespace_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    segment INTEGER NOT NULL,
    position REAL NOT NULL,
    score REAL NOT NULL,
    credited INTEGER NOT NULL,
    PRIMARY KEY(namespace_id, key)
) WITHOUT ROWID
"""
_LRFU_STATES: Final = """
CREATE TABLE lrfu_states(
    namespace_id INTEGER PRIMARY KEY,
    clock REAL NOT NULL,
    share REAL NOT NULL,
    entered INTEGER NOT NULL,
    evictions INTEGER NOT NULL,
    in_window INTEGER NOT NULL,
    in_main INTEGER NOT NULL,
    window_ghosts INTEGER NOT NULL,
    main_ghosts INTEGER NOT NULL
)
"""
_LEASES: Final = """
CREATE TABLE IF NOT EXISTS leases(
    namespace_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    token TEXT NOT NULL,
    holders INTEGER NOT NULL,
    tags TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    PRIMARY KEY(namespace_id, key)
) WITHOUT ROWID
"""
_TABLES: Final = {"namespaces", "entries", "tags", "lrfu_ranks", "lrfu_states"}
_INDEXED: Final = {
    "entries": (
        _ENTRIES,
        "CREATE UNIQUE INDEX entries_key{} ON entries(namespace_id, key)",
        "CREATE INDEX entries_used{} ON entries(namespace_id, used_at)",
        "CREATE INDEX entries_due{} ON entries(namespace_id, due_at) WHERE due_at IS NOT NULL",
        "CREATE INDEX entries_filename{} ON entries(filename) WHERE filename IS NOT NULL",
    ),
    "tags": (_TAGS, "CREATE INDEX tags_entry{} ON tags(entry_id)"),
}
"""Tables that may be set aside and made again, and their indexes, whose names then have a suffix. In
databases of before, what is now `entries_key` is a constraint of the table.
"""
_STATEMENTS: Final = (
    _NAMESPACES,
    *(statement.format("") for statements in _INDEXED.values() for statement in statements),
    _LRFU_RANKS,
    "CREATE INDEX lrfu_order ON lrfu_ranks(namespace_id, segment, position)",
    _LRFU_STATES,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)


def is_made(connection: Connection, directory: Path) -> bool:
    """Return whether the tables are there; False if the database is empty.

    Raises `PlaceRefused` for a database that is not ours, or whose format is not known here, and
    `BackendError` for one that is damaged.
    """
    found = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    if not found:
        return False
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise PlaceRefused(_foreign({name for _, name in found}, directory))
    version = pragma(connection, "user_version")
    if version > FORMAT:
        raise PlaceRefused(
            f"{directory}: the cache was made by a newer cachectl (its format is {version});"
            " upgrade this one, or use another place"
        )
    names = {name for _, name in found}
    if not names >= _TABLES:
        missing = ", ".join(sorted(_TABLES - names))
        raise BackendError(f"it has no table {missing}", "damaged")
    if version < FORMAT or any(kind not in {"table", "index"} for kind, _ in found):
        raise PlaceRefused(
            f"{directory}: the cache was tampered with: its tables are not ours; remove it, or use another place"
        )
    return True


def make(connection: Connection, directory: Path) -> None:
    """Make the tables; processes that do so at once do no harm, but some find it locked."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # `cleanup` gives pages back
    connection.execute("PRAGMA journal_mode = WAL")
    with connection.transaction():
        if not is_made(connection, directory):
            for statement in _STATEMENTS:
                connection.execute(statement)


def make_table(connection: Cursor, table: str, suffix: str) -> None:
    """Make a table that was set aside anew, with indexes that have this in their names."""
    for statement in _INDEXED[table]:
        connection.execute(statement.format(suffix))


def are_possible(entries: int, size: int) -> bool:
    """Return whether a namespace may hold so many entries of so many bytes in all."""
    return 0 <= entries <= size < MOST_BYTES and (entries > 0 or size == 0)


def make_leases(connection: Connection) -> None:
    """Make the table of leases, which is younger than the format: only those who write need it."""
    connection.execute(_LEASES)


def pragma(connection: Connection, name: str) -> int:
    """Return what SQLite says of the database."""
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _foreign(names: set[str], directory: Path) -> str:
    if {"Cache", "Settings"} <= names:
        return (
            f"{directory} was made by a development version of cachectl, whose format is no longer"
            f" read; remove it (rm -r '{directory}'), a cache fills again"
        )
    return f"{directory / 'cache.db'} is not a database of cachectl; remove it or use another place"
