"""Connecting in an event loop, without blocking it."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cachectl._backends.redis.transport.resolver import Target
from cachectl._backends.redis.transport.server import Server

if TYPE_CHECKING:
    import ssl


async def connected(server: Server, seconds: float) -> socket.socket:
    """Return a socket that is connected, after the handshake of TLS if there is one.

    Raises `OSError`, `TimeoutError` among them.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with asyncio.timeout_at(deadline):
        targets = server.resolver.known or await asyncio.wrap_future(server.resolver.lookup())
    for left in range(len(targets), 1, -1):
        try:
            share = (deadline - loop.time()) / left
            return await _connected(server, targets[-left], loop.time() + share)
        except OSError:  # the next one may be better
            continue
    return await _connected(server, targets[-1], deadline)


async def _connected(server: Server, target: Target, deadline: float) -> socket.socket:
    made = server.make_socket(target)
    try:
        async with asyncio.timeout_at(deadline):
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, target.address)
            made, shaking = server.secured(made)
            if shaking is not None:
                await _shake_hands(shaking)
    except BaseException:
        made.close()
        raise
    return made


async def _shake_hands(shaking: "ssl.SSLSocket") -> None:
    import ssl  # imported when the server was made

    loop, fd = asyncio.get_running_loop(), shaking.fileno()
    while True:
        try:
            return shaking.do_handshake()
        except ssl.SSLWantReadError:
            await _ready(loop.add_reader, loop.remove_reader, fd)
        except ssl.SSLWantWriteError:
            await _ready(loop.add_writer, loop.remove_writer, fd)


async def _ready(add: Callable[..., Any], remove: Callable[[int], object], fd: int) -> None:
    """Wait until the socket can be read or written."""
    ready = asyncio.Event()
    add(fd, ready.set)
    try:
        await ready.wait()
    finally:
        remove(fd)
