"""The way of tasks: it never blocks their event loop."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeVar
from weakref import ReferenceType, ref

from cachectl._backends.redis.transport.lane import Lane
from cachectl._backends.redis.transport.packing import Command, packed
from cachectl._backends.redis.transport.request import Request
from cachectl._backends.redis.transport.resp import ErrorReply, Misread
from cachectl._backends.redis.transport.routes import Routes, is_large
from cachectl._backends.redis.transport.server import Server
from cachectl._backends.redis.transport.transport import (
    RATE,
    Pair,
    Reader,
    Timeouts,
    is_final,
    pair,
    understood,
)
from cachectl._model.deadline import deadline, note_wait, one_call, spent
from cachectl._model.loops import no_loop

_FIRST: Final = 64 * 1024
"""Bytes of a value that are read at first. A value that has more is read apart, so that no small
one waits behind it."""

T = TypeVar("T")
Lanes = dict[tuple[Server, bool], ReferenceType[Lane]]


class LoopTransport:
    """Exchanges over two connections for each event loop and server: one for what is small, and one
    for what is large. Any number of loops may use it; a forked process begins anew.

    It is their loop that keeps lanes, as long as they have anything to do or a connection. They know
    what tasks wait for, and so the loop: kept here, they would keep it after its end.
    """

    def __init__(self, routes: Routes, timeouts: Timeouts) -> None:
        self._routes: Final = routes
        self._timeouts: Final = timeouts
        self._begin_anew()
        for server in routes.servers():
            server.users.add(self)

    async def exchange(
        self, commands: Sequence[Command], read: Reader[T], *, again: bool = False
    ) -> T:
        try:
            loop, began = asyncio.get_running_loop(), time.monotonic()
        except RuntimeError:
            raise no_loop() from None
        server = self._routes.server(commands)
        pieces, until = list(packed(commands)), deadline(self._timeouts.total)
        request = Request(loop.create_future(), pieces, len(commands), until, again=again)
        request.deadline += request.size / RATE
        lane = self._lane(loop, server, is_large(commands, request.size))
        lane.add(request, loop)
        if until - began < self._timeouts.total / 2:  # its call has waited before: it ends sooner
            loop.call_later(until - began, request.fail, TimeoutError())
        try:
            replies = await request.future
        except Exception:
            note_wait(began)
            raise
        note_wait(began)
        try:
            return understood(read, replies)
        except ErrorReply as error:
            if is_final(error):
                lane.leave()
                server.note_final()
            raise
        except Misread as error:
            lane.lose(error)
            raise

    async def value(self, key: str, beside: str) -> Pair:
        small = ("GET", beside)
        first, with_it = await self.exchange(
            (("GETRANGE", key, 0, _FIRST - 1), small), pair, again=True
        )
        if not first:
            return None, with_it
        if isinstance(first, bytes) and len(first) < _FIRST:
            return first, with_it
        with one_call(time.monotonic() - spent()):
            return await self.exchange((("GET", key), small), pair, again=True)

    def leave(self, server: Server) -> None:
        for reference, lanes in list(self._loops.items()):
            loop = reference()
            for (leads_to, _), known in lanes.copy().items():
                lane = known()
                if loop is not None and lane is not None and leads_to is server:
                    with suppress(RuntimeError):  # it was closed
                        loop.call_soon_threadsafe(lane.leave)

    def after_fork_in_child(self) -> None:
        """Forget the loops of the parent, and close what came along of their connections."""
        inherited = list(self._loops.values())
        self._begin_anew()
        for lanes in inherited:
            for lane in _alive(lanes):
                lane.drop()

    def close(self) -> None:
        """End all connections, from any thread; those of a loop that does not run once it does."""
        for reference in list(self._loops):
            for lane in _alive(self._loops.pop(reference, {})):
                _end(lane, reference())

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._loops: dict[ReferenceType[asyncio.AbstractEventLoop], Lanes] = {}

    def _lane(self, loop: asyncio.AbstractEventLoop, server: Server, large: bool) -> Lane:
        if self._pid != os.getpid():
            self.after_fork_in_child()
        lanes = self._loops.get(ref(loop))
        if lanes is None:
            self._drop_those_of_closed_loops()
            lanes = self._loops[ref(loop)] = {}
        known = lanes.get((server, large))
        lane = None if known is None else known()
        if lane is None:
            lane = Lane(server, self._timeouts)
            lanes[server, large] = ref(lane)
        return lane

    def _drop_those_of_closed_loops(self) -> None:
        for reference in list(self._loops):
            loop = reference()
            if loop is None or loop.is_closed():
                for lane in _alive(self._loops.pop(reference, {})):
                    lane.drop()


def _alive(lanes: Lanes) -> list[Lane]:
    return [lane for known in lanes.copy().values() if (lane := known()) is not None]


def _end(lane: Lane, loop: asyncio.AbstractEventLoop | None) -> None:
    if loop is not None:
        with suppress(RuntimeError):  # it was closed
            loop.call_soon_threadsafe(lane.close)
            return
    lane.drop()
