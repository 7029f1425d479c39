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
from cachectl._backends.file_lock import wait_for_lock
from cachectl._backends.sqlite import Patience

_ABANDONED: Final = 3600.0
"""Seconds after which nobody writes a file any more, whether or not others are written."""


@contextmanager
def being_written(directory: Path, patience: Patience) -> Iterator[None]:
    """Let no file that is written in here be taken for debris. Raises `BackendBusy`."""
    with _opened(directory) as marker:
        with suppress(OSError):  # there are no locks here
            wait_for_lock(marker, "the value files", patience, fcntl.LOCK_SH)
        yield


def candidates(directory: Path, files: ValueFiles) -> list[str]:
    """Return the names of files that are debris unless there is a row with them."""
    with _opened(directory) as marker:
        before = time.time() - _ABANDONED
        with suppress(OSError):  # somebody writes, or there are no locks here
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            before = float("inf")
        return list(files.names(older_than=before))


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
