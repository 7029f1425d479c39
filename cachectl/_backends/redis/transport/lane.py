"""What the tasks of one event loop send to one server, over one connection."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from contextvars import Context
from typing import Final

from cachectl._backends.redis.transport.dialing import connected
from cachectl._backends.redis.transport.link import Link
from cachectl._backends.redis.transport.packing import packed
from cachectl._backends.redis.transport.request import Request
from cachectl._backends.redis.transport.resp import ErrorReply, Misread
from cachectl._backends.redis.transport.server import Server
from cachectl._backends.redis.transport.transport import Timeouts

_LOOKS: Final = 16
"""How often in the time of a request it is looked at what is over, at most."""


class Lane:
    """A queue of requests, and the link that they go out on once they may.

    All that is added in one iteration of the loop is written together. There is one timer, for the
    oldest request. A link that is lost is replaced once for all; what was sent on it fails, but for
    what may be sent once more, and what was not sent goes out on the next. One that is left is read
    until all that was sent on it is answered.
    """

    def __init__(self, server: Server, timeouts: Timeouts) -> None:
        self._server: Final = server
        self._timeouts: Final = timeouts
        self._queue: Final[deque[Request]] = deque()
        self._link: Link | None = None
        self._left: Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._will_flush = False
        self._has_timer = False

    def add(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        """Send a request with all others of this iteration."""
        self._queue.append(request)
        if not self._will_flush:
            self._will_flush = True
            loop.call_soon(self._flush)
        if not self._has_timer:
            self._has_timer = True
            loop.call_later(self._timeouts.total, self._expire)

    def lose(self, error: BaseException) -> None:
        """Use the link no more."""
        if self._link is not None:
            self._lost(self._link, error)

    def leave(self) -> None:
        """Send nothing more on the link."""
        if self._link is not None and self._link.sent and self._left is None:
            self._left, self._link = self._link, None
            self._on_room()
        else:
            self.lose(ConnectionResetError())

    def close(self) -> None:
        """End all, in the event loop."""
        if self._connecting is not None:
            self._connecting.cancel()
        self._fail(self._queue, ConnectionAbortedError())
        self._queue.clear()
        for link in self._links():
            self._lost(link, ConnectionAbortedError())

    def drop(self) -> None:
        """Close the socket of a loop that will not run again, or is another process's."""
        self._queue.clear()
        for link in self._links():
            link.drop()
            link.sent.clear()

    def _links(self) -> list[Link]:
        return [link for link in (self._left, self._link) if link is not None]

    def _flush(self) -> None:
        self._will_flush = False
        if self._link is not None and not self._link.is_usable():
            self.lose(ConnectionResetError())
        if self._link is not None:
            self._link.send(self._queue)
        elif self._queue and self._connecting is None:
            loop = asyncio.get_running_loop()
            self._connecting = loop.create_task(self._connect(), context=Context())

    def _on_room(self) -> None:
        if self._left is not None and not self._left.sent:
            self._left.close()
            self._left = None
        if self._queue and not self._will_flush:
            self._flush()

    async def _connect(self) -> None:
        try:
            self._link = await self._greeted()
        except BaseException as error:
            waiting = tuple(self._queue)
            self._queue.clear()
            ours = isinstance(error, (OSError, ErrorReply, Misread))
            self._fail(waiting, error if ours else ConnectionAbortedError())
            if not ours:
                raise
        finally:
            self._connecting = None
        self._flush()

    async def _greeted(self) -> Link:
        """Return a new link, to which the server has said that we may come in."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeouts.total):
            talking = await connected(self._server, self._timeouts.connect)
            link = Link(talking, self._server.blocked, self._on_room, self._lost)
            greeting = self._server.greeting
            request = Request(
                loop.create_future(), list(packed(greeting)), len(greeting), 0.0, again=False
            )
            try:
                link.send(deque([request]))
                self._server.check(await request.future)
            except BaseException:
                link.close()
                raise
            return link

    def _lost(self, link: Link, error: BaseException) -> None:
        """Take back what was sent on a link, or let it fail."""
        if link is self._link:
            self._link = None
        if link is self._left:
            self._left = None
        unanswered = link.close()
        again: list[Request] = []
        for request in unanswered:
            if request.again and isinstance(error, OSError) and not isinstance(error, TimeoutError):
                request.begin_anew()
                again.append(request)
            else:
                request.fail(error)
        self._queue.extendleft(reversed(again))
        self._on_room()

    def _expire(self) -> None:
        """Let all fail whose time is over, with their connection if the server says nothing."""
        now = time.monotonic()
        due = now + self._timeouts.total / _LOOKS
        while self._queue and (self._queue[0].is_over or self._queue[0].deadline <= due):
            self._queue.popleft().fail(TimeoutError())
        for link in self._links():
            if link.sent and link.sent[0].deadline <= due:
                if now - link.heard_at > self._timeouts.total / 2:
                    self._lost(link, TimeoutError())
                else:
                    self._fail((r for r in link.sent if r.deadline <= due), TimeoutError())
        self._time_again(now)

    def _time_again(self, now: float) -> None:
        """Look again when the oldest request is over its time, or soon if it is already."""
        sent = [link.sent[0] for link in self._links() if link.sent]
        oldest = sent[0] if sent else self._queue[0] if self._queue else None
        self._has_timer = oldest is not None
        if oldest is not None:
            wait = max(oldest.deadline - now, self._timeouts.total / _LOOKS)
            asyncio.get_running_loop().call_later(wait, self._expire)

    def _fail(self, requests: Iterable[Request], error: BaseException) -> None:
        for request in requests:
            request.fail(error)
