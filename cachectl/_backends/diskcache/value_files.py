"""Values in files of their own.

A name that diskcache does not give, or that leads out of the directory, is not followed: a row
may have been planted.
"""

import re
from pathlib import Path
from typing import Final

from cachectl._backends.below import content, file_below
from cachectl._model.codecs import VALUE_LIMIT
from cachectl.errors import BackendRefused, DamagedEntry

_NAME: Final = r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val"


def read_file(directory: Path, name: object) -> bytes:
    """Return the content. Raises `FileNotFoundError` if it is gone, `DamagedEntry` for what is
    not a value file, `BackendRefused` for one that is too large.
    """
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise DamagedEntry("its row names a file that diskcache did not make")
    with file_below(None, (str(directory), *name.split("/"))) as (file, size):
        if size > VALUE_LIMIT:
            raise BackendRefused(f"a value of {size} bytes is over {VALUE_LIMIT}, not read")
        return content(file, size)
