"""One server: how to get to it, and what is said to it first."""

import socket
import time
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

from cachectl._backends.redis.transport.packing import Command
from cachectl._backends.redis.transport.resolver import Resolver, Target
from cachectl._backends.redis.transport.resp import ErrorReply, Reply, Unwelcome
from cachectl._backends.redis.url import Address

if TYPE_CHECKING:
    import ssl

_NAME: Final = "cachectl"
"""What connections are called in the server's list of clients."""


_LEFT_EVERY: Final = 1.0
"""Seconds for which connections are not given up again: many of them may be told the same."""


class Leaver(Protocol):
    """Has connections to a server."""

    def leave(self, server: "Server") -> None:
        """Make them anew, each when it is needed; from any thread."""


class Server:
    """What all connections to one server have in common."""

    def __init__(self, address: Address) -> None:
        self._address: Final = address
        self.resolver: Final = Resolver(address)
        self.greeting: Final = tuple(_greeting(address))
        self.blocked: Final = _blocked(secure=address.scheme == "rediss")
        """What a socket raises instead of blocking."""
        self._left_at = float("-inf")
        self.users: Final[WeakSet[Leaver]] = WeakSet()
        """All who have connections."""

    def leave(self) -> None:
        """Have all connections made anew: the address may lead elsewhere now."""
        self._left_at = time.monotonic()
        for user in tuple(self.users):
            user.leave(self)

    def note_final(self) -> None:
        """Take note of an error that is final: many are told the same, and one of them leaves."""
        if time.monotonic() - self._left_at >= _LEFT_EVERY:
            self.leave()

    def make_socket(self, target: Target) -> socket.socket:
        """Return a socket that is not connected yet."""
        made = socket.socket(target.family, socket.SOCK_STREAM)
        if target.family != socket.AF_UNIX:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return made

    def secured(self, connected: socket.socket) -> "tuple[socket.socket, ssl.SSLSocket | None]":
        """Return what to talk through, and the same again if a handshake of TLS is still to come.

        The socket that was given is not to be used any more.
        """
        if self._address.scheme != "rediss":
            return connected, None
        secured = self._tls.wrap_socket(
            connected, server_hostname=self._address.host, do_handshake_on_connect=False
        )
        return secured, secured

    def check(self, replies: list[Reply]) -> None:
        """Take the replies to the greeting. Raises `Unwelcome` unless the server lets us in."""
        for command, reply in zip(self.greeting, replies, strict=True):
            if isinstance(reply, ErrorReply) and command[0] != "CLIENT":  # it goes without a name
                raise Unwelcome(str(reply))

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        import ssl  # imported when this was made

        options = self._address.options
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if certificate := options.get("ssl_certfile"):
            context.load_cert_chain(certificate, options.get("ssl_keyfile"))
        return context


def _greeting(address: Address) -> list[Command]:
    commands: list[Command] = []
    if address.username is not None:
        commands.append(("AUTH", address.username, address.password or ""))
    elif address.password is not None:
        commands.append(("AUTH", address.password))
    if address.database:
        commands.append(("SELECT", address.database))
    return [*commands, ("CLIENT", "SETNAME", _NAME)]


def _blocked(*, secure: bool) -> tuple[type[OSError], ...]:
    if not secure:
        return (BlockingIOError,)
    import ssl  # takes 25 ms

    return (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
