"""What of a database is whose: rows are weighed by the pages that they take.

Totals say how many entries a namespace has and how many bytes they are; what a row takes beside its
value depends on its shape, of which a few rows tell: keys, tags, and how values fill pages. How the
pages are filled is that of SQLite's file format (https://sqlite.org/fileformat.html).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cachectl._backends.file.reader import Reader
from cachectl._model.records import Usage
from cachectl.errors import BackendBusy, BackendError

_MOST_POINTS: Final = 10
_MOST_ROWS: Final = 512
_APART: Final = (0, 13, 29)
"""How far behind a point of time the rows are that are looked at: those that were written in a batch are
close to each other, and the first of each say little of the others."""
_SPANS: Final = """
WITH RECURSIVE point(at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM point WHERE at + 1 < ?),
span AS (
    SELECT id, (SELECT min(used_at) FROM entries WHERE namespace_id = n.id) AS first,
        (SELECT max(used_at) FROM entries WHERE namespace_id = n.id) AS last,
        EXISTS(SELECT 1 FROM lrfu_states WHERE namespace_id = n.id) AS by_lrfu
    FROM namespaces AS n
)
"""
_ROWS: Final = """
SELECT e.namespace_id, length(CAST(e.key AS BLOB)), ifnull(length(e.value), 0),
    ifnull(length(e.filename), 0), e.due_at IS NOT NULL, by_lrfu,
    (SELECT count(*) FROM tags WHERE entry_id = e.id),
    (SELECT ifnull(sum(length(CAST(tag AS BLOB))), 0) FROM tags WHERE entry_id = e.id)
FROM span, point CROSS JOIN entries AS e ON e.id = (
    SELECT id FROM entries WHERE namespace_id = span.id
        AND used_at >= first + (last - first) / ? * at ORDER BY used_at LIMIT 1 OFFSET {}
)
"""
_SAMPLE: Final = _SPANS + " UNION ALL ".join(_ROWS.format(rows) for rows in _APART)
"""Returns rows for `Sampled`: of each namespace some behind each of so many points of the time in which
they were last used."""
_FREE: Final = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
_UNKNOWN: Final = 180.0  # bytes that an entry takes beside its value if none could be looked at

_PAGE: Final = 4096
_IN_PAGE: Final = 4088  # beside the header of a page
_MOST_IN_LEAF: Final = 4061  # bytes of a row that stay together
_LEAST_IN_LEAF: Final = 489
_IN_OVERFLOW: Final = 4092
_CELL: Final = 7  # bytes beside what a row holds: lengths, its number, and a pointer to it
_COLUMNS: Final = 36  # bytes of a row beside key, value and name of a file
_INDEXED: Final = 20.5  # bytes of a place in the index of use, or of expiry
_FULL: Final = 0.87  # how full the pages of other indexes are


class Sampled(NamedTuple):
    """A row that was looked at: lengths in bytes, and what it has."""

    namespace_id: int
    key: int
    value: int
    filename: int
    expires: int
    by_lrfu: int
    tags: int
    tag_bytes: int

    @property
    def overhead(self) -> float:
        """The bytes that it takes beside its value."""
        row = _row(_COLUMNS + self.key + self.value + self.filename)
        tags = 2 * (self.tag_bytes + 9 * self.tags)
        ranks = 2 * self.key + 40 if self.by_lrfu else 0
        indexes = (self.key + 9 + tags + ranks) / _FULL + _INDEXED * (1 + self.expires)
        return row - self.value + indexes


def usage(reader: Reader) -> dict[str, Usage]:
    """Return what each namespace holds, and its share of what the directory takes."""
    totals = reader.totals()
    points = max(2, min(_MOST_POINTS, _MOST_ROWS // len(_APART) // max(1, len(totals))))
    overhead = _overheads(_sample(reader, points) if totals else ())
    weights = {
        id_: max(0, size - in_files) + entries * overhead.get(id_, _UNKNOWN)
        for id_, _, entries, size, in_files in totals
    }
    shared, total = max(0, reader.database_bytes() - free_bytes(reader)), sum(weights.values()) or 1
    return {
        name: Usage(entries, size, in_files + round(shared * weights[id_] / total))
        for id_, name, entries, size, in_files in totals
        if name is not None
    }


def free_bytes(reader: Reader) -> int:
    """Return the bytes of pages that removed entries left, and that new ones will take."""
    return sum(free for (free,) in reader.select(_FREE, ()))


def _sample(reader: Reader, points: int) -> Sequence[Sequence[int]]:
    """Return rows for `Sampled`; none if one cannot be read, which hides no total."""
    try:
        return reader.select(_SAMPLE, (points,) * (1 + len(_APART)))
    except BackendBusy:
        raise
    except BackendError:
        return ()


def _overheads(rows: Iterable[Sequence[int]]) -> dict[int, float]:
    """Return what an entry of each namespace takes beside its value: the mean of those sampled."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for row in rows:
        sampled = Sampled(*row)
        found[sampled.namespace_id].append(sampled.overhead)
    return {id_: sum(known) / len(known) for id_, known in found.items()}


def _row(payload: int) -> float:
    """Return what a row takes in pages: of leaves, which it shares with as many as fit, and all of
    those that hold what is too much for a leaf.
    """
    beyond = 0
    if payload > _MOST_IN_LEAF:
        rest = (payload - _LEAST_IN_LEAF) % _IN_OVERFLOW
        local = _LEAST_IN_LEAF + (rest if rest <= _MOST_IN_LEAF - _LEAST_IN_LEAF else 0)
        beyond = -(-(payload - local) // _IN_OVERFLOW)
        payload = local + 4
    return _PAGE * (beyond + 1 / (_IN_PAGE // (payload + _CELL)))
