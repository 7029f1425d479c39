"""Namespaces whose keys are hashed: what is stored, sent, counted and told is the SHA-256 of a key."""

from collections.abc import AsyncIterator
from typing import Any

from cachectl._model.entry import Entry
from cachectl._model.keys import HashedKey
from cachectl._model.records import EntryInfo


class ByHash:
    """What lookups read instead of a store: it has nothing under a key that is not hashed yet, and
    whoever finds nothing makes the key that is stored. Other namespaces pay nothing for that.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: str, now: float) -> Entry | None:
        found: Entry | None = self._store.get(key, now) if type(key) is HashedKey else None
        return found

    async def fetch(self, key: str, now: float) -> Entry | None:
        if type(key) is not HashedKey:
            return None
        found: Entry | None = await self._store.fetch(key, now)
        return found


async def marked(found: AsyncIterator[EntryInfo]) -> AsyncIterator[EntryInfo]:
    """Yield what was listed, under keys that are not hashed again when something is done with them."""
    async for info in found:
        yield info._replace(key=HashedKey(info.key))
