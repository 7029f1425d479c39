"""An address behind which one server takes the place of another."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.network import Proxy, listening
from tests.support.servers import Server


class Address:
    """Forwards new connections to a server that can be changed; those that are there stay."""

    def __init__(self, server: Server) -> None:
        self.url = ""
        self._proxy = Proxy(server)

    def lead_to(self, server: Server) -> None:
        self._proxy = Proxy(server)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._proxy.handle(reader, writer)


@contextmanager
def leading_to(server: Server) -> Iterator[Address]:
    address = Address(server)
    with listening(address.handle) as address.url:
        yield address
