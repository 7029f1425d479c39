"""Listing entries of one or more namespaces, those that filters want."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cachectl._admin.filters import Filters
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.records import EntryInfo, Removed, Usage
from cachectl.errors import DamagedEntry


class Row(NamedTuple):
    """An entry in a listing, without its value. `damage` is what is wrong with it, or nothing."""

    namespace: str
    info: EntryInfo
    damage: str = ""

    @property
    def created_at(self) -> float | None:
        """When it was written; not known of a damaged one."""
        return None if self.info.entry is None else self.info.entry.created_at

    @property
    def expires_at(self) -> float | None:
        return None if self.info.entry is None else self.info.entry.expires_at

    @property
    def cost(self) -> float | None:
        return None if self.info.entry is None else self.info.entry.dollars

    @property
    def label(self) -> str:
        return "" if self.info.entry is None else self.info.entry.label


class Listing:
    """The entries of some namespaces, or of all, that `filters` want, as they were at `now`."""

    def __init__(self, cache: Cache, names: Sequence[str], filters: Filters, now: float) -> None:
        self._cache = cache
        self._filters = filters
        self._now = now
        self._named = names
        self.names: Sequence[str] = names or cache.namespaces()

    def rows(self) -> Iterator[Row]:
        """Yield them, namespace by namespace, each in the order in which a limit would remove them."""
        for name in self.names:
            yield from self._rows_of(self._cache.namespace(name))

    def held(self) -> Mapping[str, Usage]:
        """Return how many there are in each namespace, and their stored bytes; without filters all that is
        known of it, and also of those that somebody gave names that none can have.
        """
        if not self._filters.texts:
            return self._cache.usage(*self._named)
        found = dict.fromkeys(self.names, Removed())
        for row in self.rows():
            found[row.namespace] = found[row.namespace].plus(Removed(1, row.info.size))
        return {name: Usage(*each, memory_bytes=None) for name, each in found.items()}

    def known_total(self) -> int | None:
        """Return how many there are, where that is known without reading them."""
        if self._filters.texts:
            return None
        return sum(held.entries for held in self.held().values())

    def _rows_of(self, namespace: Namespace) -> Iterator[Row]:
        for info in namespace.entries(self._filters.tag):
            if not self._filters.match(info, self._now):
                continue
            is_read = self._filters.damaged or info.entry is None
            damage = _damage(namespace, info.key) if is_read else ""
            if damage or not self._filters.damaged:
                yield Row(namespace.name, _without_value(info), damage)


def _without_value(info: EntryInfo) -> EntryInfo:
    """Return an entry without the beginning of its value, which a listing reads with the rest."""
    return info if info.entry is None else info._replace(entry=info.entry._replace(value=None))


def _damage(namespace: Namespace, key: str) -> str:
    """Return what is wrong with an entry, which only its value tells; nothing if it is right, or gone."""
    try:
        namespace.peek(key)
    except DamagedEntry as error:
        return str(error)
    return ""
