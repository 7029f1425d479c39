"""A server that answers whatever it is told to until it becomes honest: then it is a real one."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice

from cachectl._backends.redis.transport.resp import Parser
from tests.support.network import Proxy, listening, some_steps
from tests.support.servers import Server

_PIECE = 65_536
_MOST = 200


class Hostile:
    """Answers each command with the next of `replies`, over and over; an empty one hangs up, and so
    does the last of many: no call lasts for ever that goes on while it is told that there is more.

    Without `replies` it forwards to the real server.
    """

    def __init__(self, server: Server) -> None:
        self._proxy = Proxy(server)
        self._replies: Iterator[bytes] = iter(())
        self._hostile = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def answer(self, replies: Sequence[bytes]) -> None:
        """Answer so from now on, over new connections."""
        self._replies, self._hostile = islice(cycle(replies), _MOST), bool(replies)
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    async def _hang_up(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()
        await some_steps()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._loop = asyncio.get_running_loop()
        self._open.add(writer)
        try:
            await (self._lie if self._hostile else self._proxy.handle)(reader, writer)
        finally:
            self._open.discard(writer)

    async def _lie(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = Parser()
        while data := await reader.read(_PIECE):
            for command in parser.feed(data):
                assert isinstance(command, list)
                reply = b"+OK\r\n" if command[0] == b"CLIENT" else next(self._replies, b"")
                if not reply:
                    return
                writer.write(reply)


@contextmanager
def hostile(server: Server) -> Iterator[tuple[str, Hostile]]:
    """Yield the URL of a server that can be told how to answer, and that server."""
    made = Hostile(server)
    with listening(made.handle) as url:
        yield url, made
