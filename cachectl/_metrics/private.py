"""Directories of this user alone, on which processes meet."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cachectl.errors import BackendRefused


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Provide a descriptor of a directory. Raises `OSError`, and `BackendRefused` unless it belongs to
    this user and is closed to all others.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(directory)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise BackendRefused(f"{path} is not a directory of this user alone")
        yield directory
    finally:
        os.close(directory)


def is_private(status: os.stat_result) -> bool:
    """Return whether something is a file of this user that nobody else can open."""
    ours = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return ours and stat.S_ISREG(status.st_mode) and status.st_nlink == 1
