"""The replies of a server, read from bytes as they arrive (RESP, version 2).

What a reply may announce is bounded, and nothing is allocated for what was only announced.
"""

import re
from typing import Final, Union

from cachectl._backends.redis.stored import HEAD_LIMIT
from cachectl._backends.redis.transport.long_string import LongString
from cachectl._backends.redis.transport.packing import PIECE, Joined

_BULK: Final = 512 * 1024 * 1024
"""The most bytes of a string; no server stores a longer one unless it is told to."""

_ITEMS: Final = 1024 * 1024
_DEPTH: Final = 8
_LINE: Final = 64 * 1024
_DIGITS: Final = 20
"""The most items of an array, arrays within each other, bytes of a line, and digits of a number."""

_STRING, _INTEGER, _ARRAY, _STATUS, _ERROR = b"$:*+-"


_IN_SCRIPT: Final = re.compile(r"ERR Error running script .*?: -?([A-Z]{4,}) ")
"""How servers before Redis 7 tell what a command of a script met."""


class ErrorReply(Exception):
    """What the server answered instead of doing what it was asked."""

    @property
    def code(self) -> str:
        """The first word, which says what kind of error it is."""
        text = str(self)
        inner = _IN_SCRIPT.match(text)
        return inner[1] if inner else text.partition(" ")[0]


class Unwelcome(ErrorReply):
    """What the server answered to what is said first: it does not let us in."""


class Misread(Exception):
    """What arrived is no reply at all, or none to what was asked: who sent it is not trusted."""


class Status(bytes):
    """A word that says that something was done; no value of anything."""

    __slots__ = ()


Reply = Union[bytes, Joined, int, None, ErrorReply, list["Reply"]]  # noqa: UP007 - it names itself


class Parser:
    """Turns what arrives from one server into replies, however it is cut."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._needed = 0
        self._arrays: list[tuple[list[Reply], int]] = []
        self._long: LongString | None = None

    @property
    def between_replies(self) -> bool:
        """Whether all that arrived has been read."""
        return not self._parts and not self._arrays and self._long is None

    @property
    def missing(self) -> int:
        """The bytes without which nothing can be read; 0 if that is not known."""
        return self._long.missing if self._long else max(0, self._needed - self._size)

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that are complete now. Raises `Misread`, after which no more can be
        read.
        """
        replies: list[Reply] = []
        if self._long is not None:
            data = bytes(self._long.add(memoryview(data)))
            if self._long.missing:
                return []
            self._end_long(self._long, replies)
        elif self._parts:
            self._parts.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return []
            data = b"".join(self._parts)
            self._parts.clear()
            self._size = self._needed = 0
        try:
            return self._read(data, replies)
        except ValueError:
            raise Misread("not a number") from None

    def _read(self, data: bytes, replies: list[Reply]) -> list[Reply]:
        at, size = 0, len(data)
        while at < size:
            end = data.find(b"\r\n", at)
            if end < 0:
                self._keep(data, at, 0)
                return replies
            kind, after = data[at], end + 2
            reply: Reply
            if kind == _STRING:
                length = int(data[at + 1 : end])
                if length == -1:
                    reply = None
                else:
                    after += _bounded(length, _BULK) + 2
                    if after > size:
                        self._keep_string(data, at, end + 2, length)
                        return replies
                    if data[after - 2 : after] != b"\r\n":
                        raise Misread("a string that does not end")
                    reply = data[end + 2 : after - 2]
            elif kind == _ARRAY:
                length = int(data[at + 1 : end])
                if length not in {0, -1}:
                    self._begin(_bounded(length, _ITEMS))
                    at = after
                    continue
                reply = None if length == -1 else []
            else:
                reply = _line(kind, data[at + 1 : end])
            at = after
            self._place(reply, replies)
        return replies

    def _keep(self, data: bytes, at: int, needed: int) -> None:
        """Keep what is there of something that can be read when so many bytes of it are there."""
        rest = data[at:] if at else data
        if not needed and len(rest) > _LINE:
            raise Misread("a line that does not end")
        self._parts.append(rest)
        self._size = len(rest)
        self._needed = needed

    def _keep_string(self, data: bytes, at: int, start: int, length: int) -> None:
        """Keep what is there of a string that is announced at `at`, and starts at `start`."""
        if length <= PIECE:
            self._keep(data, at, start - at + length + 2)
        elif len(data) - start < HEAD_LIMIT:
            self._keep(data, at, start - at + HEAD_LIMIT)
        else:
            self._long = LongString(length, memoryview(data)[start:])

    def _end_long(self, long: LongString, replies: list[Reply]) -> None:
        self._long, whole = None, long.whole()
        if whole is None:
            raise Misread("a string that does not end")
        self._place(whole, replies)

    def _begin(self, length: int) -> None:
        if len(self._arrays) == _DEPTH:
            raise Misread("arrays within arrays")
        self._arrays.append(([], length))

    def _place(self, reply: Reply, replies: list[Reply]) -> None:
        """Put a reply where it belongs; whatever it completes is complete as well."""
        while self._arrays:
            items, length = self._arrays[-1]
            items.append(reply)
            if len(items) < length:
                return
            self._arrays.pop()
            reply = items
        replies.append(reply)


def _line(kind: int, line: bytes) -> Reply:
    if kind == _INTEGER:
        return _number(line)
    if kind == _STATUS:
        return Status(line)
    if kind == _ERROR:
        return ErrorReply(line.decode(errors="replace"))
    raise Misread("no reply")


def _number(line: bytes) -> int:
    """Return what a server takes for a number: 64 bits."""
    if len(line) > _DIGITS:
        raise Misread("a number that cannot be")
    return int(line)


def _bounded(length: int, most: int) -> int:
    if not 0 <= length <= most:
        raise Misread("a length that cannot be")
    return length
