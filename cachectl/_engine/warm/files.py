"""Files that others name: regular ones, inside one directory, of bounded size."""

import os
import stat
from pathlib import Path
from typing import Final

from cachectl._backends.below import content, directory_below
from cachectl._model.codecs import VALUE_LIMIT
from cachectl.errors import UsageError

_LONGEST_NAME: Final = 80
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
        path, base = (
            Path(os.path.realpath(directory / name, strict=True)),
            os.path.realpath(directory),
        )
        if not path.is_relative_to(base):
            raise UsageError(f"the file {shown} is outside of the directory")
        *above, last = path.relative_to(base).parts or (".",)
        with directory_below(None, (base, *above)) as opened:  # there are no links, or are since
            return _read(os.open(last, _FILE, dir_fd=opened), shown)
    except FileNotFoundError:
        raise UsageError(f"the file {shown} does not exist") from None
    except OSError as error:
        raise UsageError(f"the file {shown} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"the file {shown} has an impossible name") from None


def _read(descriptor: int, shown: str) -> bytes:
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"the file {shown} is not a regular file")
        if status.st_size > VALUE_LIMIT:
            raise UsageError(f"the file {shown} is over {VALUE_LIMIT} bytes")
        return content(descriptor, status.st_size)
    finally:
        os.close(descriptor)
