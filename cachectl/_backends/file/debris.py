"""Value files that belong to no entry: their processes were killed before they could say so.

Who writes a value file holds a lock until its row is written, too. So what is there while nobody holds
it has its row, or never gets one.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cachectl._backends.directory import MARKER
from cachectl._backends.file.value_files import ValueFiles

_ABANDONED: Final = 3600.0
"""Seconds after which nobody writes a file any more, whether or not others are written."""


@contextmanager
def being_written(directory: Path) -> Iterator[None]:
    """Let no file that is written in here be taken for debris."""
    with _locked(directory, fcntl.LOCK_SH):
        yield


def candidates(directory: Path, files: ValueFiles) -> list[str]:
    """Return the names of files that are debris unless there is a row with them."""
    with _locked(directory, fcntl.LOCK_EX | fcntl.LOCK_NB) as nobody_writes:
        before = float("inf") if nobody_writes else time.time() - _ABANDONED
        return list(files.names(older_than=before))


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[bool]:
    """Hold a lock, and provide whether that could be had."""
    descriptor = os.open(directory / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        locked = False
        with suppress(OSError):  # somebody has it, or there are no locks here
            fcntl.flock(descriptor, how)
            locked = True
        yield locked
    finally:
        os.close(descriptor)
