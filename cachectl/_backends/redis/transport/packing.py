"""Commands, as they are sent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple


class Joined(NamedTuple):
    """A string of two parts, of which the second is large, and not copied for the first."""

    head: bytes
    rest: bytes


Argument = str | bytes | int | float | Joined
Command = Sequence[Argument]

PIECE: Final = 64 * 1024
"""Bytes that are joined before they are sent; larger arguments are not copied."""


def packed(commands: Iterable[Command]) -> Iterator[bytes]:
    """Yield the commands in the protocol, in pieces of some size: the server begins to work on
    the first ones meanwhile.
    """
    pieces: list[bytes] = []
    size = 0
    for command in commands:
        pieces.append(b"*%d\r\n" % len(command))
        for argument in command:
            head = b""
            if isinstance(argument, str):
                data = argument.encode()
            elif isinstance(argument, bytes):
                data = argument
            elif isinstance(argument, Joined):
                head, data = argument
            else:
                data = str(argument).encode()
            length = len(data)
            size += length
            if head or length >= PIECE:
                pieces.append(b"$%d\r\n%b" % (len(head) + length, head))
                yield b"".join(pieces)
                yield data
                pieces, size = [b"\r\n"], 0
                continue
            pieces.append(b"$%d\r\n%b\r\n" % (length, data))
            if size >= PIECE:
                yield b"".join(pieces)
                pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)
