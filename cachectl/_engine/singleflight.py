"""Single-flight: one load at a time for each key of a process, over threads and event loops.

The first caller of a key is the leader and loads; those who come meanwhile join, and share what
the load brings, value or exception. Nobody waits for himself: a load that asks for a key which it
is itself loading, directly or through others that wait for it, loads that key on its own.
"""

import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final


class _Call:
    """A load that is under way, and the calls that its leader is waiting for."""

    def __init__(self) -> None:
        self.outcome: Future[Any] = Future()
        self.outcome.set_running_or_notify_cancel()  # a waiter that gives up cannot cancel it
        self.waits_for: list[_Call] = []  # more than once, if several of its tasks wait
        self.thread = threading.get_ident()
        self.invalidated = False  # its key was changed meanwhile: what it brings is not stored

    def depends_on(self, calls: tuple["_Call", ...]) -> bool:
        """Return whether this one can complete only after one of `calls`."""
        return self in calls or any(other.depends_on(calls) for other in self.waits_for)


_ABANDONED: Final = object()  # the leader was cancelled: somebody else must load
_leading: Final[ContextVar[tuple[_Call, ...]]] = ContextVar("_leading", default=())


class SingleFlight:
    """The loads of one namespace. `completed` grows with each that ended."""

    lock: threading.Lock = threading.Lock()  # one for all: a cycle may lead through many namespaces

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self.completed: int = 0
        _all.add(self)

    def invalidate(self, keys: Iterable[str] | None = None) -> None:
        """Let the loads of these keys, or all, complete without being stored: somebody removed
        or replaced the entry after they began.
        """
        for key in list(self._calls) if keys is None else keys:
            call = self._calls.get(key)
            if call is not None:
                call.invalidated = True

    def is_current(self, key: str) -> bool:
        """Return whether what the load of `key` brings may be stored."""
        call = self._calls.get(key)
        return call is None or not call.invalidated

    def run(self, key: str, load: Callable[[], Any]) -> Any:
        """Return what `load` returns, called by this or by a concurrent caller of `key`."""
        while True:
            call, leads = self._join(key, blocking=True)
            if call is None:
                return load()
            if leads:
                with self._lead(key, call):
                    value = load()
                    call.outcome.set_result(value)
                    return value
            with self._waiting(call):
                value = call.outcome.result()
            if value is not _ABANDONED:
                return value

    async def run_async(self, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
        """Do the same without blocking the event loop."""
        import asyncio

        while True:
            call, leads = self._join(key, blocking=False)
            if call is None:
                return await load()
            if leads:
                with self._lead(key, call):
                    value = await load()
                    call.outcome.set_result(value)
                    return value
            with self._waiting(call):
                value = await asyncio.wrap_future(call.outcome)
            if value is not _ABANDONED:
                return value

    def reset(self) -> None:
        """Forget all calls: a forked process does not inherit the threads that lead them."""
        self._calls.clear()

    def _join(self, key: str, *, blocking: bool) -> tuple[_Call | None, bool]:
        """Return the call for `key` and whether to lead it; no call: load alone.

        A caller that blocks its thread does not wait for a task of that thread's event loop.
        """
        with self.lock:
            call = self._calls.get(key)
            if call is None:
                call = self._calls[key] = _Call()
                return call, True
            led = _leading.get()
            if call.depends_on(led) or (blocking and call.thread == threading.get_ident()):
                return None, False
            for own in led:
                own.waits_for.append(call)
            return call, False

    @contextmanager
    def _lead(self, key: str, call: _Call) -> Iterator[None]:
        token = _leading.set((*_leading.get(), call))
        try:
            yield
        except Exception as error:
            call.outcome.set_exception(_shareable(error))
            raise
        finally:
            _leading.reset(token)
            with self.lock:
                self._calls.pop(key, None)
                self.completed += 1
            if not call.outcome.done():
                call.outcome.set_result(_ABANDONED)

    @contextmanager
    def _waiting(self, call: _Call) -> Iterator[None]:
        try:
            yield
        finally:
            with self.lock:
                for own in _leading.get():
                    own.waits_for.remove(call)


def _shareable(error: Exception) -> Exception:
    """Return what waiters raise: a coroutine cannot raise `StopIteration` (PEP 479)."""
    if isinstance(error, StopIteration):
        return RuntimeError("the loader raised StopIteration")
    return error


_all: Final[weakref.WeakSet[SingleFlight]] = weakref.WeakSet()


def _reset_in_child() -> None:
    SingleFlight.lock = threading.Lock()
    for flights in list(_all):
        flights.reset()


os.register_at_fork(after_in_child=_reset_in_child)
