"""Values in files of their own.

A name that diskcache does not give, or that leads out of the directory, is not followed: a row
may have been planted.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from cachectl._model.codecs import VALUE_LIMIT
from cachectl.errors import BackendRefused, DamagedEntry

_NAME: Final = r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val"
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(directory: Path, name: object) -> bytes:
    """Return the content. Raises `FileNotFoundError` if it is gone, `DamagedEntry` for what is
    not a value file, `BackendRefused` for one that is too large.
    """
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise DamagedEntry("its row names a file that diskcache did not make")
    try:
        with _opened(directory, name.split("/")) as descriptor:
            return _content(descriptor)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise DamagedEntry("its row names a file behind a symbolic link") from None
        raise


@contextmanager
def _opened(directory: Path, names: list[str]) -> Iterator[int]:
    """Open a file, following no link below the directory."""
    with ExitStack() as stack:
        parent = os.open(directory, _DIRECTORY)
        stack.callback(os.close, parent)
        for name in names:
            flags = _FILE if name is names[-1] else _DIRECTORY
            parent = os.open(name, flags, dir_fd=parent)
            stack.callback(os.close, parent)
        yield parent


def _content(descriptor: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise DamagedEntry("its row names something that is not a file")
    if status.st_size > VALUE_LIMIT:
        raise BackendRefused(f"a value of {status.st_size} bytes is over {VALUE_LIMIT}, not read")
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(VALUE_LIMIT)
