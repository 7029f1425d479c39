"""What of a slot was handed over: two records, of which one holds and the other is made ready.

A record has the totals that were handed over up to some sequence. One byte says which of them
holds, and whether the other is on its way, so that a process may be killed between any two
stores: whoever takes over sends what was on its way again, under the same number.
"""

from cachectl._metrics.counters import Counts
from cachectl._metrics.slots.file import SlotFile
from cachectl._metrics.slots.layout import (
    AMOUNTS_WORD,
    COLUMNS,
    NAMESPACE_WORDS,
    NAMESPACES,
    NAMESPACES_AT,
    RECORD,
    RECORD_WORD,
    RECORD_WORDS,
    STATE_BYTE,
    WORD,
    checksum,
)

Totals = dict[int, Counts]
"""Counts by the number of a namespace."""


class DamagedSlot(Exception):
    """A slot holds what no process of ours can have left."""


class Record:
    """One of the two records."""

    def __init__(self, file: SlotFile, side: int) -> None:
        self._memory = file.memory
        self._words = file.words
        self._head = (RECORD_WORD + side * RECORD_WORDS) * WORD
        self._amounts = NAMESPACES_AT // WORD + AMOUNTS_WORD + side * len(COLUMNS)

    def write(self, sequence: int, at: float, totals: Totals) -> None:
        """Write the record whole, for the first so many namespaces."""
        for number, counts in totals.items():
            first = self._amounts + number * NAMESPACE_WORDS
            for place, name in enumerate(COLUMNS, first):
                self._words[place] = getattr(counts, name)
        digest = self._digest(sequence, at, len(totals))
        RECORD.pack_into(self._memory, self._head, sequence, at, len(totals), digest)

    def read(self) -> tuple[int, float, Totals]:
        """Return sequence, time and totals. Raises `DamagedSlot`."""
        sequence, at, namespaces, digest = RECORD.unpack_from(self._memory, self._head)
        if digest == 0:  # it was never written
            return 0, 0.0, {}
        if not 0 <= namespaces <= NAMESPACES or digest != self._digest(sequence, at, namespaces):
            raise DamagedSlot("a record has another checksum")
        return sequence, at, {number: self._counts(number) for number in range(namespaces)}

    def _counts(self, number: int) -> Counts:
        first = self._amounts + number * NAMESPACE_WORDS
        amounts = self._words[first : first + len(COLUMNS)].tolist()
        return Counts(**dict(zip(COLUMNS, amounts, strict=True)))

    def _digest(self, sequence: int, at: float, namespaces: int) -> int:
        parts = [RECORD.pack(sequence, at, namespaces, 0)]
        for number in range(namespaces):
            first = self._amounts + number * NAMESPACE_WORDS
            parts.append(self._words[first : first + len(COLUMNS)].tobytes())
        return checksum(b"".join(parts))


class HandedOver:
    """The two records, and which of them holds."""

    def __init__(self, file: SlotFile) -> None:
        self._memory = file.memory
        self._records = Record(file, 0), Record(file, 1)
        state = self._memory[STATE_BYTE]
        if state > 3:
            raise DamagedSlot("its state is unknown")
        self.sequence, self.at, self.totals = self._records[state >> 1].read()
        self.on_its_way: tuple[int, float, Totals] | None = None
        if state & 1:
            self.on_its_way = self._records[1 - (state >> 1)].read()
            if self.on_its_way[0] <= self.sequence:
                raise DamagedSlot("its records are of another order")

    def begin(self, sequence: int, at: float, moved: Totals, namespaces: int) -> None:
        """Note what is about to be sent; the same again changes nothing."""
        if self.on_its_way is not None:
            return
        totals = {
            number: self.totals.get(number, Counts()).plus(moved.get(number, Counts()))
            for number in range(namespaces)
        }
        state = self._memory[STATE_BYTE]
        self._records[1 - (state >> 1)].write(sequence, at, totals)
        self._memory[STATE_BYTE] = state | 1
        self.on_its_way = sequence, at, totals

    def commit(self) -> None:
        """Note that what was sent has arrived."""
        if self.on_its_way is None:
            return
        self.sequence, self.at, self.totals = self.on_its_way
        self.on_its_way = None
        self._memory[STATE_BYTE] = (self._memory[STATE_BYTE] & 2) ^ 2
