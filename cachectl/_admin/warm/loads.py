"""Calling loader functions, a few at a time."""

import inspect
import threading
from collections.abc import Awaitable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from time import perf_counter
from typing import NamedTuple

from cachectl._admin.warm.records import Load


class Loaded(NamedTuple):
    """What a loader returned, and the microseconds it took."""

    value: object
    load_us: int


class Loads:
    """Loads under way: at most `jobs`, in threads. What is awaitable runs in one event loop."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._running: dict[Future[Loaded], Load] = {}
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="cachectl-warm")
        self._loop: _Loop | None = None
        self._lock = threading.Lock()

    @property
    def full(self) -> bool:
        return len(self._running) == self._jobs

    @property
    def idle(self) -> bool:
        return not self._running

    def start(self, load: Load) -> None:
        """Call the loader in another thread."""
        self._running[self._threads.submit(self._call, load)] = load

    def ended(self) -> list[tuple[Load, "Future[Loaded]"]]:
        """Wait until a load ends, and return all that have."""
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), future) for future in done]

    def close(self) -> None:
        """Start nothing more, and wait for nothing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            self._loop.stop()

    def _call(self, load: Load) -> Loaded:
        started = perf_counter()
        value = load.function(load.key)
        if inspect.isawaitable(value):
            value = self._event_loop().wait_for(value)
        return Loaded(value, round((perf_counter() - started) * 1e6))

    def _event_loop(self) -> "_Loop":
        with self._lock:
            if self._loop is None:
                self._loop = _Loop()
            return self._loop


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
        self._loop = started.result()

    def wait_for(self, awaitable: Awaitable[object]) -> object:
        """Return what it returns, called from another thread."""
        import asyncio

        return asyncio.run_coroutine_threadsafe(_contained(awaitable), self._loop).result()

    def stop(self) -> None:
        """Cancel what runs and end the loop."""
        self._loop.call_soon_threadsafe(self._stopped.set)


async def _contained(awaitable: Awaitable[object]) -> object:
    try:
        return await awaitable
    except SystemExit as error:
        raise CancelledError from error  # it would end the loop, and the other loads would hang
