"""Exit codes, and which error ends with which."""

import errno
import signal
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from cachectl.errors import (
    BackendBusy,
    BackendError,
    BackendRefused,
    CacheError,
    DamagedEntry,
    UsageError,
)

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Exit(IntEnum):
    """What a command tells its caller."""

    DONE = 0
    BUG = 1
    USAGE = 2
    NOT_FOUND = 3
    PARTLY = 4
    UNAVAILABLE = 5
    REFUSED = 6
    BUSY = 7
    THRESHOLD = 8


class Stop(Exception):
    """Ends the command with a code and, unless it is empty, a message; below it stand, each under its
    name, which cache it is about and what to do.
    """

    def __init__(self, code: int, message: str = "", helps: Mapping[str, str] = NOTHING) -> None:
        super().__init__(message)
        self.code = code
        self.helps = helps


class NotWritten(Exception):
    """What was printed did not arrive."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.reader_left = isinstance(error, BrokenPipeError)


class Interrupted(BaseException):
    """A signal asked the command to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.code = 128 + signum


_CODES: Final[tuple[tuple[type[CacheError], Exit], ...]] = (
    (UsageError, Exit.USAGE),
    (BackendRefused, Exit.REFUSED),
    (BackendBusy, Exit.BUSY),
    (BackendError, Exit.UNAVAILABLE),
    (DamagedEntry, Exit.NOT_FOUND),
)

_REFUSALS: Final = frozenset(
    (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
)
"""What is wrong with a place as long as nobody changes it; the rest may pass by itself."""


def code_of(error: CacheError) -> Exit:
    """Return the exit code for an error of the library."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def code_of_system(error: OSError) -> Exit:
    """Return the exit code for what the system refused."""
    return Exit.REFUSED if error.errno in _REFUSALS else Exit.UNAVAILABLE
