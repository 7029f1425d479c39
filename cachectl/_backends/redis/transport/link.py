"""A connection of an event loop: what is sent in a row is answered in that order."""

import asyncio
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from cachectl._backends.redis.transport.connection import closed_with, has_spoken
from cachectl._backends.redis.transport.request import Request
from cachectl._backends.redis.transport.resp import Misread, Parser
from cachectl._backends.redis.transport.transport import RATE

COMMANDS: Final = 1024
BYTES: Final = 4 * 1024 * 1024
"""The most that is sent without its replies; a single request may be larger."""

_JOINED: Final = 256 * 1024
"""Bytes that are written at once."""

_RECEIVED: Final = 64 * 1024
_MOST_RECEIVED: Final = 256 * 1024
"""Bytes that are taken from the system at once; more of them where a long reply is known to come."""


class Link:
    """Sends requests and settles them. All but `drop` runs in the event loop.

    `on_room` is called when more may be sent, `on_loss` once, when the connection is of no use any
    more. It knows nothing of the loop that would keep that alive, and closes when it is forgotten.
    """

    def __init__(
        self,
        connected: socket.socket,
        blocked: tuple[type[OSError], ...],
        on_room: Callable[[], None],
        on_loss: "Callable[[Link, BaseException], None]",
    ) -> None:
        self._socket: Final = connected
        self._blocked: Final = blocked
        self._on_room: Final = on_room
        self._on_loss: Final = on_loss
        self._pending: Final[Callable[[], int]] = getattr(connected, "pending", int)
        self._parser: Final = Parser()
        self._sent: Final[deque[Request]] = deque()
        self._expected = 0
        self._bytes = 0
        self._out: Final[deque[memoryview]] = deque()
        self._is_lost = False
        self.heard_at = time.monotonic()
        """When something was sent or received that shows, or is to show, that the server lives."""
        self._closed: Final = closed_with(self, connected)
        self._poll: Final = select.poll()
        self._poll.register(connected, select.POLLIN)
        asyncio.get_running_loop().add_reader(connected.fileno(), self._readable)

    @property
    def sent(self) -> deque[Request]:
        """What was sent and is not answered, the oldest first."""
        return self._sent

    def is_usable(self) -> bool:
        """Whether the server neither closed the connection nor sent what nobody asked for."""
        return bool(self._sent) or not has_spoken(self._socket, self._poll, self._blocked)

    def send(self, queue: deque[Request]) -> None:
        """Send from the queue what may be in flight, and the system takes."""
        if not self._sent:
            self.heard_at = time.monotonic()
        pieces: list[bytes] = []
        size = 0
        while queue and not self._out and not self._is_lost and self._has_room(queue[0]):
            request = queue.popleft()
            if request.is_over:
                continue
            self._sent.append(request)
            self._expected += request.count
            self._bytes += request.size
            pieces += request.pieces
            size += request.size
            if size >= _JOINED:
                self._write(pieces)
                pieces, size = [], 0
        if pieces:
            self._write(pieces)

    def close(self) -> list[Request]:
        """End it, and return what was sent and is not answered."""
        unanswered = list(self._sent)
        self._sent.clear()
        if not self._is_lost:
            self._is_lost = True
            with suppress(RuntimeError, ValueError):  # it is collected with a loop that has ended
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._socket.fileno())
                loop.remove_writer(self._socket.fileno())
        self._closed()
        return unanswered

    def drop(self) -> None:
        """Close the socket of a loop that will not run again, or is another process's."""
        self._is_lost = True
        self._closed()

    def _has_room(self, request: Request) -> bool:
        return not self._sent or (
            self._expected + request.count <= COMMANDS and self._bytes + request.size <= BYTES
        )

    def _write(self, pieces: list[bytes]) -> None:
        was_empty = not self._out
        if len(pieces) == 1 or sum(map(len, pieces)) < 2 * _JOINED:
            self._out.append(memoryview(b"".join(pieces)))
        else:
            self._out.extend(map(memoryview, pieces))
        if was_empty and not self._drain():
            asyncio.get_running_loop().add_writer(self._socket.fileno(), self._writable)

    def _drain(self) -> bool:
        """Write what the system takes, and return whether that was all."""
        try:
            while self._out:
                rest = self._out[0][self._socket.send(self._out[0]) :]
                if rest:
                    self._out[0] = rest
                else:
                    self._out.popleft()
        except self._blocked:
            return False
        except OSError as error:  # who calls is in the middle of sending
            self._out.clear()
            asyncio.get_running_loop().call_soon(self._lose, error)
        return True

    def _writable(self) -> None:
        if self._drain():
            asyncio.get_running_loop().remove_writer(self._socket.fileno())
            self._on_room()

    def _readable(self) -> None:
        try:
            self._receive()
        except self._blocked:
            pass
        except (OSError, Misread) as error:
            self._lose(error)
            return
        if not self._out:
            self._on_room()

    def _receive(self) -> None:
        more = True
        while more:
            wanted = max(_RECEIVED, min(self._parser.missing, _MOST_RECEIVED))
            data = self._socket.recv(wanted)
            if not data:
                raise ConnectionResetError
            self._settle(data)
            if self._parser.missing:  # a long reply is on its way, and all wait for it
                for request in self._sent:
                    request.deadline += len(data) / RATE
            more = self._pending() > 0

    def _settle(self, data: bytes) -> None:
        replies = self._parser.feed(data)
        if not replies:
            return
        self.heard_at = time.monotonic()
        self._expected -= len(replies)
        if self._expected < 0:
            raise Misread("more replies than commands")
        for reply in replies:
            if self._sent[0].add(reply):
                self._bytes -= self._sent.popleft().size

    def _lose(self, error: BaseException) -> None:
        if not self._is_lost:
            self._on_loss(self, error)
