"""How the tests open a cache on each backend: one that needs settings has a line in `OPTIONS`."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from cachectl import testing
from cachectl._backends import BACKENDS, factory_of
from cachectl._config import Settings, load

PATIENCE = "10s"
"""How long Redis may take where that is not what is tested: tests run beside others."""
OPTIONS: dict[str, Callable[[pytest.FixtureRequest], dict[str, object]]] = {
    "memory": lambda request: {"memory.publish": False},
    "file": lambda request: {"file.directory": request.getfixturevalue("tmp_path") / "cache"},
    "redis": lambda request: {
        "redis.url": request.getfixturevalue("redis_url"),
        "redis.timeout": PATIENCE,
    },
}
WRITABLE = [name for name in BACKENDS if not getattr(factory_of(name), "refusal", "")]
"""The backends that applications can write: what the contract is about."""
SHARED = ("file", "redis")
"""The backends that several processes share."""


def settings(backend: str, **options: object) -> Settings:
    """Return settings that nothing in the environment or the working directory changes."""
    given = {name.replace("__", "."): value for name, value in options.items()}
    return load(overrides={"backend": backend, **given}, environ={"HOME": "/nonexistent"})


def empty_place(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return settings of a cache where nothing is yet, on the backend that is a parameter."""
    options = OPTIONS.get(request.param, lambda request: {})
    return {"backend": request.param, **options(request)}


def having(eviction: str) -> list[str]:
    """Return the backends with this eviction."""
    evictions: dict[str, Collection[str]] = {
        name: factory_of(name).evictions  # type: ignore[attr-defined]
        for name in WRITABLE
    }
    return [name for name, names in evictions.items() if eviction in names]


class Opener(testing.Opener):
    """Opens caches over one place, and says where that is."""

    @property
    def directory(self) -> Path:
        """Where the file backend keeps everything."""
        return Path(str(self.settings["file.directory"]))
