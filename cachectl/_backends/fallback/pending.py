"""Invalidations that wait for a backend which is away."""

from collections.abc import Iterable
from typing import Final

from cachectl._backends.protocols import AsyncStore

REMEMBERED: Final = 100_000
"""Keys and tags of a namespace that are remembered; more become all of its keys."""


class PendingInvalidations:
    """What was written or removed in one namespace while its backend was away."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.tags: set[str] = set()
        self.everything = False

    @property
    def is_empty(self) -> bool:
        return not (self.everything or self.keys or self.tags)

    def add_keys(self, keys: Iterable[str]) -> None:
        """Remember that these keys were written or removed."""
        self.keys.update(keys)
        self._bound()

    def lacks(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that are not remembered yet."""
        return [] if self.everything else [key for key in keys if key not in self.keys]

    def add_tag(self, tag: str) -> None:
        """Remember that all with this tag was removed."""
        self.tags.add(tag)
        self._bound()

    def add_everything(self) -> None:
        """Remember that all was removed."""
        self.everything = True
        self.keys.clear()
        self.tags.clear()

    def add(self, others: "PendingInvalidations") -> None:
        """Remember what others waited for as well."""
        self.keys |= others.keys
        self.tags |= others.tags
        self.everything = self.everything or others.everything
        self._bound()

    async def apply(self, store: AsyncStore) -> None:
        """Remove all of it from the store."""
        if self.everything:
            await store.clear()
            return
        for tag in self.tags:
            await store.remove_tagged(tag)
        await store.remove(self.keys)

    def _bound(self) -> None:
        if self.everything or len(self.keys) + len(self.tags) > REMEMBERED:
            self.add_everything()
