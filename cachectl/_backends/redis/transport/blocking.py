"""The way of threads: it blocks, and never suspends."""

import time
from collections.abc import Sequence
from typing import Final, TypeVar

from cachectl._backends.redis.transport.connection import Connection
from cachectl._backends.redis.transport.packing import Command
from cachectl._backends.redis.transport.pool import Pool
from cachectl._backends.redis.transport.resp import ErrorReply, Reply
from cachectl._backends.redis.transport.routes import Routes
from cachectl._backends.redis.transport.server import Server
from cachectl._backends.redis.transport.transport import (
    Pair,
    Reader,
    Timeouts,
    is_final,
    pair,
    understood,
)
from cachectl._model.deadline import deadline, note_wait

T = TypeVar("T")


class BlockingTransport:
    """Exchanges over a pool of connections for each server. Safe for threads and forks."""

    def __init__(self, routes: Routes, timeouts: Timeouts) -> None:
        self._routes: Final = routes
        self._timeouts: Final = timeouts
        self._pools: Final = {server: Pool() for server in routes.servers()}
        for server in self._pools:
            server.users.add(self)

    async def exchange(
        self, commands: Sequence[Command], read: Reader[T], *, again: bool = False
    ) -> T:
        return self.exchange_now(commands, read, again=again)

    async def value(self, key: str, beside: str) -> Pair:
        return self.value_now(key, beside)

    def value_now(self, key: str, beside: str) -> Pair:
        """Do what `value` does, without a coroutine."""
        return self.exchange_now((("GET", key), ("GET", beside)), pair, again=True)

    def exchange_now(
        self, commands: Sequence[Command], read: Reader[T], *, again: bool = False
    ) -> T:
        """Do what `exchange` does, without a coroutine."""
        began, until = time.monotonic(), deadline(self._timeouts.total)
        server = self._routes.server(commands)
        pool = self._pools[server]
        connection = pool.take(until)
        try:
            if again and connection.is_open:
                replies = self._ask_twice(connection, server, commands, until)
            else:
                replies = self._ask(connection, server, commands, until)
            return understood(read, replies)
        except ErrorReply as error:
            if is_final(error):
                connection.close()
                server.note_final()
            raise
        except BaseException:
            connection.close()
            raise
        finally:
            pool.give_back(connection)
            note_wait(began)

    def exchange_apart(self, commands: Sequence[Command], read: Reader[T]) -> T:
        """Do what `exchange` does over a connection of its own, which leads where the address leads now."""
        server, until = self._routes.server(commands), deadline(self._timeouts.total)
        connection = self._pools[server].apart()
        try:
            replies = self._ask(connection, server, commands, until)
            return understood(read, replies)
        finally:
            connection.close()

    def leave(self, server: Server) -> None:
        self._pools[server].leave()

    def after_fork_in_child(self) -> None:
        for pool in self._pools.values():
            pool.forget()

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _ask(
        self, connection: Connection, server: Server, commands: Sequence[Command], until: float
    ) -> list[Reply]:
        """Exchange over a connection that is known to be open, a new one if need be."""
        if not connection.is_usable():
            self._open(connection, server, until)
        return connection.exchange(commands, until)

    def _ask_twice(
        self, connection: Connection, server: Server, commands: Sequence[Command], until: float
    ) -> list[Reply]:
        """Exchange without a look at the connection, and once more if it was closed."""
        try:
            return connection.exchange(commands, until)
        except TimeoutError:
            raise
        except OSError:
            self._open(connection, server, until)
            return connection.exchange(commands, until)

    def _open(self, connection: Connection, server: Server, until: float) -> None:
        connected_by = min(until, time.monotonic() + self._timeouts.connect)
        connection.open(server, connected_by, until)
