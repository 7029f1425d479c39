"""The file of a database, which others may take away, replace or damage while it is open here."""

import os
from pathlib import Path
from typing import Final

from cachectl.errors import BackendError, ErrorKind

Identity = tuple[int, int]
"""Device and inode: which file it is, whatever its name."""


class BegunAnew(BackendError):
    """A database could not be read, and is put aside: what met it may be tried again."""

    kind: ErrorKind = "damaged"


ENTRIES: Final = "cache.db"
COUNTERS: Final = "counters.db"
_MENDED_BY: Final = {ENTRIES: "cachectl clear --all --yes", COUNTERS: "cachectl cleanup"}
"""The command that puts aside a database which cannot be read."""


Log = tuple["Identity | None", ...]
"""Which files are the log of a database, and its index."""


def log_of(path: Path) -> Log:
    """Return what is the log now."""
    return tuple(_identity(f"{path}{suffix}") for suffix in ("-wal", "-shm"))


def _identity(name: str) -> Identity | None:
    try:
        status = os.stat(name)  # noqa: PTH116 - as below
    except OSError:
        return None
    return status.st_dev, status.st_ino


LOG_BYTES: Final = 16 * 1024 * 1024
"""Bytes from which on a log is to begin again: as many as the first block of its index lists."""
LOG_KEPT: Final = LOG_BYTES * 3 // 4
"""Bytes of it that stay then: to write over them is cheaper than to let a file grow."""


class Place:
    """Which file is open in this process, and what became of it; what that means is told once, by who
    asks for `news`.

    What cannot be read is put aside, and begun anew, by those who meet it if it `puts_aside`.
    """

    def __init__(self, path: Path, *, puts_aside: bool) -> None:
        self.path = path
        self.puts_aside = puts_aside
        self._name = os.fspath(path)
        self._log = f"{self._name}-wal"
        self._open: Identity | None = None
        self._news: list[str] = []
        self._told: set[str] = set()

    def file(self) -> Identity | None:
        """Return which file is there now; None if there is none, or it cannot be seen."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 - it is on the path of every write
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def log_bytes(self) -> int:
        """Return the size of the log, of which `LOG_KEPT` stay when it has begun again."""
        try:
            return os.stat(self._log).st_size  # noqa: PTH116 - as above
        except OSError:
            return 0

    def is_mistaken_for(self, file: Identity | None) -> bool:
        """Return whether SQLite takes what is there now for this file, which is another: it compares inodes
        alone, and two devices may have the same, as where a file system in memory is mounted over one.
        """
        found = self.file()
        return (
            file is not None and found is not None and file[0] != found[0] and file[1] == found[1]
        )

    def opened(self, file: Identity | None) -> bool:
        """Take note of the file that is open from now on, and return whether it was another before."""
        before, self._open = self._open, file
        moved = before is not None and before != file
        if not moved:
            return False
        become = "removed" if file is None else "replaced by another"
        self._news.append(
            f"{self.path} was {become} while it was in use: what was written before is not there now"
        )
        return True

    def has_moved(self) -> bool:
        """Look, and return whether what was open is not there any more."""
        return self._open is not None and self.opened(self.file())

    def lost_log(self) -> None:
        """Take note that the log of what is open was taken away."""
        self._news.append(
            f"the log of {self.path} was removed while it was in use: what was written last may be lost"
        )

    def damaged(self, error: Exception, file: Identity | None) -> BackendError:
        """Return our error for one that says that a file cannot be read: `BegunAnew` if it is put aside by
        then, or was by somebody else.
        """
        from cachectl._backends.damage import put_aside  # as a rule nobody needs it

        told, mended_by = f"{self.path} is damaged ({error})", _MENDED_BY[self.path.name]
        if self.file() != file:
            return BegunAnew(told)
        if not self.puts_aside:
            return BackendError(f"{told}; '{mended_by}' puts it aside and begins anew", "damaged")
        try:
            aside = put_aside(self.path, file)
        except OSError as refusal:
            told += f", and cannot be put aside: {refusal.strerror}"
            return BackendError(told, "damaged")
        if aside is not None:
            self._open = None
            self._news.append(
                f"{told}: put aside as {aside.name} and begun anew, what it held is lost;"
                f" sqlite3 '{aside}' .recover shows what can be read of it"
            )
        return BegunAnew(told)

    def tell(self, news: str) -> None:
        """Add to what is told, if it was not told before."""
        if news not in self._told:
            self._told.add(news)
            self._news.append(news)

    def news(self) -> list[str]:
        """Return in words what was found since this was called last."""
        news, self._news = self._news, []
        return news
