"""Where an exchange goes: decided here, and nowhere else."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from cachectl._backends.redis.transport.packing import Command
from cachectl._backends.redis.transport.server import Server


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
