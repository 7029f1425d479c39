"""A long string, as it arrives."""

from io import BytesIO

from cachectl._backends.redis.stored import HEAD_LIMIT, head_size
from cachectl._backends.redis.transport.packing import Joined


class LongString:
    """What arrived of a long string, which is received where it stays; of a value, the payload is apart.

    It takes no more memory than twice what arrived: a server may announce what never comes.
    """

    def __init__(self, length: int, begin: memoryview) -> None:
        size = head_size(bytes(begin[:HEAD_LIMIT]))
        self._head = bytes(begin[:size])
        self._length = length - size
        self._rest = BytesIO()
        self._end = b""
        self._has_room = False
        self.missing = self._length + 2
        self.add(begin[size:])

    def add(self, data: memoryview) -> memoryview:
        """Take what is missing, and return what is left of the data."""
        taken = data[: self.missing]
        payload = taken[: max(0, self.missing - 2)]
        self._make_room(len(payload))
        self._rest.write(payload)
        self._end += taken[len(payload) :]
        self.missing -= len(taken)
        return data[len(taken) :]

    def whole(self) -> "bytes | Joined | None":
        """Return the string, in two parts if it is a value; None if it does not end as it should."""
        if self._end != b"\r\n":
            return None
        rest = self._rest.getvalue()
        return Joined(self._head, rest) if self._head else rest

    def _make_room(self, more: int) -> None:
        """Take all the memory, and none beyond, once half has arrived: it would grow by an eighth at a
        time, and be too large in the end.
        """
        at = self._rest.tell()
        if not self._has_room and 2 * (at + more) >= self._length:
            self._has_room = True
            self._rest.seek(self._length - 1)
            self._rest.write(b"\0")
            self._rest.seek(at)
