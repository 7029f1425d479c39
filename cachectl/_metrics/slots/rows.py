"""The counters of the threads of a process, in its slot."""

from itertools import count
from operator import add
from struct import Struct
from typing import TYPE_CHECKING, Final

from cachectl._metrics.counters import SUMMED, Counts
from cachectl._metrics.slots.file import SlotFile
from cachectl._metrics.slots.layout import BLOCK, ROW_WORDS, ROWS, ROWS_AT, ROWS_ROOM, WORD
from cachectl._metrics.slots.records import DamagedSlot, Totals

if TYPE_CHECKING:
    from cachectl._metrics.thread_counters import LocalCounts

_SIZE: Final = ROW_WORDS * WORD
_ROW: Final = Struct(f"={1 + len(SUMMED)}qd{_SIZE - (2 + len(SUMMED)) * WORD}x")
_MOST: Final = 2**53
"""Counts from here on are none of ours."""
_LATEST: Final = 2.0**40
"""Unix seconds from here on are no times of ours."""


class SlotRows:
    """Rows of counters. A row belongs to a namespace for good, and is never set back: a thread that
    takes it on, after another ended, adds to what is there.
    """

    def __init__(self, file: SlotFile) -> None:
        self._file = file
        self._left: dict[int, list[int]] = {}
        owners = [int(owner) for owner, *_ in self._read()]
        for index, owner in enumerate(owners):
            if owner:
                self._left.setdefault(owner - 1, []).append(index)
        self._next = count(max((i + 1 for i, owner in enumerate(owners) if owner), default=0))

    def take(self, number: int) -> "LocalCounts | None":
        """Return a row of this namespace that no thread has; None if there is no room for one."""
        from cachectl._metrics.slots.row import row  # imports ctypes, which a collector needs not

        left = self._left.get(number)
        try:
            index = left.pop() if left else next(self._next)
        except IndexError:  # another thread was faster
            index = next(self._next)
        return row(self._file, ROWS_AT + index * _SIZE, number + 1) if self._has(index) else None

    def totals(self) -> Totals:
        """Return the sums of all rows."""
        sums: dict[int, list[int]] = {}
        hits: dict[int, float] = {}
        for owner, *amounts, last_hit_at in self._read():
            if owner:
                number = int(owner) - 1
                sums[number] = [*map(add, sums.get(number, _NOTHING), map(int, amounts))]
                hits[number] = max(hits.get(number, 0.0), last_hit_at)
        return {number: _counts(sums[number], hits[number]) for number in sums}

    def check(self, namespaces: int) -> None:
        """Raises `DamagedSlot` for rows that no process of ours can have left."""
        for owner, *amounts, last_hit_at in self._read():
            if not 0 <= owner <= namespaces or not 0 <= last_hit_at < _LATEST:
                raise DamagedSlot("a row belongs to nothing")
            if not all(0 <= amount < _MOST for amount in amounts):
                raise DamagedSlot("a row has counts that cannot be")

    def _read(self) -> "list[tuple[int | float, ...]]":
        room = self._file.words[ROWS_ROOM] // _SIZE * _SIZE
        return list(_ROW.iter_unpack(self._file.memory[ROWS_AT : ROWS_AT + room]))

    def _has(self, index: int) -> bool:
        """Return whether there is room for a row, made if there was none."""
        end = (index + 1) * _SIZE
        if end > self._file.words[ROWS_ROOM]:
            room = -(-end // BLOCK) * BLOCK
            if room > ROWS * _SIZE:
                return False
            try:
                self._file.make_room(ROWS_AT, room)
            except OSError:  # a full disk
                return False
            self._file.words[ROWS_ROOM] = room
        return True


_NOTHING: Final = [0] * len(SUMMED)


def _counts(amounts: list[int], last_hit_at: float) -> Counts:
    return Counts(**dict(zip(SUMMED, amounts, strict=True)), last_hit_us=int(last_hit_at * 1e6))
