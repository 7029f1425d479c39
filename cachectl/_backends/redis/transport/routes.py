"""Where an exchange goes: decided here, and nowhere else."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from cachectl._backends.redis.scripts import script
from cachectl._backends.redis.transport.packing import Command
from cachectl._backends.redis.transport.server import Server

_LARGE: Final = 32 * 1024
"""Bytes from which what is sent would make others wait."""

_LONG_REPLIES: Final = frozenset({"GET", "ZRANGE", "ZMSCORE", "SMEMBERS", "HGETALL"})
"""Commands whose replies would do so; tasks read small values otherwise."""


def is_large(commands: Sequence[Command], size: int) -> bool:
    """Return whether an exchange goes apart from small ones."""
    name, *arguments = commands[0]
    return (
        size >= _LARGE
        or name in _LONG_REPLIES
        or (name == "EVALSHA" and arguments[0] == script("read").sha)
    )


class Routes(Protocol):
    """Knows the servers, and which of them is to be asked."""

    def servers(self) -> Iterable[Server]:
        """Return all servers there are."""

    def server(self, commands: Sequence[Command]) -> Server:
        """Return the one that the commands go to; all their keys are in one hash slot."""


class SingleServer:
    """All goes to one server."""

    def __init__(self, server: Server) -> None:
        self._server: Final = server

    def servers(self) -> Iterable[Server]:
        return (self._server,)

    def server(self, commands: Sequence[Command]) -> Server:
        return self._server
