"""Commands to one Redis server: over few connections, in limited time, failing with our errors.

redis-py makes the connections, packs commands and parses replies. Its client and pool are not
used: they cost a good part of a short command (a look at the socket before each, and metrics).
Imports redis-py, and is therefore imported when the backend is first used.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

import redis
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from cachectl._backends.redis.errors import Translated
from cachectl._backends.redis.scripts import script
from cachectl._backends.redis.url import Address
from cachectl.errors import DamagedEntry

Argument = str | bytes | int | float
Command = Sequence[Argument]
Call = tuple[str, Sequence[Argument]]
"""What a script is called with: the base of its keys, and its arguments."""


class Connection(Protocol):
    """What we use of redis-py's connections."""

    pid: int

    def send_packed_command(self, command: Iterable[bytes], *, check_health: bool) -> None: ...
    def read_response(self) -> Any: ...
    def can_read(self, timeout: float) -> bool: ...
    def disconnect(self) -> None: ...


_NotKnown: Final = redis_errors.NoScriptError
_SEND_BYTES: Final = 64 * 1024
"""Packed commands that are joined before they are sent; larger arguments are not copied."""


class Client:
    """Sends commands; whatever goes wrong is a `BackendError`. Safe for threads and forks.

    A connection that died while it was idle is replaced before anything is sent. A command whose
    reply is lost may have run: only a GET is sent again, once, and never after a timeout.
    """

    def __init__(self, address: Address, connect_timeout: float, timeout: float) -> None:
        self._translated: Final = Translated(address.masked)
        self._connect: Final = _connector(address, connect_timeout, timeout)
        self._idle: Final[list[Connection]] = []  # append and pop are atomic

    def get(self, key: str) -> bytes | None:
        """Return the value. Raises `DamagedEntry` if it is not a string."""
        with self._translated:
            value: bytes | redis_errors.ResponseError | None = self._read(("GET", key))
            if isinstance(value, redis_errors.ResponseError):
                if str(value).startswith("WRONGTYPE"):
                    raise DamagedEntry("not a string")
                raise value
            return value

    def command(self, *arguments: Argument) -> Any:
        """Send one command and return its reply."""
        return self.pipeline([arguments])[0]

    def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send all the commands, then return their replies; raise the first error there is."""
        with self._translated:
            return _checked(self._exchange(commands))

    def run(self, name: str, base: str, *arguments: Argument) -> Any:
        """Run a script."""
        return self.run_all(name, [(base, arguments)])[0]

    def run_after(self, first: Command, name: str, base: str, *arguments: Argument) -> Any:
        """Send a command and run a script, both or neither, in one go."""
        commands = [("MULTI",), first, ("EVALSHA", script(name).sha, 1, base, *arguments)]
        with self._translated:
            *_, replies = _checked(self._exchange([*commands, ("EXEC",)]))
            if isinstance(replies[1], _NotKnown):
                return self.run(name, base, *arguments)
            return _checked(replies)[1]

    def run_all(self, name: str, calls: Iterable[Call]) -> list[Any]:
        """Run a script once for each of `calls`, in one go.

        The server is sent the text of the script only if it does not know it.
        """
        known = script(name)
        commands: list[Command] = [("EVALSHA", known.sha, 1, base, *told) for base, told in calls]
        with self._translated:
            replies = self._exchange(commands)
            again = [at for at, reply in enumerate(replies) if isinstance(reply, _NotKnown)]
            if again:
                texts = [("EVAL", known.source, *commands[at][2:]) for at in again]
                for at, reply in zip(again, self._exchange(texts), strict=True):
                    replies[at] = reply
            return _checked(replies)

    def close(self) -> None:
        """Release the connections that are idle."""
        while self._idle:
            self._idle.pop().disconnect()

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands, and return the replies, errors among them."""
        if not commands:
            return []
        connection = self._idle_connection()
        while connection and not _alive(connection):
            connection.disconnect()
            connection = self._idle_connection()
        return self._talk(connection or self._connect(), commands)

    def _read(self, command: Command) -> Any:
        """Exchange a command that may run twice, without the look at the connection before."""
        if connection := self._idle_connection():
            with suppress(redis_errors.ConnectionError):
                return self._talk(connection, [command])[0]
        return self._exchange([command])[0]

    def _talk(self, connection: Connection, commands: Sequence[Command]) -> list[Any]:
        try:
            replies = _talk(connection, commands)
        except BaseException:
            connection.disconnect()
            raise
        self._idle.append(connection)
        return replies

    def _idle_connection(self) -> Connection | None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return None
            if connection.pid == os.getpid():  # not inherited by a fork
                return connection
        return None


def _alive(connection: Connection) -> bool:
    """Whether the server neither closed the connection nor sent what nobody asked for."""
    try:
        return not connection.can_read(0)
    except redis_errors.ConnectionError:
        return False


def _talk(connection: Connection, commands: Sequence[Command]) -> list[Any]:
    connection.send_packed_command(_packed(commands), check_health=False)
    return [_reply(connection) for _ in commands]


def _packed(commands: Iterable[Command]) -> Iterator[bytes]:
    """Yield the commands in the protocol, in pieces of some size: the server begins to work on
    the first ones meanwhile. redis-py's own packing takes several times as long.
    """
    pieces: list[bytes] = []
    size = 0
    for command in commands:
        pieces.append(b"*%d\r\n" % len(command))
        for argument in command:
            data = argument if type(argument) is bytes else str(argument).encode()
            size += len(data)
            if size < _SEND_BYTES:
                pieces.append(b"$%d\r\n%b\r\n" % (len(data), data))
            else:
                pieces.append(b"$%d\r\n" % len(data))
                yield b"".join(pieces)
                yield data
                pieces, size = [b"\r\n"], 0
    yield b"".join(pieces)


def _reply(connection: Connection) -> Any:
    try:
        return connection.read_response()
    except redis_errors.ResponseError as error:
        return error


def _checked(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, redis_errors.ResponseError):
            raise reply
    return replies


def _connector(
    address: Address, connect_timeout: float, timeout: float
) -> Callable[[], Connection]:
    kind, place = _place(address)
    return partial(
        kind,
        username=address.username,
        password=address.password,
        db=address.database,
        socket_connect_timeout=connect_timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="cachectl",
        driver_info=None,  # CLIENT SETINFO would cost two round trips for each connection
        health_check_interval=0,
        decode_responses=False,
        **place,
    )


def _place(address: Address) -> tuple[type[AbstractConnection], dict[str, Any]]:
    if address.path:
        return redis.UnixDomainSocketConnection, {"path": address.path}
    place = {"host": address.host, "port": address.port, "socket_keepalive": True}
    if address.scheme == "rediss":
        return redis.SSLConnection, place | address.options
    return redis.Connection, place
