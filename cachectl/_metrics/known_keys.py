"""What a process knows of the keys of a namespace: until when what it wrote is fresh, or why it went.

So a lookup that finds nothing can say why. What other processes wrote or removed is not known here.
"""

from array import array
from collections.abc import Collection, Iterable
from sys import maxsize
from typing import Final

from cachectl._metrics.events import MissReason
from cachectl._model.records import Item

_WAYS: Final = 8
"""Places in which a key may be, of which one is its first; if all are taken, that is overwritten. None is
ever given back: who is not in the first place, and finds that empty, is in none.
"""
_FIRST: Final = 16
_MOST: Final = 32_768
"""Places of a table when it is made, and at most: it has 16 bytes for each."""
_GROWTH: Final = 4
"""How many times as many it has each time that half of them are taken."""
_ABSENT: Final = MissReason.ABSENT
_EVICTED: Final = -1.0
_INVALIDATED: Final = -2.0

Table = tuple["array[int]", "array[float]", int]
"""Hashes of keys, 0 where there is none; beside each the Unix time at which its entry expires, or why it
went; and the last place, a power of two less one.
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
        self._left = _FIRST // 2  # places until it grows
        self._by_tag = False

    @property
    def memory(self) -> int:
        """The bytes that this takes."""
        hashes, facts, _ = self._table
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

    def invalidated(self, keys: Collection[str], removed: int) -> None:
        """Note that somebody removed so many entries that were under these keys: if that is not every key, of
        those that are known to have been there.
        """
        for key in keys if removed == len(keys) else filter(self._is_there, keys):
            self._note(key, _INVALIDATED)

    def cleared(self) -> None:
        """Note that everything was removed that was there still."""
        hashes, facts, last = self._table
        went = [_EVICTED if fact == _EVICTED else _INVALIDATED for fact in facts]
        self._table = hashes, array("d", went), last

    def invalidated_by_tag(self) -> None:
        """Note that entries were removed whose keys are not known."""
        self._by_tag = True

    def reason(self, key: str, now: float, limited: bool) -> MissReason:
        """Return why there is no entry. What went before its time, and was not removed key by key here,
        another process evicted, if there is a limit; or else it was invalidated.
        """
        hashes, facts, last = self._table
        hashed = hash(key) or 1
        at = hashed & last
        held = hashes[at]
        if held != hashed:
            if not held:  # nor is it in another place
                return _ABSENT
            first = at & -_WAYS  # `_place` would look for room, too: a fifth of a miss in memory
            others = hashes[first : first + _WAYS]
            if hashed not in others:
                return _ABSENT
            at = first + others.index(hashed)
        fact = facts[at]
        if fact < 0:
            return MissReason.EVICTED if fact == _EVICTED else MissReason.INVALIDATED
        if fact <= now:
            return MissReason.EXPIRED
        is_evicted = limited and not self._by_tag
        return MissReason.EVICTED if is_evicted else MissReason.INVALIDATED

    def _is_there(self, key: str) -> bool:
        """Return whether a key is known, and not to have gone before its time."""
        hashes, facts, last = self._table
        hashed = hash(key) or 1
        at = _place(hashes, hashed, hashed & last)
        return hashes[at] == hashed and facts[at] >= 0

    def _note(self, key: str, fact: float) -> None:
        hashes, facts, last = self._table
        hashed = hash(key) or 1
        at = hashed & last
        held = hashes[at]
        if held != hashed:
            if held:
                at = _place(hashes, hashed, at)
                held = hashes[at]
            if not held:
                if self._left <= 0:  # less if threads met here
                    self._grow()
                    self._note(key, fact)
                    return
                self._left -= 1
            hashes[at] = hashed
        facts[at] = fact

    def _grow(self) -> None:
        """Make the table larger, if it is not as large as it may be."""
        hashes, facts, last = self._table
        if last + 1 >= _MOST:
            self._left = maxsize  # never again
            return
        self._table = larger, beside, last = _empty(min(_GROWTH * (last + 1), _MOST))
        self._left = (last + 1) // 2
        for hashed, fact in zip(hashes, facts, strict=True):
            if hashed:
                at = hashed & last
                if larger[at]:
                    at = _place(larger, hashed, at)
                self._left -= not larger[at]
                larger[at], beside[at] = hashed, fact


def _place(hashes: "array[int]", hashed: int, at: int) -> int:
    """Return where a hash is, or may be, whose first place is taken: that, if all others are."""
    first = at & -_WAYS
    held = hashes[first : first + _WAYS]
    for wanted in (hashed, 0):
        if wanted in held:
            return first + held.index(wanted)
    return at


def _empty(size: int) -> Table:
    return array("q", [0]) * size, array("d", [0.0]) * size, size - 1
