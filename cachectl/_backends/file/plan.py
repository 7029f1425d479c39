"""What a cleanup on files would remove: found by the indexes and totals by which it is removed."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from cachectl._backends.file import order
from cachectl._backends.file.listing import column
from cachectl._backends.file.reader import Reader
from cachectl._backends.file.rows import marks, microseconds
from cachectl._backends.file.schema import SIZE, are_possible
from cachectl._model.batches import batches
from cachectl._model.records import CleanupRule, Planned, Removed

_ONLY_IDLE: Final = f"{order.IDLE} AND id NOT IN ({order.EXPIRED})"
_ROWS: Final = f"SELECT id, CAST(key AS TEXT), {SIZE} FROM entries WHERE id IN ({{marks}})"
_TOTALS: Final = (
    "SELECT CAST(entries AS INTEGER), CAST(bytes AS INTEGER), id FROM namespaces WHERE name = ?"
)
_COUNT: Final = f"SELECT count(*), ifnull(sum({SIZE}), 0) FROM entries WHERE namespace_id = ?"
_NONE_IDLE: Final = -(2**62)


def planned(reader: Reader, namespace: str, rule: CleanupRule) -> Iterator[Planned]:
    """Yield what `rule` names; of what stays nothing is read but what is needed to find the others."""
    now = microseconds(rule.now)
    since = _NONE_IDLE if rule.idle_before is None else microseconds(rule.idle_before)
    gone = Removed()
    expired = reader.select(order.EXPIRED, (namespace, now, now), column)
    idle = reader.select(_ONLY_IDLE, (namespace, since, namespace, now, now), column)
    for one in chain(
        _planned(reader, expired, is_expired=True), _planned(reader, idle, is_expired=False)
    ):
        gone = gone.plus(Removed(1, one.size))
        yield one
    kept = _totals(reader, namespace).plus(Removed(-gone.entries, -gone.bytes))
    if not rule.limits.exceeded(*kept):
        return
    others = order.ids(reader, namespace, order.Before(now, since))
    for one in _planned(reader, others, is_expired=False):
        yield one
        kept = kept.plus(Removed(-1, -one.size))
        if not rule.limits.exceeded(*kept):
            return


def _planned(reader: Reader, ids: Iterable[int], *, is_expired: bool) -> Iterator[Planned]:
    for page in batches(ids):
        found = reader.select(_ROWS.format(marks=marks(page)), tuple(page))
        rows = {id_: Planned(key, size, is_expired) for id_, key, size in found}
        yield from (rows[id_] for id_ in page if id_ in rows)


def _totals(reader: Reader, namespace: str) -> Removed:
    """Return what the namespace holds, counted if what stands there cannot be."""
    for entries, size, id_ in reader.select(_TOTALS, (namespace,)):
        possible = are_possible(entries, size)
        return Removed(entries, size) if possible else Removed(*reader.select(_COUNT, (id_,))[0])
    return Removed()
