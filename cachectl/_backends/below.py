"""Files below a directory, opened step by step: no link is followed, nothing is waited for, and what is
no file of this user is not read.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from cachectl.errors import DamagedEntry

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LINK: Final = frozenset((errno.ELOOP, errno.ENOTDIR))
_NO_FILE: Final = frozenset((errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM))
"""How it fails to open a socket, a device, or what is somebody else's."""
_NOT_OURS: Final = "its row names what is not a file of ours"


@contextmanager
def directory_below(directory: int | None, names: Sequence[str]) -> Iterator[int]:
    """Provide a descriptor of a directory below another, or below the working directory. Raises
    `OSError`.
    """
    at = directory
    with ExitStack() as stack:
        for name in names:
            at = os.open(name, _DIRECTORY, dir_fd=at)
            stack.callback(os.close, at)
        assert at is not None
        yield at


@contextmanager
def file_below(directory: int | None, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Provide a descriptor of a file below a directory, and its size.

    Raises `DamagedEntry` if it is no regular file of this user, `FileNotFoundError` if it is gone.
    """
    try:
        with directory_below(directory, names[:-1]) as parent:
            file = os.open(names[-1], _FILE, dir_fd=parent)
    except OSError as error:
        if error.errno in _LINK:
            raise DamagedEntry("its row names a file behind a symbolic link") from None
        if error.errno in _NO_FILE:
            raise DamagedEntry(_NOT_OURS) from None
        raise
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise DamagedEntry(_NOT_OURS)
        yield file, status.st_size
    finally:
        os.close(file)


def content(file: int, most: int) -> bytes:
    """Return what is in a file from where it is now, so many bytes at most; it is at the next then."""
    found = os.read(file, most)
    while len(found) < most and (more := os.read(file, most - len(found))):
        found += more  # some systems return less than there is
    return found
