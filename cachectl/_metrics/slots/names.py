"""The namespaces of a slot, by number."""

from itertools import count
from typing import Final

from cachectl._metrics.slots.file import SlotFile
from cachectl._metrics.slots.layout import (
    BLOCK,
    NAME_BYTES,
    NAMESPACE_WORDS,
    NAMESPACES,
    NAMESPACES_AT,
    NAMESPACES_ROOM,
    WORD,
    checksum,
)
from cachectl._metrics.slots.records import DamagedSlot
from cachectl._model.policy import is_namespace

_SIZE: Final = NAMESPACE_WORDS * WORD


class SlotNames:
    """Numbers of namespaces. One gets its number when it is first asked for; should two threads ask
    at once it has two, of which one is used.
    """

    def __init__(self, file: SlotFile) -> None:
        """Raises `DamagedSlot`."""
        self._file = file
        self._numbers: dict[str, int] = {}
        self.names: dict[int, str] = {}
        for number in range(file.words[NAMESPACES_ROOM] // _SIZE):
            if file.words[_at(number) // WORD]:
                self.names[number] = self._read(number)
                self._numbers.setdefault(self.names[number], number)
        self._next = count(self.end)

    @property
    def end(self) -> int:
        """The first number that no namespace has."""
        return max(self.names, default=-1) + 1

    def number(self, name: str) -> int | None:
        """Return the number of a namespace; None if there is no room for another."""
        number = self._numbers.get(name)
        if number is not None:
            return number
        number = next(self._next)
        if not self._write(number, name):
            return None
        self.names[number] = name
        return self._numbers.setdefault(name, number)  # of two threads, both get the first

    def _write(self, number: int, name: str) -> bool:
        end = (number + 1) * _SIZE
        if number >= NAMESPACES:
            return False
        if end > self._file.words[NAMESPACES_ROOM]:
            room = -(-end // BLOCK) * BLOCK
            try:
                self._file.make_room(NAMESPACES_AT, room)
            except OSError:  # a full disk
                return False
            self._file.words[NAMESPACES_ROOM] = room
        at, data = _at(number), name.encode().ljust(NAME_BYTES, b"\0")
        self._file.memory[at + WORD : at + WORD + NAME_BYTES] = data
        self._file.words[at // WORD] = checksum(data)
        return True

    def _read(self, number: int) -> str:
        at = _at(number)
        data = self._file.memory[at + WORD : at + WORD + NAME_BYTES]
        name = data.rstrip(b"\0").decode("ascii", errors="replace")
        if self._file.words[at // WORD] != checksum(data) or not is_namespace(name):
            raise DamagedSlot("the name of a namespace has another checksum")
        return name


def _at(number: int) -> int:
    return NAMESPACES_AT + number * _SIZE
