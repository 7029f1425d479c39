"""What replies have to look like to be those to what was asked. All raise `Misread`."""

from math import isnan
from typing import Any

from cachectl._backends.redis.transport.packing import Joined
from cachectl._backends.redis.transport.resp import ErrorReply, Misread, Reply, Status


def checked(replies: list[Reply]) -> list[Reply]:
    """Return the replies. Raises the first `ErrorReply` among them."""
    for reply in replies:
        if isinstance(reply, ErrorReply):
            raise reply
    return replies


def anything(reply: Reply) -> None:
    """Take what tells nothing beside that all went well."""


def string(reply: Reply) -> bytes | None:
    """Return a string, None if there is none."""
    if reply is None or type(reply) is bytes:
        return reply
    raise Misread("no string")


def value(reply: Reply) -> bytes | Joined | None:
    """Return a string that may be long, None if there is none."""
    return reply if type(reply) is Joined else string(reply)


def text(reply: Reply) -> str:
    """Return a string that is there, and is one of ours."""
    if type(reply) is bytes and reply.isascii():
        return reply.decode()
    raise Misread("no text")


def is_done(reply: Reply) -> bool:
    """Return whether the server did what it was to do under a condition."""
    if reply is None or isinstance(reply, Status):
        return reply is not None
    raise Misread("no status")


def number(reply: Reply) -> int:
    if isinstance(reply, int):
        return reply
    raise Misread("no number")


def real(text: bytes) -> float:
    """Return a number that can be compared with others."""
    found = float(text)
    if isnan(found):
        raise Misread("not a number")
    return found


def array(reply: Reply) -> list[Any]:
    if isinstance(reply, list):
        return reply
    raise Misread("no array")


def strings(reply: Reply) -> list[bytes]:
    """Return an array of strings, all of which are there."""
    found = array(reply)
    if all(type(item) is bytes for item in found):
        return found
    raise Misread("no array of strings")


def optional_strings(reply: Reply) -> list[bytes | None]:
    return [string(item) for item in array(reply)]


def only_string(reply: Reply) -> bytes | None:
    """Return the string of an array of one, None if there is none."""
    (found,) = optional_strings(reply)
    return found


def pairs(reply: Reply) -> list[tuple[bytes, bytes]]:
    """Return an array of strings, two by two."""
    flat = strings(reply)
    return list(zip(flat[::2], flat[1::2], strict=True))


def numbers_and_strings(reply: Reply, numbers: int) -> tuple[list[int], list[bytes]]:
    """Return the numbers that an array begins with, and the strings after them."""
    found = array(reply)
    if len(found) < numbers:
        raise Misread("too short an array")
    return [number(item) for item in found[:numbers]], strings(found[numbers:])
