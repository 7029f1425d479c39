"""What all commands of one call share: the options before the command, the cache, the output."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

from cachectl._cli.output import out
from cachectl._model.deadline import one_call
from cachectl.errors import BackendError, BackendRefused

if TYPE_CHECKING:  # imported where a cache is opened, or spoken of: a version or a help needs none
    from cachectl._admin.context import Context
    from cachectl._backends.protocols import Backend
    from cachectl._config import Settings
    from cachectl._engine.cache import Cache

_TUNING: Final[Mapping[str, Mapping[str, object]]] = {
    "file": {"timeout": 2.0, "puts_aside": ()},
    "redis": {"connect_timeout": 1.0, "timeout": 2.0},  # whatever fails has failed within three
    "memory": {"observe": True},
}
"""Options of backends that are others for the tool than for applications."""


_WAITING: Final = 1.0
"""Seconds of the patience of a call that are gone when all it was to do is done, and it only counts."""


class Chosen(NamedTuple):
    """What the global options say of the cache; None is an option that is not given."""

    config: str | None = None
    backend: str | None = None
    url: str | None = None
    directory: str | None = None


class Session:
    """One call of the tool."""

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen
        self.backend = ""
        """The backend that is asked for, once the configuration is read."""
        self._opened: tuple[Backend, Settings] | None = None

    @contextmanager
    def cache(self, *, writing: bool = False, anew: bool = False) -> Iterator["Cache"]:
        """Open the configured cache for the length of a command, if need be one to be written; or one to be
        begun anew where it is damaged.

        Raises `BackendRefused` before anything is asked, loaded or shown.
        """
        from cachectl._backends.place import COUNTERS, ENTRIES
        from cachectl._config import load
        from cachectl._engine.cache import Cache
        from cachectl._engine.compose import open_backend

        file, backend_name, url, directory = self.chosen
        settings = load(file, backend=backend_name, url=url, directory=directory)
        self.backend = settings.backend
        out.directory = str(settings.backend_options().get("directory", ""))
        if settings.backend == "file":
            _refuse_home_of_another(out.directory)
        tuning = _TUNING.get(settings.backend, {})
        if writing and settings.backend == "file":
            mended = (ENTRIES, COUNTERS) if anew else (COUNTERS,)
            tuning = {**tuning, "puts_aside": mended, "verifies": mended}
        backend = open_backend(settings, clock=time.time, strict=True, tuning=tuning)
        self._opened = backend, settings
        out.cache = self._in_a_line
        cache = Cache(backend, settings, strict=True, follows=True)
        try:
            if writing:
                cache.require_writable()
            yield cache
        finally:
            _close(cache)

    @property
    def context(self) -> "Context":
        """What there is to say of the cache that was opened last."""
        from cachectl._admin.context import Context

        assert self._opened is not None
        return Context(*self._opened)

    def _in_a_line(self) -> str:
        context = self.context
        return out.glyphs.between.join((context.where, context.configuration))


def _close(cache: "Cache") -> None:
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
