"""From the name of a host to where it is."""

import os
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, NamedTuple

from cachectl._backends.redis.url import Address


class Target(NamedTuple):
    """Where a socket is connected to."""

    family: int
    address: Any


class Resolver:
    """Says where an address is.

    The system's resolver waits as long as it likes. So names are looked up in a thread, one for
    all who ask meanwhile, and who waits for it decides how long.
    """

    def __init__(self, address: Address) -> None:
        self._port: Final = address.port
        self._host: Final = _encoded(address.host)
        self.known: Final = _without_lookup(address, self._host)
        """Where to try, in this order; nothing if that takes a lookup."""
        self._asked: tuple[int, Future[list[Target]]] | None = None

    def lookup(self) -> Future[list[Target]]:
        """Return where to try, in this order, once that is known."""
        pid = os.getpid()
        if self._asked is None or self._asked[0] != pid or self._asked[1].done():
            future: Future[list[Target]] = Future()
            future.set_running_or_notify_cancel()  # nobody who waits may cancel it for the others
            self._asked = pid, future
            arguments = (self._host, self._port, future)
            threading.Thread(target=_look_up, args=arguments, daemon=True).start()
            return future
        return self._asked[1]


def _encoded(host: str) -> bytes:
    """Return the name as it is looked up; left to the lookup, its thread would import for it."""
    return host.encode() if host.isascii() else host.encode("idna")


def _without_lookup(address: Address, host: bytes) -> list[Target]:
    """Return where a socket or a host in numbers is; of a name, nothing."""
    if address.path:
        return [Target(socket.AF_UNIX, address.path)]
    with suppress(OSError):
        return _targets(host, address.port, socket.AI_NUMERICHOST)
    return []


def _look_up(host: bytes, port: int, future: Future[list[Target]]) -> None:
    try:
        future.set_result(_targets(host, port, 0))
    except Exception as error:  # noqa: BLE001 - it is theirs who wait
        future.set_exception(error)


def _targets(host: bytes, port: int, flags: int) -> list[Target]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [Target(family, address) for family, _, _, _, address in found]
