"""Calling loader functions, a few at a time."""

import inspect
import threading
from collections.abc import Awaitable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from cachectl._engine.warm.records import Load
from cachectl._model.records import Lease

if TYPE_CHECKING:
    import asyncio


class Loaded(NamedTuple):
    """What a loader returned, and the microseconds it took."""

    value: object
    load_us: int


class Loads:
    """Loads under way: at most `jobs`, in threads. What is awaitable runs in one event loop: that
    of the caller, which goes on meanwhile, or one in a thread of its own.
    """

    def __init__(self, jobs: int, loop: "asyncio.AbstractEventLoop | None") -> None:
        self._jobs = jobs
        self._running: dict[Future[Loaded], tuple[Load, Lease]] = {}
        self._caller_loop = loop
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="cachectl-warm")
        self._loop: _Loop | None = None
        self._lock = threading.Lock()

    @property
    def full(self) -> bool:
        return len(self._running) == self._jobs

    @property
    def idle(self) -> bool:
        return not self._running

    def start(self, load: Load, lease: Lease) -> None:
        """Call the loader in another thread; the lease is of its key."""
        self._running[self._threads.submit(self._call, load)] = load, lease

    def ended(self) -> list[tuple[Load, Lease, "Future[Loaded]"]]:
        """Wait until a load ends, and return all that have."""
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        return [(*self._running.pop(future), future) for future in done]

    def close(self) -> list[tuple[Load, Lease]]:
        """Start nothing more, wait for nothing, and return what has not ended."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            self._loop.stop()
        return list(self._running.values())

    def _call(self, load: Load) -> Loaded:
        started = perf_counter()
        value = load.function(load.key)
        if inspect.isawaitable(value):
            value = self._wait_for(value)
        return Loaded(value, round((perf_counter() - started) * 1e6))

    def _wait_for(self, awaitable: Awaitable[object]) -> object:
        if self._caller_loop is not None:
            return _result(awaitable, self._caller_loop)
        with self._lock:
            if self._loop is None:
                self._loop = _Loop()
        return _result(awaitable, self._loop.loop)


class _Loop:
    """An event loop in a thread of its own, so that loaders may share connections."""

    def __init__(self) -> None:
        import asyncio

        started: Future[asyncio.AbstractEventLoop] = Future()
        self._stopped = asyncio.Event()

        async def serve() -> None:
            started.set_result(asyncio.get_running_loop())
            await self._stopped.wait()

        threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
        self.loop = started.result()

    def stop(self) -> None:
        """Cancel what runs and end the loop."""
        self.loop.call_soon_threadsafe(self._stopped.set)


def _result(awaitable: Awaitable[object], loop: "asyncio.AbstractEventLoop") -> object:
    """Return what is awaited in a loop of another thread."""
    import asyncio

    return asyncio.run_coroutine_threadsafe(_contained(awaitable), loop).result()


async def _contained(awaitable: Awaitable[object]) -> object:
    try:
        return await awaitable
    except SystemExit as error:
        raise CancelledError from error  # it would end the loop, and the other loads would hang
