"""Which entries of a namespace carry a tag."""

from sys import getsizeof
from typing import Final

from cachectl._backends.memory.sizes import is_sparse


class _Tagged:
    """A tag and the keys of the entries that carry it."""

    __slots__ = ("keys", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[str, None] = {}


_ALONE: Final = 16 + 16 + 8 * len(_Tagged.__slots__)
"""The object with the header of the collector, without what it refers to."""


class TagIndex:
    """The keys of each tag. The text of a tag is kept once, however many entries carry it."""

    def __init__(self) -> None:
        self._tags: dict[str, _Tagged] = {}
        self._of_tags = 0

    def __len__(self) -> int:
        return len(self._tags)

    @property
    def memory(self) -> int:
        """The bytes of the index, the texts of the tags among them."""
        return getsizeof(self._tags) + self._of_tags

    def keys(self, tag: str) -> list[str]:
        """Return the keys of the entries that carry a tag."""
        found = self._tags.get(tag)
        return list(found.keys) if found else []

    def exchange(self, key: str, old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
        """Let an entry carry these tags for those, and return them as the index holds them."""
        if old == new:
            return old
        self.remove(key, old)
        return tuple([self._add(key, tag) for tag in new])

    def remove(self, key: str, tags: tuple[str, ...]) -> None:
        """Forget that an entry carries tags."""
        for tag in tags:
            found = self._tags.get(tag)
            if found is not None:  # or an exception of a signal handler came before it was there
                found.keys.pop(key, None)
                self._tidy(found)

    def _add(self, key: str, tag: str) -> str:
        found = self._tags.get(tag)
        if found is None:
            found = self._tags[tag] = _Tagged(tag)
            self._of_tags += _weight(found)
        before = getsizeof(found.keys)
        found.keys[key] = None
        self._of_tags += getsizeof(found.keys) - before
        return found.name

    def _tidy(self, found: _Tagged) -> None:
        if not found.keys:
            self._of_tags -= _weight(found)
            del self._tags[found.name]
            if is_sparse(self._tags):
                self._tags = self._tags.copy()
        elif is_sparse(found.keys):
            before = getsizeof(found.keys)
            found.keys = found.keys.copy()
            self._of_tags += getsizeof(found.keys) - before


def _weight(found: _Tagged) -> int:
    return _ALONE + getsizeof(found.name) + getsizeof(found.keys)
