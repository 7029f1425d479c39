"""What was removed while a backend was away, on a file: for the next process, should this one end first.

Each process has a file of its own, locked while it lives, in a directory of its user alone. A record is
a line that says a checksum of its own. What is no such line is passed over: at worst a removal is
missing, as it would be without the file, and at worst one is done that nobody asked for.
"""

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from xxhash import xxh3_64_hexdigest

from cachectl._backends.fallback.pending import PendingInvalidations
from cachectl._metrics.private import is_private, opened
from cachectl._model.keys import check_key
from cachectl._model.policy import is_namespace
from cachectl.errors import BackendError, InvalidKey

_SUFFIX: Final = ".removed"
_MOST_FILES: Final = 1000
_MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes from which all of a namespace is to be removed, which takes one line more."""
_READ: Final = 2 * _MOST_BYTES
_OPEN: Final = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

log: Final = logging.getLogger("cachectl")


class Journal:
    """What this process removed. `find` returns the directory, which need not exist; None if there can be
    none. Used by one thread at a time.
    """

    def __init__(self, find: Callable[[], Path | None]) -> None:
        self._find = find
        self._file: int | None = None
        self._size = 0
        self._name = ""
        self._everything: set[str] = set()
        self.inherited: Mapping[str, PendingInvalidations] = {}
        """What an ended process left in the file, which goes on with this one: they may be many."""
        self.failed: str | None = None
        """Why it could not be written, if so."""

    @property
    def directory(self) -> Path | None:
        return self._find()

    def note(
        self,
        namespace: str,
        *,
        keys: Iterable[str] = (),
        tags: Iterable[str] = (),
        everything: bool = False,
    ) -> None:
        """Write what was removed; where that fails it is not told to the caller."""
        if namespace in self._everything or self.failed is not None:
            return
        everything = everything or self._size > _MOST_BYTES
        told = ([], []) if everything else (list(keys), list(tags))
        if everything:
            self._everything.add(namespace)
        line = _line([namespace, *told, everything])
        try:
            written = os.write(self._opened(), line)
            self._size += written
            if written < len(line):
                self.failed = "there is no room for it"
        except (OSError, BackendError) as error:
            self.failed = getattr(error, "strerror", None) or str(error)

    def end(self) -> None:
        """Remove what was noted: the backend has been told."""
        path = self._find()
        if self._file is not None and path is not None:
            with suppress(OSError, BackendError), opened(path) as directory:
                _forget(self._name, directory)
            _remove_empty(path)
        self.forget()

    def forget(self) -> None:
        """Leave the file to whoever comes next."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._size, self.failed, self.inherited = None, 0, None, {}
        self._everything.clear()

    @property
    def is_written(self) -> bool:
        """Whether all that was noted outlives this process."""
        return self._file is not None and self.failed is None

    def _opened(self) -> int:
        if self._file is None:
            path = self._find()
            if path is None:
                raise OSError(0, "there is no place for it")
            try:
                self._file = self._made(path)
            except FileNotFoundError:  # whoever had the last file removed the directory just then
                self._file = self._made(path)
        return self._file

    def _made(self, path: Path) -> int:
        path.mkdir(mode=0o700, exist_ok=True)
        with opened(path) as directory:
            return self._left_over(directory) or self._new(directory)

    def _left_over(self, directory: int) -> int | None:
        for name in _names(directory):
            with _locked(directory, name) as file:
                if file is not None and (size := os.fstat(file).st_size) < _MOST_BYTES:
                    self._name, self._size, self.inherited = name, size, _read(file)
                    return os.dup(file)  # which the lock is on as well
        return None

    def _new(self, directory: int) -> int:
        self._name = os.urandom(8).hex() + _SUFFIX
        file = os.open(self._name, _OPEN | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file


def left(path: Path | None) -> bool:
    """Return whether ended processes left anything in a directory."""
    return any(True for _ in taken(path))


def taken(
    path: Path | None,
) -> Iterator[tuple[dict[str, PendingInvalidations], Callable[[], None]]]:
    """Yield what each process that ended had removed, by namespace, and what is to be called once that is
    done. Each is locked meanwhile.
    """
    try:
        if path is None or not path.is_dir():
            return
        with opened(path) as directory:
            for name in _names(directory):
                with _locked(directory, name) as file:
                    if file is not None:
                        yield _read(file), partial(_forget, name, directory)
        _remove_empty(path)
    except (OSError, BackendError) as error:
        log.debug("what was removed during an outage cannot be read in %s: %s", path, str(error))


def _forget(name: str, directory: int) -> None:
    """Remove the file of a process that ended: if that cannot be, all of it is removed once more."""
    with suppress(OSError):  # it is gone already, most often
        os.unlink(name, dir_fd=directory)


def _remove_empty(path: Path) -> None:
    with suppress(OSError):  # others have files there; or it is gone already
        path.rmdir()


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        names = (entry.name for entry in entries if entry.name.endswith(_SUFFIX))
        return list(islice(names, _MOST_FILES))


@contextmanager
def _locked(directory: int, name: str) -> Iterator[int | None]:
    """Hold the file of a process that ended; None for one that is another's, or still in use."""
    try:
        file = os.open(name, _OPEN, dir_fd=directory)
    except OSError:
        yield None
        return
    try:
        yield file if _take(file) else None
    finally:
        os.close(file)


def _take(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    status = os.fstat(file)
    return is_private(status) and status.st_size > 0


def _read(file: int) -> dict[str, PendingInvalidations]:
    found: dict[str, PendingInvalidations] = {}
    damaged = 0
    for line in os.pread(file, _READ, 0).split(b"\n"):
        record = _record(line)
        if record is None:
            damaged += bool(line)
            continue
        namespace, keys, tags, everything = record
        pending = found.setdefault(namespace, PendingInvalidations())
        pending.add_keys(keys)
        for tag in tags:
            pending.add_tag(tag)
        if everything:
            pending.add_everything()
    if damaged:
        log.warning("%d removals that a process noted during an outage cannot be read", damaged)
    return found


def _line(record: list[object]) -> bytes:
    body = json.dumps(record).encode()
    return b"%b %b\n" % (xxh3_64_hexdigest(body).encode(), body)


def _record(line: bytes) -> tuple[str, list[str], list[str], bool] | None:
    digest, _, body = line.partition(b" ")
    if digest != xxh3_64_hexdigest(body).encode():
        return None
    try:
        namespace, keys, tags, everything = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return None
    if not isinstance(namespace, str) or not is_namespace(namespace):
        return None
    if not _are_names(keys) or not _are_names(tags):
        return None
    return namespace, keys, tags, everything is True


def _are_names(found: object) -> bool:
    try:
        return isinstance(found, list) and all(check_key(name) for name in found)
    except InvalidKey:
        return False
