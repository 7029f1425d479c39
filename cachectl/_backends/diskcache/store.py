"""The entries of a diskcache directory, as one namespace."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge

from cachectl._backends.diskcache.keys import keys_of
from cachectl._backends.diskcache.rows import Row
from cachectl._backends.diskcache.schema import LFU, LRU
from cachectl._backends.diskcache.shard import Found, Shard
from cachectl._backends.read_only import ReadOnlyStore
from cachectl._model.codecs.unread import Unread
from cachectl._model.entry import Entry
from cachectl._model.records import EntryInfo
from cachectl.errors import BackendRefused


class DiskcacheStore(ReadOnlyStore):
    """All entries, by the names of their keys (`keys.name_of`)."""

    def __init__(self, shards: Callable[[], Sequence[Shard]], refusal: str) -> None:
        super().__init__(refusal)
        self._shards = shards

    def get(self, key: str, now: float) -> Entry | None:
        """Return the entry; that is not noted. Raises `BackendRefused` for a pickle."""
        entry = self.peek(key)
        if entry is not None and isinstance(entry.value, Unread):
            raise BackendRefused("the value is pickled; a pickle can run anything and is not read")
        return entry

    def peek(self, key: str) -> Entry | None:
        found = self._find(key)
        return None if found is None else found.row.entry(_plain(found.value))

    def details(self, key: str) -> Mapping[str, object]:
        """Return what diskcache keeps of an entry beside what all entries have."""
        found = self._find(key)
        if found is None:
            return {}
        row, policy = found.row, found.eviction_policy
        return {
            "used_at": row.used_at if policy == LRU else None,
            "access_count": row.uses if policy == LFU else None,
            "file": None if row.filename is None else str(row.filename),
        }

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        shards = self._shards()
        listings = [_listing(shard, tag) for shard in shards]
        rows = listings[0] if len(shards) == 1 else merge(*listings, key=_place(shards[0]))
        for name, row in rows:
            yield EntryInfo(row.name(name), row.entry(None), row.size, row.used_at)

    def _find(self, name: str) -> Found | None:
        shards = self._shards()
        for key in keys_of(name):
            for shard in shards:
                found = shard.find(key)
                if found is not None:
                    return found
        return None


def _listing(shard: Shard, tag: str | None) -> Iterator[tuple[str, Row]]:
    for row in shard.rows(tag):
        yield shard.name, row


def _place(shard: Shard) -> Callable[[tuple[str, Row]], float]:
    """Return what tells which rows of several shards go first; all have the policy of one."""
    if shard.figures().eviction_policy == LFU:
        return lambda listed: listed[1].uses
    return lambda listed: listed[1].used_at


def _plain(value: object) -> object:
    """Return the value; a number that JSON does not have becomes a text."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value
