"""The eight callers, which are of several kinds. What they choose follows from a seed."""

import _thread
import asyncio
import gc
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any, NoReturn

from cachectl import AsyncCache, Cache
from cachectl._config import Settings
from cachectl._model.coroutines import run
from tests.soak.actions import Lane, Space
from tests.soak.journal import Journal

NAME = "mixed"
LIMIT = 300
"""Entries of the namespace, which is less than is written: some are evicted."""
TASKS = 8
"""Lanes of one event loop."""
HUNG = 20.0
"""Seconds after which a caller or a child is not slow, but hangs."""


class Place:
    """The caches of this process, and the journal of all."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self.settings = settings
        self.journal = journal
        self.cache = Cache.of(settings)
        self.async_cache = AsyncCache.of(settings)
        self.for_threads = space_of(self.cache)
        self.for_tasks = space_of(self.async_cache)


def space_of(cache: Cache | AsyncCache) -> Space:
    """Return the namespace of a cache, and a function that is decorated in it."""
    if isinstance(cache, Cache):

        @cache.cached(NAME, key=lambda key: key)
        def make(key: str) -> object:
            time.sleep(0.002)
            return {"key": key, "number": 0}

        return Space(cache.namespace(NAME, max_entries=LIMIT), make)

    @cache.cached(NAME, key=lambda key: key)
    async def make_in_task(key: str) -> object:
        await asyncio.sleep(0.002)
        return {"key": key, "number": 0}

    return Space(cache.namespace(NAME, max_entries=LIMIT), make_in_task)


class Caller:
    """One of the eight, with choices of its own."""

    def __init__(self, place: Place, seed: str) -> None:
        self.name = f"{type(self).__name__} {seed.rpartition(':')[2]}"
        self.place = place
        self.random = Random(seed)
        self._names = count()

    def lane(self, *, shares: float = 0.5) -> Lane:
        """Return a lane of this caller, with a name and choices that no other has."""
        choices = Random(self.random.random())
        return Lane(f"{self.name}.{next(self._names)}", choices, self.place.journal, shares=shares)

    def work(self, until: float) -> None:
        """Call the cache until then."""
        raise NotImplementedError


class Thread(Caller):
    """A thread that stays."""

    def __init__(self, place: Place, seed: str) -> None:
        super().__init__(place, seed)
        self._lane = self.lane()

    def work(self, until: float) -> None:
        while time.monotonic() < until:
            run(self._lane.act(self.place.for_threads, self._lane.draw()))


class Handler(Caller):
    """The main thread, interrupted by signals whose handler calls the cache as well."""

    def __init__(self, place: Place, seed: str) -> None:
        super().__init__(place, seed)
        self._lane, self._inner = self.lane(), self.lane()
        self._times = Random(self.random.random())

    def work(self, until: float) -> None:
        signal.signal(signal.SIGALRM, self._handle)
        self._arm()
        while time.monotonic() < until:
            run(self._lane.act(self.place.for_threads, self._lane.draw()))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)

    def _handle(self, number: int, frame: object) -> None:
        began = time.perf_counter()
        run(self._inner.act(self.place.for_threads, self._inner.draw()))
        self._lane.was_away(time.perf_counter() - began)
        self._arm()

    def _arm(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._times.uniform(0.0005, 0.01))


class Loop(Caller):
    """Tasks of an event loop; some are cancelled, and some are dropped and collected."""

    def __init__(self, place: Place, seed: str) -> None:
        super().__init__(place, seed)
        self._own = [self.lane() for _ in range(TASKS)]

    def work(self, until: float) -> None:
        asyncio.run(self._work(until))

    async def _work(self, until: float) -> None:
        await asyncio.gather(*(self._follow(lane, until) for lane in self._own), self._drop(until))

    async def _follow(self, lane: Lane, until: float) -> None:
        while time.monotonic() < until:
            action = lane.draw()
            task = asyncio.create_task(lane.act(self.place.for_tasks, action))
            done, _ = await asyncio.wait([task], timeout=action.patience)
            cancelled = not done and task.cancel()
            done, _ = await asyncio.wait([task], timeout=HUNG)
            if not done or (task.cancelled() and not cancelled):
                self.place.journal.complain(f"{lane.name}: {action.kind} ended as {task!r}")

    async def _drop(self, until: float) -> None:
        """Begin what nobody waits for, and collect it; it touches keys that all share."""
        while time.monotonic() < until:
            lane = self.lane(shares=1.0)
            task = asyncio.create_task(lane.act(self.place.for_tasks, lane.draw()))
            await asyncio.sleep(self.random.uniform(0, 0.01))
            del task
            gc.collect()
            await asyncio.sleep(self.random.uniform(0, 0.2))


class ShortLoops(Caller):
    """Event loops that live for a moment; some are closed, or come to rest, under their tasks."""

    def work(self, until: float) -> None:
        resting: list[asyncio.AbstractEventLoop] = []
        while time.monotonic() < until:
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda loop, context: None)  # of tasks that are destroyed
            tasks = [loop.create_task(self._follow(self.lane())) for _ in range(TASKS)]
            loop.run_until_complete(asyncio.sleep(self.random.uniform(0, 0.1)))
            end = self.random.choice(("cancel", "close", "rest"))
            if end == "cancel":
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(asyncio.wait(tasks))
            resting.append(loop)
            for each in [] if end == "rest" else resting:
                each.close()
            resting = resting if end == "rest" else []
            del loop, tasks
            if self.random.random() < 0.5:
                gc.collect()
        for each in resting:
            each.close()

    async def _follow(self, lane: Lane) -> None:
        while True:
            await lane.act(self.place.for_tasks, lane.draw())


class Forks(Caller):
    """A thread that forks; its children call the cache as threads and as tasks, and end somehow:
    where counts outlive their process. What is counted in memory does not.
    """

    def __init__(self, place: Place, seed: str) -> None:
        super().__init__(place, seed)
        in_memory = place.settings.backend == "memory"
        self._ends = ("close",) if in_memory else ("close", "exit", "kill")

    def work(self, until: float) -> None:
        while time.monotonic() < until:
            lane = self.lane(shares=1.0)
            loops, end = self.random.random() < 0.5, self.random.choice(self._ends)
            child = os.fork()
            if child == 0:
                self._live(lane, end, loops=loops)
            self._wait(child, -signal.SIGKILL if end == "kill" else 0)

    def _live(self, lane: Lane, end: str, *, loops: bool) -> NoReturn:
        """Be the child."""
        try:
            for _ in range(10):
                run(lane.act(self.place.for_threads, lane.draw()))
            if loops:
                asyncio.run(self._live_in_loop(lane))
            if end == "close":
                self.place.cache.close()
                asyncio.run(self.place.async_cache.close())
            if end == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing of the parent may go on here
            self.place.journal.complain(f"{lane.name} in a child: {traceback.format_exc()}")
            os._exit(1)

    async def _live_in_loop(self, lane: Lane) -> None:
        for _ in range(10):
            await lane.act(self.place.for_tasks, lane.draw())

    def _wait(self, child: int, code: int) -> None:
        deadline = time.monotonic() + HUNG
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                self.place.journal.complain(f"{self.name}: a child hangs")
                os.kill(child, signal.SIGUSR1)  # it tells where
                time.sleep(1)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return
            time.sleep(0.001)
        if (given := os.waitstatus_to_exitcode(ended[1])) != code:
            self.place.journal.complain(f"{self.name}: a child ended with {given}, not {code}")


class Guests(Caller):
    """Threads that Python did not start, and caches that are opened and dropped."""

    def work(self, until: float) -> None:
        while time.monotonic() < until:
            kind = self.random.choice((self._visit, self._open, self._open_in_loop))
            ended = threading.Lock()
            ended.acquire()
            lane = self.lane(shares=1.0)
            _thread.start_new_thread(self._guarded, (kind, lane, ended))
            if not ended.acquire(timeout=HUNG):
                self.place.journal.complain(f"{lane.name}: {kind.__name__} hangs")

    def _guarded(self, kind: Callable[[Lane], None], lane: Lane, ended: Any) -> None:
        try:
            kind(lane)
        except BaseException:  # noqa: BLE001
            self.place.journal.complain(f"{lane.name}: {traceback.format_exc()}")
        finally:
            ended.release()

    def _visit(self, lane: Lane) -> None:
        for _ in range(10):
            run(lane.act(self.place.for_threads, lane.draw()))

    def _open(self, lane: Lane) -> None:
        space = space_of(Cache.of(self.place.settings))
        for _ in range(10):
            run(lane.act(space, lane.draw()))

    def _open_in_loop(self, lane: Lane) -> None:
        async def live() -> None:
            async with AsyncCache.of(self.place.settings) as cache:
                for _ in range(10):
                    await lane.act(space_of(cache), lane.draw())

        asyncio.run(live())


KINDS = (Handler, Thread, Loop, Loop, ShortLoops, Forks, Forks, Guests)
"""Who calls; the first in the main thread, where signals are handled."""
