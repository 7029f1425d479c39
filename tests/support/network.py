"""Servers of the tests' own on loopback: one that answers as it is told, and one that forwards to a
real server, late and in pieces, and breaks off.
"""

import asyncio
import random
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from cachectl._backends.redis.transport.resp import Parser
from cachectl.testing.awaited import EventLoop
from tests.support.servers import Server, forget

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Command = list[bytes]

_GREETINGS: Final = (b"AUTH", b"SELECT", b"CLIENT")
_PIECE: Final = 65_536


async def some_steps() -> None:
    """Let the loop go on: from accepting a connection until its handler begins it takes three."""
    for _ in range(5):
        await asyncio.sleep(0)


@contextmanager
def listening(handler: Handler) -> Iterator[str]:
    """Accept connections in a thread; yield the URL. They end with the context."""
    tasks: set[asyncio.Task[None]] = set()
    transports: weakref.WeakSet[asyncio.WriteTransport] = weakref.WeakSet()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        transports.add(writer.transport)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writer.close()
            tasks.discard(task)

    async def end() -> None:
        server.close()
        await some_steps()  # whoever was just accepted begins, or nobody would close it
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in transports:
            transport.abort()  # one that closes would wait until all of its reply is read
        await some_steps()

    loop = EventLoop()
    server = loop.run(asyncio.start_server(accept, "127.0.0.1", 0))
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    forget(url)  # of an earlier test the system may have had the same port
    try:
        yield url
    finally:
        loop.run(end())
        loop.close()


class Scripted:
    """Answers every command but those of the greeting as it is told, and notes them."""

    def __init__(self, answer: Callable[[Command], bytes | AsyncIterator[bytes]]) -> None:
        self.answer = answer
        self.commands: list[Command] = []
        self.connections = 0
        self.most_on_one = 0
        """Commands that came over the busiest connection."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        parser, count = Parser(), 0
        while data := await reader.read(_PIECE):
            for command in parser.feed(data):
                assert isinstance(command, list)
                count += command[0] not in _GREETINGS
                self.most_on_one = max(count, self.most_on_one)
                await self._reply(command, writer)  # type: ignore[arg-type]

    async def _reply(self, command: Command, writer: asyncio.StreamWriter) -> None:
        if command[0] in _GREETINGS:
            writer.write(b"+OK\r\n")
            return
        self.commands.append(command)
        answer = self.answer(command)
        if isinstance(answer, bytes):
            writer.write(answer)
            return
        async for piece in answer:
            writer.write(piece)
            await writer.drain()


@contextmanager
def scripted(
    answer: Callable[[Command], bytes | AsyncIterator[bytes]],
) -> Iterator[tuple[str, Scripted]]:
    """Yield the URL of a server that answers so, and the server."""
    server = Scripted(answer)
    with listening(server.handle) as url:
        yield url, server


class Proxy:
    """Forwards to a server. Of the pieces that pass, `late` is the share that waits, up to
    `seconds`, and `cut` the share of which only a part goes on, before the connection ends.
    """

    def __init__(
        self, server: Server, *, seed: int = 0, late: float = 0, seconds: float = 0, cut: float = 0
    ) -> None:
        self._socket = str(server.socket)
        self._chance = random.Random(seed)
        self._late = late
        self._seconds = seconds
        self.cut = cut
        self.connections = 0

    def lead_to(self, server: Server) -> None:
        """Forward to another server what comes from now on."""
        self._socket = str(server.socket)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        replies, requests = await asyncio.open_unix_connection(self._socket)
        requests.transport.set_write_buffer_limits(0)  # a way that comes to its end has written all
        ways = [
            asyncio.create_task(self._forward(reader, requests)),
            asyncio.create_task(self._forward(replies, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Before anything that may be cancelled again. One that closes would wait until all is read.
            requests.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_PIECE):
            if self._chance.random() < self._late:
                await asyncio.sleep(self._chance.random() * self._seconds)
            if self._chance.random() < self.cut:
                writer.write(data[: self._chance.randrange(len(data))])
                await writer.drain()
                return
            writer.write(data)
            await writer.drain()


@contextmanager
def proxied(proxy: Proxy) -> Iterator[str]:
    """Yield the URL of a proxy."""
    with listening(proxy.handle) as url:
        yield url
