"""Entries in this process: live values.

The counters live in the process too; each cache object has its own. Both are also published on
a `Board`, so that the command line can see an application at work.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from cachectl.backends import Usage
from cachectl.backends.counterdb import CounterDatabase
from cachectl.backends.memory.board import Board
from cachectl.backends.memory.store import MemoryStore
from cachectl.counters import Batch, CounterStore, Counts, Window
from cachectl.errors import BackendBusy

__all__ = ["MemoryBackend", "MemoryStore"]


class MemoryBackend:
    """Namespaces in this process.

    `publish` shows counters and usage to other processes under `name`; with `observe` it is
    those that are reported, of every process that published, instead of this one's.
    """

    name: ClassVar[str] = "memory"
    live: ClassVar[bool] = True

    def __init__(
        self,
        *,
        name: str = "default",
        publish: bool = False,
        observe: bool = False,
    ) -> None:
        self._stores: dict[str, MemoryStore] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._counts = CounterDatabase(None)
        self._board = Board(name) if publish or observe else None
        self._observe = observe

    @property
    def counters(self) -> CounterStore:
        return self

    def add(self, batch: Batch) -> None:
        self._counts.add(batch)
        if self._board and not self._observe:
            self._board.publish(batch, self._own_usage())

    def read(self, window: Window) -> dict[str, Counts]:
        if self._board and self._observe:
            return self._board.read(window)
        return self._counts.read(window)

    def store(self, namespace: str) -> MemoryStore:
        with self._lock:
            return self._stores.setdefault(namespace, MemoryStore())

    def usage(self) -> Mapping[str, Usage]:
        if self._board and self._observe:
            return self._board.usage()
        return self._own_usage()

    def check(self) -> None:
        """Do nothing: this process can be reached."""

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(blocking=False):
            raise BackendBusy(f"another {name} is running")
        try:
            yield
        finally:
            lock.release()

    def compact(self) -> None:
        """Do nothing: memory is given back as entries go."""

    def before_fork(self) -> None:
        self._lock.acquire()
        for store in self._stores.values():
            store.lock.acquire()
        self._counts.before_fork()

    def after_fork_in_parent(self) -> None:
        self._counts.after_fork_in_parent()
        for store in self._stores.values():
            store.lock.release()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self._locks = {}
        self._counts.after_fork_in_child()
        for store in self._stores.values():
            store.after_fork_in_child()

    def close(self) -> None:
        if self._board and not self._observe:
            self._board.withdraw()
        self._counts.close()
        self._stores.clear()

    def _own_usage(self) -> dict[str, Usage]:
        with self._lock:
            return {name: store.usage() for name, store in self._stores.items()}
