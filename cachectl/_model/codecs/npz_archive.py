"""Archives of arrays, `.npz`: what is in them is read within bounds, whatever they say of it."""

import zipfile
import zlib
from typing import Final

from cachectl.errors import UsageError

SUFFIX: Final = ".npy"
"""What the name of a member ends with."""
BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)
"""What `zipfile` raises for an archive that is damaged or encrypted."""
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_INFLATED: Final = 100
"""How many times its size something may become; zeros would a thousand times."""
_SMALL: Final = 16 * 1024 * 1024
"""Bytes that anything may become."""


def most_inflated(size: int) -> int:
    """Return how many bytes may come of so many that are compressed."""
    return max(_SMALL, _INFLATED * size)


def members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return what is in an archive. Raises `UsageError` if it says that this is more than it is large."""
    found = archive.infolist()
    if sum(member.compress_size for member in found) > archive.start_dir:
        raise UsageError("an archive whose members overlap")
    return found


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """Return what an archive has in `.npy` format, of at most so many bytes. Raises `UsageError`."""
    if not member.filename.endswith(SUFFIX):
        raise UsageError("not an array in .npy format")
    if member.compress_type not in _COMPRESSIONS:
        raise UsageError("a compression that .npz does not have")
    if member.file_size > limit:
        raise UsageError(f"an array of more than {limit} bytes")
    if member.file_size > most_inflated(member.compress_size):
        raise UsageError(
            f"an array that becomes more than {_INFLATED} times as large: use numpy.savez"
        )
    try:
        with archive.open(member) as file:
            return file.read(member.file_size)  # without a number, what inflates is unbounded
    except BROKEN:
        raise UsageError("a damaged member of the archive") from None
