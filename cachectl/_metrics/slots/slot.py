"""A slot: the counts of a process as long as it lives, and then those of a process that ended."""

from operator import itemgetter
from typing import Self

from cachectl._metrics.counters import SUMMED, Batch, Counts, moved
from cachectl._metrics.slots.file import SlotFile
from cachectl._metrics.slots.layout import (
    BLOCK,
    CHECKSUM_WORD,
    HALF_BYTE,
    HEADER,
    LAYOUT,
    MAGIC,
    MOST,
    NAMESPACES_AT,
    NAMESPACES_ROOM,
    ROWS_AT,
    ROWS_ROOM,
    USED_WORD,
    checksum,
)
from cachectl._metrics.slots.names import SlotNames
from cachectl._metrics.slots.records import DamagedSlot, HandedOver, Totals
from cachectl._metrics.slots.rows import SlotRows
from cachectl._metrics.slots.uses import SlotUses
from cachectl._metrics.thread_counters import LocalCounts

Uses = list[tuple[str, int]]
"""Keys, and the stamps of their last use."""


class Slot:
    """A `CountSource` in a file, and the uses of keys beside it."""

    def __init__(self, file: SlotFile) -> None:
        """Read what a process left. Raises `DamagedSlot` if none of ours can have."""
        self.file = file
        self.client: str
        self.client, self._made_at = _header(file)
        self._names = SlotNames(file)
        self._rows = SlotRows(file)
        self._handed_over = HandedOver(file)
        self.uses: SlotUses = SlotUses(file)
        self._check()

    @classmethod
    def make(cls, file: SlotFile, client: str, now: float) -> Self:
        """Write what every slot begins with. Raises `OSError` if there is no room for it."""
        for at in (0, NAMESPACES_AT, ROWS_AT):
            file.make_room(at, BLOCK)
        file.words[NAMESPACES_ROOM] = file.words[ROWS_ROOM] = BLOCK
        HEADER.pack_into(file.memory, 0, MAGIC, LAYOUT, bytes.fromhex(client), now)
        file.words[CHECKSUM_WORD] = checksum(file.memory[: HEADER.size])
        return cls(file)

    @property
    def sequence(self) -> int:
        return self._handed_over.sequence

    @property
    def on_its_way(self) -> Batch | None:
        sent = self._handed_over.on_its_way
        if sent is None:
            return None
        sequence, at, totals = sent
        return Batch(self.client, sequence, at, moved(self.arrived(), self._named(totals)))

    @property
    def counted_at(self) -> float:
        """When something was counted last, as far as it is known, in Unix seconds."""
        sent = self._handed_over.on_its_way
        hits = (counts.last_hit_us / 1e6 for counts in self._rows.totals().values())
        return max(self._made_at, self._handed_over.at, sent[1] if sent else 0.0, *hits)

    def row(self, namespace: str) -> LocalCounts | None:
        number = self._names.number(namespace)
        return None if number is None else self._rows.take(number)

    def totals(self) -> dict[str, Counts]:
        return self._named(self._rows.totals())

    def arrived(self) -> dict[str, Counts]:
        return self._named(self._handed_over.totals)

    def begin(self, batch: Batch) -> None:
        numbers = {name: number for number, name in self._names.names.items()}
        sent = {numbers[name]: counts for name, counts in batch.counts.items()}
        self._handed_over.begin(batch.sequence, batch.at, sent, self._names.end)

    def commit(self) -> None:
        self._handed_over.commit()

    def note_use(self, namespace: str, key: str, stamp: int) -> None:
        """Note when a key was used, as far as there is room."""
        number = self._names.number(namespace)
        if number is not None:
            self.uses.note(stamp, number, key.encode())

    def read_uses(self, now: float) -> dict[str, Uses]:
        """Return by namespace what was used, least recent first, and nothing after `now`."""
        latest = int(now * 1e6)
        found: dict[str, dict[str, int]] = {}
        for stamp, number, key in self.uses.read():
            if number in self._names.names:
                used = found.setdefault(self._names.names[number], {})
                used[key.decode(errors="replace")] = min(stamp, latest)
        return {name: sorted(used.items(), key=itemgetter(1)) for name, used in found.items()}

    def is_empty(self) -> bool:
        """Return whether all was handed over."""
        return not self.uses.any() and not moved(self.arrived(), self.totals())

    def _check(self) -> None:
        self._rows.check(self._names.end)
        sent = self._handed_over.on_its_way
        for totals in (self._handed_over.totals, sent[2] if sent else {}):
            rest = moved(self._named(totals), self.totals())
            if any(getattr(counts, name) < 0 for counts in rest.values() for name in SUMMED):
                raise DamagedSlot("more was handed over than was counted")

    def _named(self, totals: Totals) -> dict[str, Counts]:
        named: dict[str, Counts] = {}
        for number, name in self._names.names.items():
            if number in totals:
                named[name] = named.get(name, Counts()).plus(totals[number])
        return named


def _header(file: SlotFile) -> tuple[str, float]:
    magic, layout, client, made_at = HEADER.unpack_from(file.memory)
    if magic != MAGIC or file.words[CHECKSUM_WORD] != checksum(file.memory[: HEADER.size]):
        raise DamagedSlot("its header has another checksum")
    if layout != LAYOUT:
        raise DamagedSlot("it is of another version of cachectl")
    if file.memory[HALF_BYTE] > 1 or not _can_be(file.words[USED_WORD : USED_WORD + 6].tolist()):
        raise DamagedSlot("it has room that cannot be")
    return client.hex(), made_at


def _can_be(sizes: list[int]) -> bool:
    """Return whether there can be so much room: what is used, and the room of all blocks."""
    used, room = sizes[:2], sizes[2:]
    return (
        all(0 <= each <= most and each % BLOCK == 0 for each, most in zip(room, MOST, strict=True))
        and min(room[:2]) > 0
        and all(0 <= each <= most for each, most in zip(used, room[2:], strict=True))
    )
