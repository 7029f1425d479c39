"""Opening caches in tests: many over one place, and nothing else in the world has a say in it."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from cachectl._config import load
from cachectl._engine.async_cache import AsyncCache
from cachectl._engine.cache import Cache
from cachectl.testing.awaited import Awaited, EventLoop

ENVIRONMENT: Final = {"HOME": "/nonexistent", "CACHECTL_CONFIG": os.devnull}
"""Variables that make nothing outside of a test configure its caches."""


class Opener:
    """Opens caches over one place: one directory, one server, or each its own memory.

    `settings` have dotted names: `{"backend": "file", "file.directory": path}`. With the engine
    "tasks" each is an `AsyncCache`, whose methods are awaited behind the caller's back.
    """

    def __init__(
        self, settings: Mapping[str, object], clock: Callable[[], float], engine: str = "threads"
    ) -> None:
        self.settings: dict[str, object] = dict(settings)
        self.engine: str = engine
        self._clock = clock
        self._opened: list[Cache] = []
        self._loop: EventLoop | None = None

    def __call__(self, *, strict: bool = True, **more: object) -> Cache:
        """Open another cache; of `more` settings, `redis__url=` is that of `redis.url`."""
        named = {name.replace("__", "."): value for name, value in more.items()}
        settings = load(overrides=self.settings | named, environ=ENVIRONMENT)
        kind = Cache if self.engine == "threads" else AsyncCache
        opened: Any = kind.of(settings, clock=self._clock, strict=strict)
        if isinstance(opened, AsyncCache):
            self._loop = self._loop or EventLoop()
            opened = Awaited(opened, self._loop)
        self._opened.append(opened)
        return self._opened[-1]

    @property
    def backend(self) -> str:
        """The name of the backend."""
        return str(self.settings["backend"])

    def close(self) -> None:
        """Close all that was opened."""
        for opened in self._opened:
            opened.close()
        if self._loop is not None:
            self._loop.close()
