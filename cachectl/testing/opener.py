"""Opening caches in tests: many over one place, and nothing else in the world has a say in it."""

import os
from collections.abc import Callable, Mapping
from typing import Final

from cachectl._config import load
from cachectl._engine.cache import Cache

ENVIRONMENT: Final = {"HOME": "/nonexistent", "CACHECTL_CONFIG": os.devnull}
"""Variables that make nothing outside of a test configure its caches."""


class Opener:
    """Opens caches over one place: one directory, one server, or each its own memory.

    `settings` have dotted names: `{"backend": "file", "file.directory": path}`.
    """

    def __init__(self, settings: Mapping[str, object], clock: Callable[[], float]) -> None:
        self.settings: dict[str, object] = dict(settings)
        self._clock = clock
        self._opened: list[Cache] = []

    def __call__(self, *, strict: bool = True, **more: object) -> Cache:
        """Open another cache; of `more` settings, `redis__url=` is that of `redis.url`."""
        named = {name.replace("__", "."): value for name, value in more.items()}
        settings = load(overrides=self.settings | named, environ=ENVIRONMENT)
        opened = Cache.of(settings, clock=self._clock, strict=strict)
        self._opened.append(opened)
        return opened

    @property
    def backend(self) -> str:
        """The name of the backend."""
        return str(self.settings["backend"])

    def close(self) -> None:
        """Close all that was opened."""
        for opened in self._opened:
            opened.close()
