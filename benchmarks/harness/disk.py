"""What lies on the disk, and what was written to it."""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOOK_SECONDS: Final = 0.02
_BLOCK: Final = 512


def size(directory: Path) -> int:
    """Return the bytes of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def written() -> int:
    """Return the bytes that this process has had written to a disk; files that are kept in memory are
    not among them.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_oublock * _BLOCK


@dataclass
class Logs:
    """The largest that the write-ahead logs below a directory have been together."""

    largest: int = 0

    def look(self, directory: Path) -> None:
        self.largest = max(self.largest, sum(map(_size, directory.rglob("*-wal"))))


@contextmanager
def watched(directory: Path) -> Iterator[Logs]:
    """Look again and again how large the logs are."""
    logs, ended = Logs(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            logs.look(directory)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield logs
    finally:
        ended.set()
        watcher.join()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # closed meanwhile
        return 0
