"""In which order limits remove the entries of a namespace on files.

Ids, and scores if there are any, are read as they stand at one moment, 16 bytes of each entry at most:
what is used meanwhile moves in the indexes.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from sqlite3 import Cursor
from typing import Final, NamedTuple

from cachectl._backends.file.reader import Reader
from cachectl._backends.file.schema import NAMED
from cachectl._model.batches import BATCH

EXPIRED: Final = (
    f"SELECT id FROM entries WHERE namespace_id = {NAMED} AND due_at <= ?"
    " AND CAST(expires_at AS INTEGER) <= ?"
)
IDLE: Final = f"SELECT id FROM entries WHERE namespace_id = {NAMED} AND used_at < ?"

_BY_USE: Final = (
    f"SELECT id FROM entries AS e WHERE namespace_id = {NAMED}{{among}}"
    " ORDER BY used_at, id LIMIT ?"
)
_BY_RANK: Final = (
    "SELECT e.id, r.score FROM lrfu_ranks AS r CROSS JOIN entries AS e"
    " ON e.namespace_id = r.namespace_id AND e.key = r.key"
    f" WHERE r.namespace_id = {NAMED} AND r.segment = ?{{among}} ORDER BY r.position LIMIT ?"
)
_STATE: Final = f"SELECT share, in_window, in_main FROM lrfu_states WHERE namespace_id = {NAMED}"
_COUNT: Final = f"SELECT count(*) FROM entries AS e WHERE namespace_id = {NAMED}{{among}}"
_HAS_NO_RANK: Final = (
    " AND NOT EXISTS(SELECT 1 FROM lrfu_ranks AS r WHERE r.namespace_id = e.namespace_id"
    " AND r.key = e.key AND r.segment <= 1)"
)
_GOES_BEFORE: Final = f"e.id IN ({EXPIRED} UNION ALL {IDLE})"
_SEGMENTS_OF_THOSE: Final = (
    "SELECT ifnull(sum(r.segment = 0), 0), ifnull(sum(r.segment = 1), 0) FROM entries AS e"
    " CROSS JOIN lrfu_ranks AS r ON r.namespace_id = e.namespace_id AND r.key = e.key"
    f" WHERE {_GOES_BEFORE}"
)
_ALL: Final = -1


class Before(NamedTuple):
    """What goes before limits are looked at: what expired by a time, or is idle since another, both
    in microseconds.
    """

    expired_by: int
    idle_since: int


class _Segment(NamedTuple):
    ids: "array[int]"
    scores: "array[float]"


class _Ranked(NamedTuple):
    """The window and the main segment, or the first of each; how many these have in all, the share of
    the window, and what has no rank.
    """

    window: _Segment
    main: _Segment
    sizes: tuple[int, int]
    share: float
    others: "array[int]"


def ids(reader: Reader, namespace: str, but: Before | None = None) -> Iterator[int]:
    """Yield the ids of all entries that are there all the time, once, what goes first first. Only a few
    are read at first, and all others if more are asked for.
    """
    first = list(islice(_ids(reader, namespace, but, BATCH), BATCH))
    yield from first
    if len(first) == BATCH:
        seen = frozenset(first)
        yield from (id_ for id_ in _ids(reader, namespace, but, _ALL) if id_ not in seen)


def _ids(reader: Reader, namespace: str, but: Before | None, most: int) -> Iterator[int]:
    for found in reader.select("BEGIN", (), partial(_read, namespace, but, most)):
        if isinstance(found, _Ranked):
            yield from _by_rank(found)
        else:
            yield from found


def _by_rank(ranked: _Ranked) -> Iterator[int]:
    from cachectl._backends.eviction.foresight import Foresight, in_order
    from cachectl._backends.eviction.lrfu import Place

    def places(segment: _Segment) -> Iterator[Place[int]]:
        # without keys: what an eviction promotes has no score that anything else has
        return (Place(score, "", id_) for id_, score in zip(*segment, strict=True))

    foresight = Foresight[int](*ranked.sizes, ranked.share)
    yield from in_order(foresight, places(ranked.window), places(ranked.main))
    yield from ranked.others


def _read(
    namespace: str, but: Before | None, most: int, cursor: Cursor
) -> Sequence["_Ranked | array[int]"]:
    """Return how entries stand in the transaction that has begun, and end that."""
    try:
        return [_Moment(cursor, namespace, but, most).read()]
    finally:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK")


class _Moment:
    """How the entries of a namespace stand in one transaction; at most so many of a kind are read."""

    def __init__(self, cursor: Cursor, namespace: str, but: Before | None, most: int) -> None:
        self._cursor = cursor
        self._namespace = namespace
        self._most = most
        self._among = "" if but is None else f" AND NOT {_GOES_BEFORE}"
        self._those: tuple[object, ...] = ()
        if but is not None:
            self._those = (namespace, but.expired_by, but.expired_by, namespace, but.idle_since)

    def read(self) -> "_Ranked | array[int]":
        """Return what there is, by rank if there are ranks."""
        state = self._cursor.execute(_STATE, (self._namespace,)).fetchone()
        if state is None:
            return self._by_use()
        share, in_window, in_main = state
        if self._those:
            gone = self._cursor.execute(_SEGMENTS_OF_THOSE, self._those).fetchone()
            in_window, in_main = in_window - gone[0], in_main - gone[1]
        window, main = self._segment(0), self._segment(1)
        others = self._without_rank(len(window.ids) + len(main.ids))
        return _Ranked(window, main, (in_window, in_main), share, others)

    def _by_use(self, condition: str = "") -> "array[int]":
        """Return ids in the order of use."""
        statement = _BY_USE.format(among=self._among + condition)
        found = self._cursor.execute(statement, (self._namespace, *self._those, self._most))
        return array("q", chain.from_iterable(found))

    def _without_rank(self, ranked: int) -> "array[int]":
        """Return the ids of what somebody planted: it has no rank, as so many have that were read."""
        if 0 < self._most <= ranked:
            return array("q")
        count = _COUNT.format(among=self._among)
        ((entries,),) = self._cursor.execute(count, (self._namespace, *self._those)).fetchall()
        return self._by_use(_HAS_NO_RANK) if entries > ranked else array("q")

    def _segment(self, segment: int) -> _Segment:
        found = _Segment(array("q"), array("d"))
        given = (self._namespace, segment, *self._those, self._most)
        for id_, score in self._cursor.execute(_BY_RANK.format(among=self._among), given):
            found.ids.append(id_)
            found.scores.append(score)
        return found
