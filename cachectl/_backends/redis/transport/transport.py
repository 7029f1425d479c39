"""What a way to the server is, and what its kinds share."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from cachectl._backends.redis.shapes import checked, string, value
from cachectl._backends.redis.transport.packing import Command, Joined
from cachectl._backends.redis.transport.resp import ErrorReply, Misread, Reply

T = TypeVar("T")
Reader = Callable[[list[Reply]], T]
"""Makes of replies what is wanted. Raises `ErrorReply` for one that is an error; whatever else it
raises says that these are not the replies to what was sent."""

_OF_READING: Final = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What reading raises where a reply is another than was expected. Whatever else is raised meanwhile
comes from elsewhere, such as a handler of a signal."""


RATE: Final = 8 * 1024 * 1024
"""Bytes a second that a network is expected to carry at least: what is large is given more time, as
far as it really moves."""


_FINAL: Final = frozenset(
    {"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "NOAUTH"}
)
"""Errors of a server that is not, or not yet, or not for us, the one to talk to."""

Pair = tuple[bytes | Joined | None, bytes | None]


class Timeouts(NamedTuple):
    """Seconds: until there is a connection, and until all is done, connecting included."""

    connect: float
    total: float


class Transport(Protocol):
    """Sends commands and returns what is read of their replies.

    Raises `OSError`, `ErrorReply`, `Misread` or `PoolExhausted`. Where replies cannot be trusted
    any more, the connection they came from is not used again.
    """

    async def exchange(
        self, commands: Sequence[Command], read: Reader[T], *, again: bool = False
    ) -> T:
        """Send the commands in a row, all or none. With `again`, they may be sent once more over
        a new connection if the one that was there turns out to be closed; nothing else is ever
        sent twice.
        """

    async def value(self, key: str, beside: str) -> Pair:
        """Return the string under a key, and a small one that is read with it."""


def understood(read: Reader[T], replies: list[Reply]) -> T:
    """Return what is read of the replies. Raises `ErrorReply` or `Misread`."""
    try:
        return read(replies)
    except _OF_READING as error:
        raise Misread("not the reply to what was asked") from error


def pair(replies: list[Reply]) -> Pair:
    """Read a value and a string."""
    one, other = checked(replies)
    return value(one), string(other)


def is_final(error: ErrorReply) -> bool:
    """Whether connections are of no use after this error: their address may lead elsewhere now."""
    return error.code in _FINAL
