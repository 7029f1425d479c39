"""One namespace of a directory as tasks use it: short reads in the event loop, what may take longer
in threads.
"""

import asyncio
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from time import perf_counter
from typing import Final, ParamSpec, TypeVar

from cachectl._backends.file.budget import Budget
from cachectl._backends.file.store import FAR, FileStore
from cachectl._backends.file.value_files import ROW_LIMIT
from cachectl._backends.file.write_queue import WriteQueue
from cachectl._backends.in_thread import InThread
from cachectl._backends.worker import CALLS, Worker
from cachectl._model.entry import Entry
from cachectl._model.loops import no_loop
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    Item,
    Lease,
    Removed,
    Written,
)

P = ParamSpec("P")
T = TypeVar("T")

_THREADS: Final = 2
"""How many threads read what is large, or slow to come."""


class Tasks:
    """What the tasks of one backend share: threads that read, the thread that writes, and what each
    event loop may spend on reading.
    """

    def __init__(self, timeout: float) -> None:
        self.writes = WriteQueue(Worker(CALLS), timeout)
        self._readers = [Worker(CALLS) for _ in range(_THREADS)]
        self._next = cycle(self._readers)
        self._budgets: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Budget] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def reader(self) -> Worker:
        """A thread that reads."""
        return next(self._next)

    def budget(self) -> Budget:
        """Return what this event loop may spend."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise no_loop() from None
        budget = self._budgets.get(loop)
        if budget is None:
            budget = self._budgets[loop] = Budget()
        return budget

    def close(self, seconds: float) -> None:
        """Let the threads end, after waiting so long at most for what is to be written."""
        self.writes.close(seconds)
        for reader in self._readers:
            reader.close()

    def after_fork_in_child(self) -> None:
        self.writes.after_fork_in_child()
        for reader in self._readers:
            reader.after_fork_in_child()
        self._budgets.clear()


class FileTaskStore(InThread):
    """One namespace."""

    def __init__(self, store: FileStore, tasks: Tasks) -> None:
        super().__init__(store, tasks.reader)  # which lists
        self._files = store
        self._tasks = tasks

    async def fetch(self, key: str, now: float) -> Entry | None:
        return await self._read(self._files.get_near, self._files.get, key, now)

    async def peek(self, key: str) -> Entry | None:
        return await self._read(self._files.peek_near, self._files.peek, key)

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        writes = self._tasks.writes
        if condition is None:
            return await writes.put(self._files, items, limits, now)
        if isinstance(condition, Lease) and len(items) == 1 and items[0].entry.size <= ROW_LIMIT:
            return await writes.put_loaded(self._files, items[0], condition, limits, now)
        return await writes.call(self._files.put, items, limits, now, condition)

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        return await self._tasks.writes.lease(self._files, key, tags, now)

    async def release(self, lease: Lease) -> None:
        await self._tasks.writes.call(self._files.release, lease)

    async def remove(self, keys: Iterable[str]) -> Removed:
        return await self._tasks.writes.call(self._files.remove, list(keys))

    async def remove_expired(self, key: str, now: float) -> Removed:
        reader = self._tasks.reader  # not behind writes: a lookup waits for none of them
        return await reader.call(self._files.remove_expired, key, now)

    async def remove_tagged(self, tag: str) -> Removed:
        return await self._tasks.writes.call(self._files.remove_tagged, tag)

    async def clear(self) -> Removed:
        return await self._tasks.writes.call(self._files.clear)

    async def cleanup(self, rule: CleanupRule) -> CleanupStep:
        return await self._tasks.writes.call(self._files.cleanup, rule)

    async def flush(self) -> None:
        await self._tasks.writes.call(self._files.flush)

    async def _read(
        self,
        near: Callable[P, Entry | None],
        anywhere: Callable[P, Entry | None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Entry | None:
        """Return what `near` returns, called in the event loop if that has time for it, or else
        `anywhere`, called in a thread.
        """
        budget = self._tasks.budget()
        if budget.is_spent:
            await budget.turn()
        began = perf_counter()
        if budget.allows(began):
            found = near(*args, **kwargs)
            ended = perf_counter()
            budget.spend(ended - began, ended)
            if found is not FAR:
                return found
        return await self._tasks.reader.call(anywhere, *args, **kwargs)
