"""Values that are too large for a database row, in files of their own.

A name that was not made here, or that leads anywhere but into the cache directory, is neither
read nor removed.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cachectl._backends.below import content, directory_below, file_below
from cachectl._metrics.private import opened
from cachectl._model.codecs import VALUE_LIMIT
from cachectl._model.envelope import HEADER_LIMIT, LEAST, head_size
from cachectl.errors import BackendError, BackendRefused, DamagedEntry

ROW_LIMIT: Final = 256 * 1024
"""Bytes of an envelope that are written to a row; from there on files are faster to write and to read
(`make bench ROW=decision-rows`). Earlier versions wrote larger rows, which are read."""

_LARGEST: Final = VALUE_LIMIT + HEADER_LIMIT
_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{28}\.val", re.ASCII)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class ValueFiles:
    """The value files of one cache directory."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._root = Path(directory)

    def write(self, *pieces: bytes) -> str:
        """Write a new file of these pieces and return its name; of one that cannot be written nothing
        is left.
        """
        first, name = os.urandom(1).hex(), f"{os.urandom(14).hex()}.val"
        with self._made(first) as directory:
            file = os.open(name, _NEW, 0o600, dir_fd=directory)
            try:
                with os.fdopen(file, "wb", buffering=0) as stream:
                    _write_all(stream.fileno(), pieces)
            except BaseException:
                os.unlink(name, dir_fd=directory)
                raise
        return f"{first}/{name}"

    def read(self, name: str, size: int) -> tuple[bytes, bytes]:
        """Return the envelope in a file that has so many bytes; its payload apart, so that nobody has to
        copy it to have it alone.

        Raises `DamagedEntry` for a name or a kind of file that is not ours, and for one that is larger,
        `FileNotFoundError` if it is gone.
        """
        with self._opened(name, size) as (file, found):
            head = content(file, LEAST)
            more = head_size(head) - LEAST
            if more > 0:
                head += content(file, more)
            return head, content(file, max(0, found - len(head)))

    def read_head(self, name: str, size: int, limit: int) -> bytes:
        """Return the first `limit` bytes of a file that has `size`. Raises as `read` does."""
        with self._opened(name, size) as (file, _):
            return content(file, limit)

    @contextmanager
    def _opened(self, name: str, size: int) -> Iterator[tuple[int, int]]:
        """Provide a descriptor of a file of so many bytes at most, and how many it has."""
        with opened(self._root) as root, file_below(root, _steps(name)) as (file, found):
            if found > min(size, _LARGEST):
                raise DamagedEntry("the value file is larger than its row says")
            yield file, found

    def require(self, name: str) -> None:
        """Raise `BackendError` unless the file is there that was just written: with another directory, it
        is gone.
        """
        if not (self._root / name).exists():
            raise BackendError(f"{self._root} was replaced while a value was written to it")

    def remove(self, name: str) -> None:
        """Remove the file, if the name is ours and it is there."""
        with suppress(OSError, DamagedEntry, BackendRefused):
            first, last = _steps(name)
            with opened(self._root) as root, directory_below(root, (first,)) as directory:
                os.unlink(last, dir_fd=directory)

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

    @contextmanager
    def _made(self, first: str) -> Iterator[int]:
        """Provide a directory for value files, made if there is none. Raises `BackendRefused`."""
        with opened(self._root) as root:
            with suppress(FileExistsError):
                os.mkdir(first, 0o700, dir_fd=root)
                os.chmod(first, 0o700, dir_fd=root)  # whatever the umask
            try:
                with directory_below(root, (first,)) as directory:
                    yield directory
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                path = self._root / first
                raise BackendRefused(f"{path} is no directory: rm {path}") from None


def _steps(name: object) -> list[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DamagedEntry("the row names a file that is not ours")
    return name.split("/")


def _write_all(file: int, pieces: Sequence[bytes]) -> None:
    rest = [memoryview(piece) for piece in pieces if piece]
    while rest:
        written = os.writev(file, rest)
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if rest:
            rest[0] = rest[0][written:]
