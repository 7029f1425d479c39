"""Files that others name: regular ones, inside one directory, of bounded size."""

import os
import stat
from pathlib import Path
from typing import Final

from cachectl._model.codecs import VALUE_LIMIT
from cachectl.errors import UsageError

_LONGEST_NAME: Final = 80


def regular_file(path: Path) -> Path:
    """Return `path` if it is a readable regular file. Raises `UsageError`."""
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} cannot be read")
    return path


def read_below(directory: Path, name: str) -> bytes:
    """Return the content of a regular file that is below `directory`, wherever links lead.

    Raises `UsageError` for anything else, without waiting for a FIFO or reading a device.
    """
    shown = repr(name[:_LONGEST_NAME])
    try:
        path = os.path.realpath(directory / name, strict=True)
        if not Path(path).is_relative_to(os.path.realpath(directory)):
            raise UsageError(f"the file {shown} is outside of the directory")
        return _read(path, shown)
    except FileNotFoundError:
        raise UsageError(f"the file {shown} does not exist") from None
    except OSError as error:
        raise UsageError(f"the file {shown} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"the file {shown} has an impossible name") from None


def _read(path: str, shown: str) -> bytes:
    with open(path, "rb", opener=_open) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"the file {shown} is not a regular file")
        if status.st_size > VALUE_LIMIT:
            raise UsageError(f"the file {shown} is over {VALUE_LIMIT} bytes")
        return file.read(status.st_size)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
