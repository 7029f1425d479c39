"""Which processes use a cache, and what each of them is in: published for those who look from outside.

A small file a process, replaced as a whole whenever something changed. The process holds a lock on
it, which the kernel releases with it: what nobody holds was left by one that ended, and goes.
"""

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cachectl._masking import masked
from cachectl._metrics.private import is_private, opened
from cachectl._metrics.program import this_program
from cachectl._metrics.reports import Application, Status
from cachectl.errors import BackendError

_SUFFIX: Final = ".application"
_DRAFT: Final = ".draft"
_MOST: Final = 1000
"""Files that are looked at."""
_LONGEST: Final = 32 * 1024
"""Bytes of a file, which has two texts and is ASCII."""
_LONGEST_TEXT: Final = 2000
_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "pid": (int,),
    "program": (str,),
    "status": (str,),
    "kind": (str, type(None)),
    "since": (int, float, type(None)),
    "last_error": (str, type(None)),
    "fallback_entries": (int,),
}
_OPEN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

log: Final = logging.getLogger("cachectl")


class Publication:
    """What others see of one cache of this process, in the first directory of those that `places`
    returns. What cannot be published is not: that is no error of anybody.
    """

    def __init__(self, places: Callable[[], Sequence[Path]], state: Callable[[], Status]) -> None:
        self._places = places
        self._state = state
        self._name = self._program = ""
        self._held = -1
        self._path: Path | None = None
        self._shown: Application | None = None

    def show(self) -> None:
        """Publish the state, if it is another than the one that was published."""
        status = self._state()
        self._program = self._program or this_program()[:_LONGEST_TEXT]
        error = status.last_error and status.last_error[:_LONGEST_TEXT]
        shown = Application(
            os.getpid(), self._program, status.status, status.kind, status.since, error,
            status.fallback_entries,
        )  # fmt: skip
        if shown == self._shown and self._is_seen():
            return
        first, self._shown = self._shown is None, shown
        try:
            if first or not self._is_seen():
                self._begin()
            self._write(shown)
        except (OSError, BackendError) as error:
            self._shown = None
            log.debug("what this process is in cannot be published: %s", str(error))

    def withdraw(self) -> None:
        """Publish nothing any more."""
        path, self._path = self._path, None
        if path is not None:
            with suppress(OSError, BackendError):
                with opened(path) as directory:
                    os.unlink(self._name, dir_fd=directory)
                path.rmdir()
        self._release()

    def after_fork_in_child(self) -> None:
        """Leave what was published to the parent."""
        self._release()
        self._path = self._shown = None

    def _is_seen(self) -> bool:
        """Return whether others find what was published, if there is a place for it."""
        if self._path is None:
            return True
        try:
            return os.path.samestat(os.fstat(self._held), (self._path / self._name).lstat())
        except OSError:
            return False

    def _begin(self) -> None:
        """Choose a place, and remove from it what others left."""
        self._name = f"{os.getpid()}-{os.urandom(8).hex()}{_SUFFIX}"
        places = self._places()
        if places:
            places[0].mkdir(mode=0o700, exist_ok=True)
            running(places[:1])
            places[0].mkdir(mode=0o700, exist_ok=True)
            self._path = places[0]

    def _write(self, shown: Application) -> None:
        if self._path is None:
            return
        content = json.dumps(asdict(shown)).encode()
        with opened(self._path) as directory:
            draft = self._name + _DRAFT
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=directory)
            made = os.open(
                draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600, dir_fd=directory
            )
            try:
                fcntl.flock(made, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.write(made, content)
                os.rename(draft, self._name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                os.close(made)
                raise
            self._release()
            self._held = made

    def _release(self) -> None:
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)


def running(places: Sequence[Path]) -> list[Application]:
    """Return the processes that publish there; what others left is removed, and a directory that is
    empty with it.
    """
    found: list[Application] = []
    for path in places:
        try:
            with opened(path) as directory:
                found += _read_all(directory)
            path.rmdir()
        except (OSError, BackendError):  # there is none, or it is not empty, as a rule
            continue
    return sorted(found, key=lambda each: (each.program, each.pid))


def _read_all(directory: int) -> Iterator[Application]:
    with os.scandir(directory) as entries:
        names = (entry.name for entry in entries)
        ours = list(islice((n for n in names if n.endswith((_SUFFIX, _DRAFT))), _MOST))
    for name in ours:
        content = _content(directory, name)
        application = None if content is None else _application(content)
        if application is not None and name.endswith(_SUFFIX):
            yield application


def _content(directory: int, name: str) -> bytes | None:
    """Return what a process published that lives."""
    while True:  # it may replace the file just now
        try:
            file = os.open(name, os.O_RDONLY | _OPEN, dir_fd=directory)
        except OSError:  # gone, a link, or of another user
            return None
        try:
            if not is_private(os.fstat(file)):
                return None
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return os.read(file, _LONGEST)
            if _is_named(file, directory, name):
                os.unlink(name, dir_fd=directory)
                return None
        except OSError:
            return None
        finally:
            os.close(file)


def _is_named(file: int, directory: int, name: str) -> bool:
    """Return whether a file still has this name."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(name, dir_fd=directory))
    except FileNotFoundError:
        return False


def _application(content: bytes) -> Application | None:
    """Return what was published; None for what we did not write."""
    try:
        told: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(told, dict) and all(
        isinstance(told.get(n), kinds) for n, kinds in _FIELDS.items()
    ):
        return Application(**{name: _told(told[name]) for name in _FIELDS})
    return None


def _told(fact: Any) -> Any:
    """Return what may be told of what was published, perhaps by an older version: no secret."""
    return masked(fact) if isinstance(fact, str) else fact
