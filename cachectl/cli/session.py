"""What all commands of one call share: the options before the command, the cache, the output."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from cachectl.cache import Cache
from cachectl.config import load

_OWN_SETTINGS: Final = {
    "redis.connect_timeout": 1.0,  # seconds: whatever fails has failed within three
    "redis.timeout": 1.5,
    "memory.observe": True,
}


class Session:
    """One call of the tool."""

    def __init__(self, config: str | None, backend: str | None, url: str | None) -> None:
        self._config = config
        if url is not None and backend is None:
            backend = "redis"  # else the URL would be for nothing
        flags = {"backend": backend, "redis.url": url}
        self._overrides: dict[str, object] = {
            name: value for name, value in flags.items() if value is not None
        }

    @contextmanager
    def cache(self) -> Iterator[Cache]:
        """Open the configured cache for the length of a command."""
        settings = load(self._config, overrides={**self._overrides, **_OWN_SETTINGS})
        with Cache.of(settings, strict=True) as cache:
            yield cache


def session(context: typer.Context) -> Session:
    """Return the session that the options before the command made."""
    found: Session = context.obj
    return found
