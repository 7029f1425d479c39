"""The tables of counters in SQLite, and the statements that add to them and read them.

Every (namespace, ring, bucket) is a row; width 0 is the row of totals.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cachectl._backends import sketch_tables
from cachectl._backends.sqlite import Connection, whole
from cachectl._metrics.counters import LAST_HIT, REMEMBERED, SUMMED, Batch, Counts, Series
from cachectl._metrics.windows import RINGS, Window
from cachectl._model.entry import LATEST

_OLD_NAMES: Final = {"missed_absent": "misses"}
"""Columns keep the name under which processes of earlier versions add to them: all misses were once
counted together, of whose reason nothing is known."""
_COUNTED: Final = tuple(_OLD_NAMES.get(name, name) for name in SUMMED)
_COLUMNS: Final = (*_COUNTED, LAST_HIT)
_MOST: Final = 10**16
"""The most that a bucket counts, so that the sum of a ring does not overflow. A total may be 100 times
as much."""


def _sane(name: str) -> str:
    """Return what is read of a counter: 0 if it was damaged, and goes on from there."""
    return whole(name, f"iif(width, {_MOST}, {100 * _MOST})")


_ADD: Final = (
    f"INSERT INTO counters(namespace, width, bucket, since, {', '.join(_COLUMNS)})"
    f" VALUES(?, ?, ?, ?{', ?' * len(_COLUMNS)})"
    " ON CONFLICT(namespace, width, bucket) DO UPDATE SET "
    + ", ".join(f"{name} = {_sane(name)} + excluded.{name}" for name in _COUNTED)
    + f", {LAST_HIT} = max({_sane(LAST_HIT)}, excluded.{LAST_HIT})"
)
_SUMS: Final = ", ".join((*(f"sum({_sane(name)})" for name in _COUNTED), f"max({_sane(LAST_HIT)})"))
_WITHIN: Final = "FROM counters WHERE width = ? AND bucket BETWEEN ? AND ?"
_SUM: Final = f"SELECT namespace, {_SUMS} {_WITHIN} GROUP BY namespace"
_TOTALS: Final = f"SELECT namespace, since, {_SUMS} {_WITHIN} GROUP BY namespace"
_NAMES: Final = f"SELECT namespace {_WITHIN}"
_PARTS: Final = (
    f"SELECT namespace, CAST((bucket - ?) * ? / ? AS INTEGER) AS part, {_SUMS} {_WITHIN}"
    " GROUP BY namespace, part"
)
_SEEN: Final = (
    "INSERT INTO clients VALUES(?, ?, ?) ON CONFLICT(client) DO UPDATE SET"
    " sequence = excluded.sequence, at = excluded.at"
    " WHERE excluded.sequence > clients.sequence OR typeof(clients.sequence) <> 'integer'"
    " RETURNING 1"
)
"""Returns a row if this batch is new: the last sequence of each client is remembered."""


def add(connection: Connection, batch: Batch) -> None:
    """Add a batch, within a transaction, unless it was added before."""
    if connection.execute(_SEEN, (batch.client, batch.sequence, batch.at)).fetchall():
        connection.cursor.executemany(_ADD, list(_rows(batch)))
        sketch_tables.add(connection, batch.sketches, batch.at)


def counts(connection: Connection, window: Window) -> dict[str, Counts]:
    """Return what namespaces counted within a window."""
    width = window.ring.width if window.ring else 0
    span = (window.start or 0, window.end)  # what a clock put after it is not within
    return {name: _counts(amounts) for name, *amounts in _named(connection, _SUM, (width, *span))}


def names(connection: Connection) -> dict[str, None]:
    """Return of what there are counts."""
    return dict.fromkeys(name for (name,) in _named(connection, _NAMES, (0, 0, 0)))


def series(connection: Connection, window: Window, parts: int) -> dict[str, Series]:
    """Return the same in parts, and what each namespace ever counted."""
    divided = window.divided(parts)
    found: dict[str, Series] = {}
    for name, since, *amounts in _named(connection, _TOTALS, (0, 0, 0)):
        none = [Counts()] * divided.parts
        found[name] = Series(none, _counts(amounts), _time(since))
    if window.ring is not None:
        place = (divided.start, divided.parts, divided.span)
        within = (window.ring.width, divided.start, window.end)
        for name, part, *amounts in _named(connection, _PARTS, (*place, *within)):
            if name in found:
                found[name].parts[part] = _counts(amounts)
    return found


def prune(connection: Connection, now: float) -> None:
    """Delete what no window reaches any more."""
    expired = ((ring.width, now - ring.span - ring.width) for ring in RINGS)
    connection.cursor.executemany("DELETE FROM counters WHERE width = ? AND bucket < ?", expired)
    connection.execute("DELETE FROM clients WHERE at < ?", (now - REMEMBERED,))
    sketch_tables.prune(connection, now)


def forget(connection: Connection, namespace: str) -> None:
    """Delete what a namespace counted."""
    for table in ("counters", *sketch_tables.TABLES):
        connection.execute(f"DELETE FROM {table} WHERE namespace = ?", (namespace,))  # noqa: S608


def reset(connection: Connection) -> None:
    """Delete what all namespaces counted."""
    for table in ("counters", *sketch_tables.TABLES):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608


def prepare(connection: Connection) -> None:
    """Make the tables, and what is new in them."""
    columns = ", ".join(f"{name} INTEGER NOT NULL DEFAULT 0" for name in _COLUMNS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS counters(namespace TEXT, width INTEGER, bucket INTEGER,"
        f" since REAL NOT NULL DEFAULT 0, {columns}, PRIMARY KEY(width, namespace, bucket))"
        " WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS clients(client TEXT PRIMARY KEY, sequence INTEGER, at REAL)"
        " WITHOUT ROWID"
    )
    sketch_tables.prepare(connection)
    if _missing(connection):
        with connection.transaction():  # others may be about to add them, too
            for name in _missing(connection):
                kind = "REAL" if name == "since" else "INTEGER"
                added = f"{name} {kind} NOT NULL DEFAULT 0"
                connection.execute(f"ALTER TABLE counters ADD COLUMN {added}")


def supplement(connection: Connection) -> None:
    """Let what an earlier version made be read as if it had been prepared, where nothing can be written: a
    temporary view hides a table.
    """
    connection.execute("PRAGMA query_only = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    if missing := _missing(connection):
        nothing = ", ".join(f"0 AS {name}" for name in missing)
        view = f"SELECT *, {nothing} FROM main.counters"  # noqa: S608 - names of ours
        connection.execute(f"CREATE TEMP VIEW counters AS {view}")
    sketch_tables.supplement(connection)
    connection.execute("PRAGMA query_only = ON")


def _missing(connection: Connection) -> list[str]:
    """Return the columns that a database from before they were counted lacks."""
    columns = connection.execute("PRAGMA table_info(counters)").fetchall()
    # SQLite knows no capitals, but keeps damaged ones.
    present = {row[1].lower() for row in columns}
    return [name for name in ("since", *_COLUMNS) if name not in present]


def _rows(batch: Batch) -> Iterator[tuple[str | float, ...]]:
    for namespace, counts in batch.counts.items():
        amounts = (getattr(counts, name) for name in (*SUMMED, LAST_HIT))
        values = [amount if 0 <= amount <= _MOST else 0 for amount in amounts]
        yield (namespace, 0, 0, batch.at, *values)
        for ring in RINGS:
            yield (namespace, ring.width, ring.bucket(batch.at), batch.at, *values)


def _named(connection: Connection, statement: str, place: Sequence[float]) -> Iterator[Any]:
    """Yield the rows whose names are texts; which of them none can have, others say."""
    rows = connection.execute(statement, place).fetchall()
    return (row for row in rows if type(row[0]) is str)


def _counts(amounts: Sequence[int]) -> Counts:
    return Counts(*amounts)  # in the order of the columns, which is that of its fields


def _time(since: object) -> float | None:
    """Return when counting began; None if that is not known, or damaged."""
    return since if isinstance(since, float) and 0 < since < LATEST else None
