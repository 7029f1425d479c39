"""A connection of threads: one exchange after the other, each with a deadline."""

import os
import select
import socket
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, TypeVar

from cachectl._backends.redis.transport.packing import Command, packed
from cachectl._backends.redis.transport.resp import Misread, Parser, Reply
from cachectl._backends.redis.transport.server import Server
from cachectl._backends.redis.transport.transport import RATE

_RECEIVED: Final = 64 * 1024
_MOST_RECEIVED: Final = 256 * 1024
"""Bytes that are taken from the system at once; more of them where a long reply is known to come."""

_TOLERANCE: Final = 0.05
"""Seconds by which a wait may be longer than what is left: setting it is a call to the system."""

T = TypeVar("T")


class Connection:
    """A place for a connection, which is open or not. Used by one thread at a time.

    It closes whatever goes wrong with it, and when nobody knows it any more.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        """Whose it is; nobody's once it is to be used by nobody else."""
        self._socket: socket.socket | None = None
        self._patience = 0.0

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def is_usable(self) -> bool:
        """Whether it is open, and the server neither closed it nor sent what nobody asked for."""
        if self._socket is None:
            return False
        if not self._poll.poll(0):
            return True
        self._patience = 0.0
        self._socket.settimeout(0.0)
        return not has_spoken(self._socket, self._poll, self._blocked)

    def open(self, server: Server, connected_by: float, deadline: float) -> None:
        """Connect, with what is said first. Raises `OSError`, `ErrorReply` or `Misread`."""
        self.close()
        connected = self._connected(server, connected_by)
        self._closed = closed_with(self, connected)
        self._closed.atexit = False  # what was counted is written at the exit, too
        self._blocked = server.blocked
        self._parser = Parser()
        self._patience = 0.0
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)
        self._socket = connected  # the last: what is open is whole
        try:
            server.check(self.exchange(server.greeting, deadline))
        except BaseException:
            self.close()
            raise

    def exchange(self, commands: Sequence[Command], deadline: float) -> list[Reply]:
        """Return the replies to the commands, errors among them. The deadline moves as bytes do.
        What it raises is to be followed by `close`.
        """
        assert self._socket is not None
        for piece in packed(commands):
            deadline += len(piece) / RATE
            self._send(self._socket, piece, deadline)
        replies: list[Reply] = []
        while len(replies) < len(commands):
            data = self._receive(self._socket, deadline)
            replies += self._parser.feed(data)
            deadline += len(data) / RATE
        if len(replies) > len(commands) or not self._parser.between_replies:
            raise Misread("more replies than commands")
        return replies

    def close(self) -> None:
        if self._socket is not None:
            self._socket = None
            self._closed()

    def _send(self, through: socket.socket, data: bytes, deadline: float) -> None:
        self._wait_until(through, deadline)
        sent = through.send(data)
        if sent < len(data):
            rest = memoryview(data)[sent:]
            while rest:
                self._wait_until(through, deadline)
                rest = rest[through.send(rest) :]

    def _receive(self, through: socket.socket, deadline: float) -> bytes:
        self._wait_until(through, deadline)
        wanted = max(_RECEIVED, min(self._parser.missing, _MOST_RECEIVED))
        data = through.recv(wanted)
        if not data:
            raise ConnectionResetError
        return data

    def _wait_until(self, through: socket.socket, deadline: float) -> None:
        """Let the next call to the system end by then, or a little later."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not left < self._patience < left + _TOLERANCE:
            self._patience = left + _TOLERANCE / 2
            through.settimeout(self._patience)

    def _connected(self, server: Server, deadline: float) -> socket.socket:
        targets = server.resolver.known or _result(server.resolver.lookup(), deadline)
        for number, target in enumerate(targets, 1):
            last = number == len(targets)
            share = (deadline - time.monotonic()) / (1 + len(targets) - number)
            made = server.make_socket(target)
            try:
                made.settimeout(_positive(share))
                made.connect(target.address)
                return _secured(server, made, deadline)
            except BaseException as error:
                made.close()
                if last or not isinstance(error, OSError):
                    raise
        raise ConnectionError


def closed_with(owner: object, owned: socket.socket) -> "weakref.finalize[[], object]":
    """Return what closes a socket, which happens at the latest when its owner is forgotten."""
    return weakref.finalize(owner, owned.close)


def has_spoken(
    through: socket.socket, poll: "select.poll", blocked: tuple[type[OSError], ...]
) -> bool:
    """Return whether the server closed a connection, or sent something, while nothing was asked.

    The socket does not block.
    """
    if not poll.poll(0):
        return False
    try:
        through.recv(1)
    except blocked:  # what arrived was for TLS
        return False
    except OSError:
        return True
    return True


def _secured(server: Server, connected: socket.socket, deadline: float) -> socket.socket:
    """Return the connected socket, after the handshake of TLS if there is to be one."""
    talking, shaking = server.secured(connected)
    if shaking is not None:
        try:
            shaking.settimeout(_positive(deadline - time.monotonic()))
            shaking.do_handshake()
        except BaseException:
            shaking.close()
            raise
    return talking


def _result(future: "Future[T]", deadline: float) -> T:
    return future.result(_positive(deadline - time.monotonic()))


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError
    return seconds
