"""What all commands of one call share: the options before the command, the cache, the output."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer

from cachectl._backends.place import COUNTERS, ENTRIES
from cachectl._cli.output import out
from cachectl._config import load
from cachectl._engine.cache import Cache
from cachectl._engine.compose import open_backend
from cachectl._model.deadline import one_call
from cachectl.errors import BackendError, BackendRefused

_TUNING: Final[Mapping[str, Mapping[str, object]]] = {
    "file": {"timeout": 2.0, "puts_aside": ()},
    "redis": {"connect_timeout": 1.0, "timeout": 2.0},  # whatever fails has failed within three
    "memory": {"observe": True},
}
"""Options of backends that are others for the tool than for applications."""


_WAITING: Final = 1.0
"""Seconds of the patience of a call that are gone when all it was to do is done, and it only counts."""


class Session:
    """One call of the tool."""

    def __init__(
        self, config: str | None, backend: str | None, url: str | None, directory: str | None
    ) -> None:
        self._config = config
        self._backend = backend
        self._url = url
        self._directory = directory
        self.about = ""
        """Which cache was opened: its backend, its place, and what says so."""

    @contextmanager
    def cache(self, *, writing: bool = False, anew: bool = False) -> Iterator[Cache]:
        """Open the configured cache for the length of a command, if need be one to be written; or one to be
        begun anew where it is damaged.

        Raises `BackendRefused` before anything is asked, loaded or shown.
        """
        settings = load(
            self._config, backend=self._backend, url=self._url, directory=self._directory
        )
        out.directory = str(settings.backend_options().get("directory", ""))
        if settings.backend == "file":
            _refuse_home_of_another(out.directory)
        tuning = _TUNING.get(settings.backend, {})
        if writing and settings.backend == "file":
            mended = (ENTRIES, COUNTERS) if anew else (COUNTERS,)
            tuning = {**tuning, "puts_aside": mended, "verifies": mended}
        backend = open_backend(settings, clock=time.time, strict=True, tuning=tuning)
        said_by = settings.source or "no configuration file"
        self.about = (
            ", ".join(filter(None, ("on " + backend.name, backend.place))) + f" ({said_by})"
        )
        cache = Cache(backend, settings, strict=True, follows=True)
        try:
            if writing:
                cache.require_writable()
            yield cache
        finally:
            _close(cache)


def _close(cache: Cache) -> None:
    """Count what was done, and close. What cannot be counted is said; what was done stays done."""
    try:
        with one_call(time.monotonic() - _WAITING):
            cache.close()
    except BackendError as error:
        out.note(f"cachectl: not counted: {error}")


def _refuse_home_of_another(directory: str) -> None:
    """Raise `BackendRefused` where files of ours would lock somebody out of his own home, as with sudo."""
    home = Path(os.environ.get("HOME") or "/")
    owner = home.stat().st_uid if home.is_dir() else 0
    if owner not in (0, os.geteuid()) and Path(directory).is_relative_to(home):
        whose = f"{directory} is in the home of another user (uid {owner})"
        raise BackendRefused(f"{whose}; use sudo -H, sudo -u '#{owner}', or --directory")


def session(context: typer.Context) -> Session:
    """Return the session that the options before the command made."""
    found: Session = context.obj
    return found
