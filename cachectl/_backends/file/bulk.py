"""Removing many rows at once: all in SQL, and where few rows remain, by moving these instead."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final, NamedTuple

MANY: Final = 25_000
"""Rows of a namespace from which removing nearly all of them is done at once, not in batches."""

DUE: Final = "tag = ? AND raw = 1 AND access_count <= ? ORDER BY access_count LIMIT ?"
IDLE: Final = "tag = ? AND raw = 1 AND access_time < ? ORDER BY access_time LIMIT ?"
ALL: Final = "tag = ? AND raw = 1 LIMIT ?"
IF_EXPIRED: Final = "tag = ? AND key = ? AND raw = 1 AND expire_time <= ?"
TAGGED: Final = (
    "tag = ? AND raw = 1 AND key IN"
    " (SELECT key FROM cachectl_tags WHERE tag = ? AND key >= ? AND key < ? LIMIT ?)"
)
"""Conditions for `choose`. The first parameter of each is the namespace."""

OTHERS: Final = (
    "SELECT rowid FROM Cache WHERE tag < ?1 UNION ALL SELECT rowid FROM Cache WHERE tag > ?1"
    " UNION ALL SELECT rowid FROM Cache WHERE tag IS NULL"
)
FRESH: Final = (
    f"{OTHERS} UNION ALL SELECT rowid FROM Cache WHERE tag = ?1 AND access_count > ?2"
    " UNION ALL SELECT rowid FROM Cache WHERE tag = ?1 AND access_count IS NULL"
    " UNION ALL SELECT rowid FROM Cache WHERE tag = ?1 AND access_count <= ?2"
    " AND ifnull(expire_time, ?2 + 1) > ?2"
)
"""What `keep_only` keeps: rows of other namespaces, and those that are fresh. The first parameter
is the namespace. All but the last is read from one index, `cachectl_expiry`."""

SIZE: Final = "CAST(ifnull(size, 0) AS INTEGER)"  # whatever somebody planted
CHOSEN: Final = "CREATE TEMP TABLE chosen(id INTEGER PRIMARY KEY)"
"""Made for each connection that removes; empty between two removals."""

_FILE_SIZE: Final = f"iif(filename IS NULL, 0, {SIZE})"
_HELD: Final = (
    f"SELECT count(*), ifnull(sum({SIZE}), 0), ifnull(sum({_FILE_SIZE}), 0) FROM Cache"
    " WHERE tag = ? AND raw = 1"
)
_THESE: Final = "rowid IN (SELECT id FROM chosen)"
_MOST_KEPT: Final = 2_000  # rows
_MOST_MOVED: Final = 32 * 1024 * 1024  # bytes


class RowTotals(NamedTuple):
    """What was removed: rows, stored bytes, those of them in value files, these files; and how
    many were in the window and in the main segment.
    """

    entries: int = 0
    bytes: int = 0
    file_bytes: int = 0
    filenames: Sequence[str] = ()
    ranks: tuple[int, int] = (0, 0)


def keys(count: int) -> str:
    """Return the condition that a row has one of so many keys."""
    return f"tag = ? AND raw = 1 AND key IN ({', '.join('?' * count)})"


def choose(connection: Connection, condition: str, parameters: Sequence[object]) -> int:
    """Choose the rows that meet one of the conditions above, and return how many."""
    choose = f"INSERT INTO chosen SELECT rowid FROM Cache WHERE {condition}"
    return connection.execute(choose, parameters).rowcount


def reschedule_expiry(connection: Connection, now: float) -> None:
    """Spare the chosen rows that are due but fresh: they were replaced. Their time is set."""
    fresh = f"SELECT rowid FROM Cache WHERE {_THESE} AND ifnull(expire_time, ?1 + 1) > ?1"
    spared = connection.execute(f"DELETE FROM chosen WHERE id IN ({fresh}) RETURNING id", (now,))
    connection.executemany(
        "UPDATE Cache SET access_count = expire_time WHERE rowid = ?", spared.fetchall()
    )


def remove_chosen(connection: Connection, *, ordered: bool) -> RowTotals:
    """Remove the chosen rows, with their ranks if these are `ordered`."""
    execute = connection.execute
    sums = f"SELECT count(*), sum({SIZE}), sum({_FILE_SIZE}) FROM Cache WHERE {_THESE}"
    entries, size, file_bytes = execute(sums).fetchone()
    if not entries:
        return RowTotals()
    files = f"SELECT filename FROM Cache WHERE {_THESE} AND filename IS NOT NULL"
    filenames = [name for (name,) in execute(files)] if file_bytes else []
    if execute("SELECT EXISTS(SELECT 1 FROM cachectl_tags)").fetchone()[0]:
        keys = f"SELECT key FROM Cache WHERE {_THESE}"
        execute(f"DELETE FROM cachectl_tags WHERE key IN ({keys})")
    ranks = _drop_ranks(connection) if ordered else (0, 0)
    execute(f"DELETE FROM Cache WHERE {_THESE}")
    execute("DELETE FROM chosen")
    return RowTotals(entries, size, file_bytes, filenames, ranks)


def keep_only(
    connection: Connection, survivors: str, parameters: Sequence[object], held: RowTotals
) -> RowTotals:
    """Remove all rows but the survivors of a namespace that holds `held`, or do nothing if these
    are many.

    SQLite empties a table without looking at its rows, and what few survive are put back: much
    faster than to remove each of the others (`make bench ROW=cleanup-million`).
    """
    execute = connection.execute
    most = (*parameters, _MOST_KEPT + 1)
    kept = execute(f"INSERT INTO chosen {survivors} LIMIT ?{len(most)}", most).rowcount
    moved = f"SELECT ifnull(sum(length(value)), 0) FROM Cache WHERE {_THESE}"
    if kept > _MOST_KEPT or execute(moved).fetchone()[0] > _MOST_MOVED:
        execute("DELETE FROM chosen")
        return RowTotals()
    files = f"SELECT filename FROM Cache WHERE filename IS NOT NULL AND NOT {_THESE}"
    filenames = [name for (name,) in execute(files)]
    execute(f"CREATE TEMP TABLE kept AS SELECT * FROM Cache WHERE {_THESE}")
    execute(
        "CREATE TEMP TABLE kept_tags AS SELECT cachectl_tags.* FROM cachectl_tags"
        " JOIN kept ON kept.key = cachectl_tags.key"
    )
    for table, copy in (("Cache", "kept"), ("cachectl_tags", "kept_tags")):
        execute(f"DELETE FROM {table}")
        execute(f"INSERT INTO {table} SELECT * FROM temp.{copy}")
        execute(f"DROP TABLE temp.{copy}")
    execute("DELETE FROM chosen")
    entries, size, file_bytes = execute(_HELD, parameters[:1]).fetchone()
    return RowTotals(
        held.entries - entries, held.bytes - size, held.file_bytes - file_bytes, filenames
    )  # fmt: skip


def _drop_ranks(connection: Connection) -> tuple[int, int]:
    from cachectl._backends.file.eviction_index import drop_held  # only an order needs it

    return drop_held(connection, f"SELECT key FROM Cache WHERE {_THESE}")
