"""Invalidations that wait for a backend which is away."""

from collections.abc import Iterable
from typing import Final

from cachectl._backends.protocols import Store

REMEMBERED: Final = 100_000
"""Keys and tags of a namespace that are remembered; more become all of its keys."""


class PendingInvalidations:
    """What was written or removed in one namespace while its backend was away."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._tags: set[str] = set()
        self._everything = False

    def add_keys(self, keys: Iterable[str]) -> None:
        """Remember that these keys were written or removed."""
        self._keys.update(keys)
        self._bound()

    def add_tag(self, tag: str) -> None:
        """Remember that all with this tag was removed."""
        self._tags.add(tag)
        self._bound()

    def add_everything(self) -> None:
        """Remember that all was removed."""
        self._everything = True
        self._keys.clear()
        self._tags.clear()

    def apply(self, store: Store) -> None:
        """Remove all of it from the store."""
        if self._everything:
            store.clear()
            return
        for tag in self._tags:
            store.remove_tagged(tag)
        store.remove(self._keys)

    def _bound(self) -> None:
        if self._everything or len(self._keys) + len(self._tags) > REMEMBERED:
            self.add_everything()
