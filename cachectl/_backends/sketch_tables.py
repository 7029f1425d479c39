"""The tables of sketches in SQLite: how long lookups and loads took, and which keys were missed."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from cachectl._backends.sqlite import Connection, whole
from cachectl._metrics.sketches import BUCKETS, KEYS, KINDS, SKETCHED, Sketch, sketched
from cachectl._metrics.windows import Window

_MADE: Final = {
    "times": "times(namespace TEXT, bucket INTEGER, kind TEXT, place INTEGER, count INTEGER,"
    " PRIMARY KEY(namespace, bucket, kind, place)) WITHOUT ROWID",
    "missed": "missed(namespace TEXT, bucket INTEGER, key TEXT, count INTEGER, begun_with INTEGER,"
    " PRIMARY KEY(namespace, bucket, key)) WITHOUT ROWID",
}
TABLES: Final = tuple(_MADE)

_MOST: Final = 10**15
_SANE: Final = whole("count", _MOST)
_IS_KEY: Final = "typeof(key) = 'text' AND key <> ''"
_ADD_TIMES: Final = (
    "INSERT INTO times(namespace, bucket, kind, place, count) VALUES(?, ?, ?, ?, ?)"
    f" ON CONFLICT DO UPDATE SET count = {_SANE} + excluded.count"
)
_OF: Final = "FROM missed WHERE namespace = :namespace AND bucket = :bucket"
_RANKED: Final = f"{_OF} AND {_IS_KEY} ORDER BY count DESC, key"
_MISSED: Final = "INSERT INTO missed(namespace, bucket, key, count, begun_with)"
_ADD_MISSED: Final = (
    f"{_MISSED} SELECT :namespace, :bucket, :key, :count + least, least"  # noqa: S608 - names of ours
    f" FROM (SELECT ifnull((SELECT {_SANE} {_OF} AND key = ''), 0) AS least) WHERE true"
    f" ON CONFLICT DO UPDATE SET count = {_SANE} + excluded.count - excluded.begun_with"
)
"""Space-Saving, as `MissedKeys` does it: under no key is the most that any had that went."""
_NOTE_LEAST: Final = (
    f"{_MISSED} SELECT :namespace, :bucket, '', count, 0 {_RANKED} LIMIT 1 OFFSET {KEYS}"
    f" ON CONFLICT DO UPDATE SET count = max({_SANE}, excluded.count)"
)
_KEEP_MOST: Final = (
    "DELETE FROM missed WHERE namespace = :namespace AND bucket = :bucket AND key <> ''"  # noqa: S608 - names of ours
    f" AND key NOT IN (SELECT key {_RANKED} LIMIT {KEYS})"
)
_TIMES: Final = (
    f"SELECT kind, place, sum({_SANE}) FROM times"  # noqa: S608 - names of ours
    " WHERE namespace = ? AND bucket BETWEEN ? AND ? GROUP BY kind, place"
)
_KEYS: Final = (
    f"SELECT key, sum(max({_SANE} - {whole('begun_with', _MOST)}, 0)) FROM missed"  # noqa: S608 - names of ours
    f" WHERE namespace = ? AND bucket BETWEEN ? AND ? AND {_IS_KEY} GROUP BY key"
)


def prepare(connection: Connection) -> None:
    """Make the tables."""
    for made in _MADE.values():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {made}")


def supplement(connection: Connection) -> None:
    """Let those be empty that are not there and cannot be made."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master").fetchall()}
    for table, made in _MADE.items():
        if table not in there:
            connection.execute(f"CREATE TEMP TABLE {made}")


def add(connection: Connection, sketches: Mapping[str, Sketch], at: float) -> None:
    """Add what was noted at about that time."""
    bucket = SKETCHED.bucket(at)
    for namespace, sketch in sketches.items():
        times = [
            (namespace, bucket, kind, place, count)
            for kind, counts in sketch.times.items()
            for place, count in counts.items()
        ]
        connection.cursor.executemany(_ADD_TIMES, times)
        if sketch.missed:
            place = {"namespace": namespace, "bucket": bucket}
            missed = [{**place, "key": key, "count": count} for key, count in sketch.missed.items()]
            connection.cursor.executemany(_ADD_MISSED, missed)
            connection.execute(_NOTE_LEAST, place)
            connection.execute(_KEEP_MOST, place)


def read(connection: Connection, window: Window, of: Collection[str]) -> dict[str, Sketch]:
    """Return what was noted of these namespaces."""
    found: dict[str, Sketch] = {}
    for namespace in of:
        place = (namespace, *sketched(window))
        times: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
        for kind, bucket, count in connection.execute(_TIMES, place).fetchall():
            if kind in times and bucket in BUCKETS:
                times[kind][bucket] = count
        missed = dict(connection.execute(_KEYS, place).fetchall())
        found[namespace] = Sketch(times, missed)
    return found


def prune(connection: Connection, now: float) -> None:
    """Delete what no window reaches any more."""
    oldest = now - SKETCHED.span - SKETCHED.width
    connection.execute("DELETE FROM times WHERE bucket < ?", (oldest,))
    connection.execute("DELETE FROM missed WHERE bucket < ?", (oldest,))
