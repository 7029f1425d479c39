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


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """Return what an archive has in `.npy` format, of at most so many bytes. Raises `UsageError`."""
    if not member.filename.endswith(SUFFIX):
        raise UsageError("not an array in .npy format")
    if member.compress_type not in _COMPRESSIONS:
        raise UsageError("a compression that .npz does not have")
    if member.file_size > limit:
        raise UsageError(f"an array of more than {limit} bytes")
    try:
        with archive.open(member) as file:
            return file.read(member.file_size)  # without a number, what inflates is unbounded
    except BROKEN:
        raise UsageError("a damaged member of the archive") from None
