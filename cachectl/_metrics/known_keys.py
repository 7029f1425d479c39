"""What a process knows of the keys of a namespace: until when what it wrote is fresh, or why it went.

So a lookup that finds nothing can say why. What other processes wrote or removed is not known here.
"""

from array import array
from collections.abc import Iterable
from typing import Final

from cachectl._metrics.events import MissReason
from cachectl._model.records import Item

_WAYS: Final = 4
"""Places in which a key may be; if all are taken, one of them is overwritten."""
_FIRST: Final = 16
_MOST: Final = 32_768
"""Places of a table when it is made, and at most: it has 16 bytes for each."""
_EVICTED: Final = -1.0
_INVALIDATED: Final = -2.0

Table = tuple["array[int]", "array[float]"]
"""Hashes of keys, 0 where there is none; and beside each the Unix time at which its entry expires, or
why it went.
"""


class KnownKeys:
    """A table of 64-bit hashes, which grows to half a megabyte at most; what is new displaces what is
    old. Threads that meet in it may lose what one of them notes.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing any more."""
        self._table: Table = _empty(_FIRST)
        self._noted = 0
        self._by_tag = False

    @property
    def memory(self) -> int:
        """The bytes that this takes."""
        hashes, facts = self._table
        return hashes.itemsize * len(hashes) + facts.itemsize * len(facts)

    def stored(self, items: Iterable[Item]) -> None:
        """Note what was written."""
        for item in items:
            self._note(item.key, item.entry.expires_at)

    def expired(self, key: str, now: float) -> None:
        """Note that an entry was found expired."""
        self._note(key, now)

    def evicted(self, keys: Iterable[str]) -> None:
        """Note what a limit removed."""
        for key in keys:
            self._note(key, _EVICTED)

    def invalidated(self, keys: Iterable[str]) -> None:
        """Note what somebody removed."""
        for key in keys:
            self._note(key, _INVALIDATED)

    def cleared(self) -> None:
        """Note that everything was removed."""
        hashes, facts = self._table
        self._table = hashes, array("d", [_INVALIDATED]) * len(facts)

    def invalidated_by_tag(self) -> None:
        """Note that entries were removed whose keys are not known."""
        self._by_tag = True

    def reason(self, key: str, now: float, *, limited: bool) -> MissReason:
        """Return why there is no entry. What went before its time, and was not removed key by key here,
        another process evicted, if there is a limit; or else it was invalidated.
        """
        hashes, facts = self._table
        hashed = hash(key) or 1
        at = _place(hashes, hashed)
        if hashes[at] != hashed:
            return MissReason.ABSENT
        fact = facts[at]
        if fact < 0:
            return MissReason.EVICTED if fact == _EVICTED else MissReason.INVALIDATED
        if fact <= now:
            return MissReason.EXPIRED
        is_evicted = limited and not self._by_tag
        return MissReason.EVICTED if is_evicted else MissReason.INVALIDATED

    def _note(self, key: str, fact: float) -> None:
        hashes, facts = self._table
        hashed = hash(key) or 1
        at = _place(hashes, hashed)
        if hashes[at] != hashed:
            self._noted += 1
            if 2 * self._noted > len(hashes) and len(hashes) < _MOST:
                self._grow()
                return self._note(key, fact)
            hashes[at] = hashed
        facts[at] = fact
        return None

    def _grow(self) -> None:
        table = _empty(2 * len(self._table[0]))
        for hashed, fact in zip(*self._table, strict=True):
            if hashed:
                at = _place(table[0], hashed)
                table[0][at], table[1][at] = hashed, fact
        self._table = table


def _empty(size: int) -> Table:
    return array("q", [0]) * size, array("d", [0.0]) * size


def _place(hashes: "array[int]", hashed: int) -> int:
    """Return where a hash is or, if it is nowhere, where it may be put."""
    first = hashed % len(hashes) & -_WAYS
    places = hashes[first : first + _WAYS]
    for at, found in enumerate(places, first):
        if found == hashed or not found:
            return at
    return first + (hashed >> 32) % _WAYS
