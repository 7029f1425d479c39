"""Room on the disk of a cache: what is kept for the time when there is none, and why there is none.

Whatever removes from a database has to write first: SQLite appends to its log, and makes an index for
that. A step of few entries takes a third of what is kept here. The log can only begin again once it is in
the database: as much is kept as that has yet to grow for it.
"""

import errno
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from cachectl._backends.directory import create_private, is_marked
from cachectl._model.batches import BATCH

FEW: Final = 16
"""Entries that are removed in one step where there is no room: rows far apart take 330 KB of the log."""
_BYTES: Final = 1024 * 1024
_LEAST: Final = 128 * 1024
_FILES: Final = 4
"""Files that are kept: for as many others, where nothing is left but the number of files."""
_NEEDED: Final = 64 * 1024
"""Bytes that are tried to find out whether there is room."""
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Room:
    """What a cache keeps in its directory. `most` is how many entries are to be removed in one step."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "reserve"
        self.most: int = BATCH

    def keep(self, growth: int = 0) -> None:
        """Set aside what is needed by a database that has yet to grow by so much, or what there is."""
        self.most = BATCH
        size = _BYTES + growth + -growth % _BYTES
        first = self._path / "0"
        with suppress(OSError):
            if first.lstat().st_size == size:
                return
        if not is_marked(self._directory):  # any more
            return
        with suppress(OSError):
            self._path.mkdir(mode=0o700, exist_ok=True)
            for number in range(_FILES):
                create_private(self._path / str(number))
        while size >= _LEAST and not _resized(first, size):
            size //= 2

    def give(self) -> None:
        """Let go of it, for steps of few entries."""
        self.most = FEW
        with suppress(OSError):
            for path in list(self._path.iterdir()):
                path.unlink()
            self._path.rmdir()


def why_unwritable(directory: Path) -> OSError | None:
    """Return the error with which the system refuses to write there, if it does; or may refuse it to
    this process, beyond some size.
    """
    if not is_marked(directory):
        return None
    path = directory / f"{os.urandom(8).hex()}.try"
    try:
        create_private(path)
        _resize(path, _NEEDED)
    except OSError as error:
        return error
    finally:
        with suppress(OSError):
            path.unlink()
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        return OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return None


def is_forbidden(error: OSError) -> bool:
    """Return whether an error says that this user, or nobody, may write there."""
    return error.errno in _FORBIDDEN


def is_full(error: OSError) -> bool:
    """Return whether an error says that there is no room, or no more for this user or process."""
    return error.errno in _NO_ROOM


def free_bytes(directory: Path) -> int:
    """Return the bytes that this user may still write there."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def _resized(path: Path, size: int) -> bool:
    with suppress(OSError):
        _resize(path, size)
        return True
    return False


def _resize(path: Path, size: int) -> None:
    """Let a file have so many bytes, with room for them. Raises `OSError`, and has as many as before."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor).st_size
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.pwrite(descriptor, bytes(max(0, size - before)), before)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)
