"""The uses of keys that a process noted and has not written yet, in its slot.

They are kept in two halves. While a flush writes what was used until then, new uses go to the
other half; so what is written can be dropped as a whole. A half that is full takes no more:
what does not fit is in memory only.
"""

import threading
from collections.abc import Iterator

from cachectl._metrics.slots.file import SlotFile
from cachectl._metrics.slots.layout import (
    BLOCK,
    HALF_BYTE,
    HALF_BYTES,
    USE,
    USED_WORD,
    USES_AT,
    USES_ROOM,
)
from cachectl._model.keys import KEY_LIMIT

_STEP = 4 * BLOCK


class SlotUses:
    """Uses as (stamp, number of the namespace, key)."""

    def __init__(self, file: SlotFile) -> None:
        self._file = file
        self._memory = file.memory
        self._words = file.words
        self._lock = threading.Lock()

    def note(self, stamp: int, namespace: int, key: bytes) -> None:
        """Note a use. One that meets another thread just here, or no room, is not noted."""
        if not self._lock.acquire(blocking=False):  # nor one of a signal handler
            return
        try:
            half = self._memory[HALF_BYTE]
            used = self._words[USED_WORD + half]
            end = used + USE.size + len(key)
            if end > self._words[USES_ROOM + half] and not self._make_room(half, end):
                return
            at = USES_AT + half * HALF_BYTES + used
            USE.pack_into(self._memory, at, stamp, namespace, len(key))
            self._memory[at + USE.size : at - used + end] = key
            self._words[USED_WORD + half] = end
        finally:
            self._lock.release()

    def turn(self) -> None:
        """Let new uses go to the other half, if that is empty: a flush begins."""
        if self._lock.acquire(blocking=False):
            try:
                half = self._memory[HALF_BYTE]
                if not self._words[USED_WORD + 1 - half]:
                    self._memory[HALF_BYTE] = 1 - half
            finally:
                self._lock.release()

    def drop(self) -> None:
        """Forget the half that is not written to: a flush wrote all that is in it."""
        self._words[USED_WORD + 1 - self._memory[HALF_BYTE]] = 0

    def drop_all(self) -> None:
        """Forget everything."""
        self._words[USED_WORD] = self._words[USED_WORD + 1] = 0

    def any(self) -> bool:
        return bool(self._words[USED_WORD] or self._words[USED_WORD + 1])

    def read(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield all uses that make sense; of others, somebody else must be the author."""
        for half in (0, 1):
            begin = USES_AT + half * HALF_BYTES
            data = self._memory[begin : begin + self._words[USED_WORD + half]]
            at = 0
            while at + USE.size < len(data):
                stamp, namespace, length = USE.unpack_from(data, at)
                at += USE.size + length
                if stamp < 0 or not 0 < length <= KEY_LIMIT or at > len(data):
                    break
                yield stamp, namespace, data[at - length : at]

    def _make_room(self, half: int, end: int) -> bool:
        room = -(-end // _STEP) * _STEP
        if room > HALF_BYTES:
            return False
        try:
            self._file.make_room(USES_AT + half * HALF_BYTES, room)
        except OSError:  # a full disk
            return False
        self._words[USES_ROOM + half] = room
        return True
