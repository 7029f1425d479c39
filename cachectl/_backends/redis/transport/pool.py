"""The connections of threads to one server: few, whoever and however many they are."""

import os
import time
from contextlib import suppress
from typing import Final
from weakref import WeakSet

from cachectl._backends.redis.transport.connection import Connection

MOST: Final = 32
NOBODY: Final = 0
_FIRST_WAIT: Final = 0.0005
_LONGEST_WAIT: Final = 0.01
"""Seconds between two looks for a connection that is free."""


class PoolExhausted(Exception):
    """All connections were in use until the deadline."""


class Pool:
    """Lends connections to threads, raw threads and greenlets alike. A forked process begins anew.

    There is no lock: lists are changed by one call that is atomic. What was lent and was lost,
    with its thread or by an exception at a bad moment, is no longer counted once it is collected.
    """

    def __init__(self) -> None:
        self._closed = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all connections: they are another process's."""
        self._pid = os.getpid()
        self._idle: list[Connection] = []
        self._all: WeakSet[Connection] = WeakSet()

    def take(self, deadline: float) -> Connection:
        """Return a connection, open or not. Raises `PoolExhausted` if there is none in time."""
        if self._pid != os.getpid():
            self.forget()
        wait = _FIRST_WAIT
        while (found := self._idle_or_new()) is None:
            if time.monotonic() + wait > deadline:
                raise PoolExhausted
            time.sleep(wait)  # looked up at each call: gevent may have replaced it meanwhile
            wait = min(2 * wait, _LONGEST_WAIT)
        return found

    def apart(self) -> Connection:
        """Return a new connection that is not to be given back: a forked process knows of it as well."""
        made = Connection()
        self._all.add(made)
        return made

    def give_back(self, connection: Connection) -> None:
        if self._closed or connection.pid != self._pid:
            connection.close()
        if connection.pid == self._pid:
            self._idle.append(connection)

    def forget(self) -> None:
        """Close what a forked process has inherited: also what its parent was talking through."""
        inherited = list(self._all)
        self.begin_anew()
        for connection in inherited:
            connection.close()

    def leave(self) -> None:
        """Make all connections anew: what is idle is closed now, all else as it is given back."""
        idle, known = self._idle, list(self._all)
        self.begin_anew()
        for connection in known:
            connection.pid = NOBODY
        with suppress(IndexError):  # a thread that was just taking one has it
            while True:
                idle.pop().close()

    def close(self) -> None:
        """Close what is idle now, and all else as it is given back."""
        self._closed = True
        for connection in tuple(self._idle):
            connection.close()

    def _idle_or_new(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        made = Connection()
        self._all.add(made)
        if len(self._all) <= MOST:
            return made
        self._all.discard(made)
        return None
