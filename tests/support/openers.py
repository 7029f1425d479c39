"""How the tests open a cache on each backend: a new backend needs one line in `OPTIONS`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cachectl import Cache
from cachectl._backends import BACKENDS, factory_of
from cachectl._config import Settings, load

OPTIONS: dict[str, Callable[[pytest.FixtureRequest], dict[str, object]]] = {
    "memory": lambda request: {"memory.publish": False},
    "file": lambda request: {"file.directory": request.getfixturevalue("tmp_path") / "cache"},
    "redis": lambda request: {"redis.url": request.getfixturevalue("redis_url")},
}
WRITABLE = [name for name in BACKENDS if not getattr(factory_of(name), "refusal", "")]
"""The backends that applications can write: what the contract is about."""
SHARED = ("file", "redis")
"""The backends that several processes share."""


def settings(backend: str, **options: object) -> Settings:
    """Return settings that nothing in the environment or the working directory changes."""
    given = {name.replace("__", "."): value for name, value in options.items()}
    return load(overrides={"backend": backend, **given}, environ={"HOME": "/nonexistent"})


class Opener:
    """Opens caches over one place: one directory, one server, or each its own memory."""

    def __init__(
        self, backend: str, options: dict[str, object], clock: Callable[[], float]
    ) -> None:
        self.backend = backend
        self.overrides = {"backend": backend, **options}
        self._options = options
        self._clock = clock
        self._opened: list[Cache] = []

    def __call__(self, *, strict: bool = True, **options: object) -> Cache:
        opened = Cache.of(
            settings(self.backend, **self._options, **options), clock=self._clock, strict=strict
        )
        self._opened.append(opened)
        return opened

    @property
    def directory(self) -> Path:
        """Where the file backend keeps everything."""
        directory = self._options["file.directory"]
        assert isinstance(directory, Path)
        return directory

    def close(self) -> None:
        for opened in self._opened:
            opened.close()
