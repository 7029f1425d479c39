"""Stores of the Redis backend, as blocking code of a test calls them."""

from collections.abc import Callable, Iterator
from typing import Any

from cachectl._backends.protocols import AsyncStore, Backend
from cachectl._model.coroutines import iterate, run
from cachectl._model.records import EntryInfo


class Blocking:
    """A store for threads: each method does what it does at once."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store
        self.get = store.get

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        return iterate(self._store.scan(tag))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)
        return lambda *arguments: run(method(*arguments))


def blocking(backend: Backend, namespace: str) -> Blocking:
    """Return the namespace of a backend."""
    return Blocking(backend.store_for_threads(namespace))
