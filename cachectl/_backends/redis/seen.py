"""Which keys were seen."""

from array import array
from typing import Final

_SLOTS: Final = 1024


class Seen:
    """Hashes of keys in a table of 64-bit numbers, up to two thirds full: a million takes 16 MB."""

    def __init__(self) -> None:
        self._slots = array("q", bytes(8 * _SLOTS))
        self._held = 0

    def __contains__(self, key: bytes) -> bool:
        return self._slots[self._place(hash(key) or 1)] != 0

    def adds(self, key: bytes) -> bool:
        """Return whether this one is new; it is not from now on."""
        one = hash(key) or 1
        at = self._place(one)
        if self._slots[at]:
            return False
        self._slots[at] = one
        self._held += 1
        if 3 * self._held > 2 * len(self._slots):
            self._grow()
        return True

    def _place(self, one: int) -> int:
        """Return where this one is, or may be put."""
        slots = self._slots
        mask = len(slots) - 1
        at = one & mask
        while slots[at] and slots[at] != one:
            at = (at + 1) & mask
        return at

    def _grow(self) -> None:
        before, self._slots = self._slots, array("q", bytes(16 * len(self._slots)))
        for one in before:
            if one:
                self._slots[self._place(one)] = one
