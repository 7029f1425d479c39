"""A thread for what would block an event loop. Never the loop's default executor: an application
fills that with work of its own, and a lookup would wait behind it.
"""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from cachectl._model.deadline import call_began, noted, within
from cachectl._model.loops import running_loop

P = ParamSpec("P")
T = TypeVar("T")

_Job = Callable[[], None]
_Asked = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker:
    """One thread, started when it is first needed, that does one thing after the other.

    Tasks of any number of event loops may use it. One who gives up waiting does not take back what
    he asked for: it is done, and nobody is told. A forked process gets a thread of its own.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queues: dict[int, SimpleQueue[_Job | None]] = {}  # of this process, by its number
        self._asked: dict[Hashable, deque[_Asked]] = {}

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, called in the thread. Who waits before it there counts as
        what it waits for itself.
        """
        loop, began = running_loop(), call_began()
        future: asyncio.Future[T] = loop.create_future()
        job = partial(within, began, function, *args, **kwargs)
        self.submit(lambda: _settle_with(loop, future, job))
        return await noted(future, began)

    async def share(self, what: Hashable, function: Callable[[], T]) -> T:
        """Return what the function returns, called once for all who ask for the same before it begins."""
        loop, began = running_loop(), call_began()
        future: asyncio.Future[T] = loop.create_future()
        asked = self._asked.setdefault(what, deque())
        asked.append((loop, future))
        self.submit(lambda: self._answer_all(what, asked, partial(within, began, function)))
        return await noted(future, began)

    def submit(self, job: _Job) -> None:
        """Let the thread do something, which raises nothing."""
        self._queue().put(job)

    def close(self) -> None:
        """Let the thread end after what it was asked for already."""
        queue = self._queues.pop(os.getpid(), None)
        if queue is not None:
            queue.put(None)

    def after_fork_in_child(self) -> None:
        """Forget the thread, which is the parent's."""
        self._queues.clear()
        self._asked.clear()

    def _answer_all(
        self, what: Hashable, asked: "deque[_Asked]", function: Callable[[], Any]
    ) -> None:
        """Answer all who have asked; there are none if one before this job was for all."""
        self._asked.pop(what, None)  # who comes from here on asks anew, or has a job of his own
        taken = [asked.popleft() for _ in range(len(asked))]
        if not taken:
            return
        value, error = _outcome(function)
        for loop, future in taken:
            tell(loop, partial(settle, future, value, error))

    def _queue(self) -> "SimpleQueue[_Job | None]":
        """Return the queue of the thread. There is no lock, which a fork could find held: of threads
        that are started at once all but one end.
        """
        queue = self._queues.get(os.getpid())
        if queue is None:
            started = self._start()
            queue = self._queues.setdefault(os.getpid(), started)
            if queue is not started:
                started.put(None)
        return queue

    def _start(self) -> "SimpleQueue[_Job | None]":
        queue: SimpleQueue[_Job | None] = SimpleQueue()
        weakref.finalize(self, queue.put, None).atexit = False
        threading.Thread(target=_work, args=(queue,), name=self._name, daemon=True).start()
        return queue


def _work(queue: "SimpleQueue[_Job | None]") -> None:
    while (job := queue.get()) is not None:
        job()
        del job  # or it would keep what it holds alive until there is another


def _settle_with(
    loop: asyncio.AbstractEventLoop,
    future: "asyncio.Future[Any]",
    function: Callable[[], Any],
) -> None:
    tell(loop, partial(settle, future, *_outcome(function)))


def _outcome(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Return what a function returns or raises: either is for the tasks that wait."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001
        return None, error


def tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call back in an event loop, from any thread; nobody waits in one that is closed."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        if not loop.is_closed():
            raise


def settle(future: "asyncio.Future[Any]", value: object, error: BaseException | None) -> None:
    """Let a future have a result, unless whoever waited for it has given up."""
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


CALLS: Final = "cachectl-calls"
"""The name of threads that do what an application's event loop asks for."""
