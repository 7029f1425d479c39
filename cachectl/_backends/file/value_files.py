"""Values that are too large for a database row, in files of their own.

A name that was not made here, or that leads anywhere but into the cache directory, is neither
read nor removed.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from cachectl._backends.directory import create_private
from cachectl.errors import BackendError, BackendRefused, DamagedEntry

ROW_LIMIT: Final = 1024 * 1024
"""Bytes up to which a value stays in its row, which is faster; beyond, files are
(`make bench ROW=decision-rows`)."""

_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{28}\.val", re.ASCII)


class ValueFiles:
    """The value files of one cache directory."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._root = Path(directory)

    def write(self, data: bytes) -> str:
        """Write a new file and return its name."""
        name = f"{os.urandom(1).hex()}/{os.urandom(14).hex()}.val"
        path = self._root / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.parent.is_symlink():
            raise BackendRefused(f"{path.parent} is a symbolic link; remove it")
        create_private(path)
        path.write_bytes(data)
        return name

    def read(self, name: str, limit: int = -1) -> bytes:
        """Return the content, or its first `limit` bytes.

        Raises `DamagedEntry` for a name or a kind of file that is not ours, `FileNotFoundError`
        if it is gone.
        """
        try:
            fd = os.open(self._confined(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise DamagedEntry("the row names a link") from None
            raise
        with os.fdopen(fd, "rb", buffering=0) as file:
            return file.read(limit)

    def require(self, name: str) -> None:
        """Raise `BackendError` unless the file is there that was just written: with another directory, it
        is gone.
        """
        if not (self._root / name).exists():
            raise BackendError(f"{self._root} was replaced while a value was written to it")

    def remove(self, name: str) -> None:
        """Remove the file, if the name is ours and it is there."""
        with suppress(OSError, DamagedEntry):
            self._confined(name).unlink()

    def remove_all(self, names: Iterable[str | None]) -> None:
        """Remove the files; None is none."""
        for name in names:
            if name is not None:
                self.remove(name)

    def names(self, older_than: float) -> Iterator[str]:
        """Yield the names of all value files last written before `older_than` (Unix seconds)."""
        for path in self._root.glob("??/*.val"):
            name = str(path.relative_to(self._root))
            with suppress(FileNotFoundError):
                if _NAME.fullmatch(name) and path.lstat().st_mtime < older_than:
                    yield name

    def _confined(self, name: object) -> Path:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise DamagedEntry("the row names a file that is not ours")
        path = self._root / name
        if path.parent.is_symlink():
            raise DamagedEntry("the row names a file behind a symbolic link")
        return path
