"""The file of a slot, while this process holds it."""

import fcntl
import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from cachectl._metrics.private import is_private
from cachectl._metrics.slots.layout import SIZE

_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SlotFile:
    """A file that is mapped into memory, and locked: no other process takes it as long as this one
    lives, or until it is released.

    The lock is on a descriptor of its own, which a forked child closes. That of the mapping, which
    Python keeps with it, may live on in the child.
    """

    def __init__(self, directory: int, name: str, lock: int) -> None:
        """Raises `OSError`."""
        self.name: str = name
        self._lock = lock
        descriptor = os.open(name, _OPEN, dir_fd=directory)
        try:
            if not os.path.samestat(os.fstat(descriptor), os.fstat(lock)):
                raise OSError(f"the slot {name} was replaced")
            self.memory: mmap.mmap = mmap.mmap(descriptor, SIZE)
        finally:
            os.close(descriptor)
        self.words: memoryview[int] = memoryview(self.memory).cast("q")
        self.doubles: memoryview[float] = memoryview(self.memory).cast("d")

    @classmethod
    def create(cls, directory: int, name: str) -> Self:
        """Make an empty file that only this user can open. Raises `OSError`."""
        lock = os.open(name, _OPEN | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of one that is empty, others let go at once
            os.ftruncate(lock, SIZE)
            return cls(directory, name, lock)
        except BaseException:
            os.unlink(name, dir_fd=directory)
            os.close(lock)
            raise

    @classmethod
    def take(cls, directory: int, name: str) -> Self | None:
        """Return the file if nobody holds it, and it is one that we can have made."""
        lock = _take(directory, name)
        if lock is None:
            return None
        try:
            return cls(directory, name, lock)
        except (OSError, ValueError):
            os.close(lock)
            return None

    def make_room(self, at: int, length: int) -> None:
        """Let the file have room there, without a change of what it holds. Raises `OSError`."""
        if sys.platform == "darwin":  # which has no way to do that
            raise OSError("no room can be made for slots on this system")
        os.posix_fallocate(self._lock, at, length)

    def publish(self, directory: int, name: str) -> None:
        """Give the file its name, by which others find it. Raises `OSError`."""
        os.rename(self.name, name, src_dir_fd=directory, dst_dir_fd=directory)
        self.name = name

    def remove(self, directory: int) -> None:
        """Remove the file, and let go of it."""
        with suppress(OSError):
            os.unlink(self.name, dir_fd=directory)
        self.release()

    def is_in(self, path: Path) -> bool:
        """Return whether others find the file in this directory."""
        try:
            found = (path / self.name).lstat()
            return os.path.samestat(os.fstat(self._lock), found)
        except OSError:
            return False

    def release(self) -> None:
        """Let others take the file. What this process stores from now on may be lost."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _take(directory: int, name: str) -> int | None:
    """Return a descriptor that holds the lock of a file that belongs to nobody any more."""
    try:
        lock = os.open(name, _OPEN, dir_fd=directory)
    except OSError:  # gone, a link, or of another user
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(lock)
        if is_private(status):
            if status.st_size == SIZE:
                return lock
            if status.st_size:  # cut, or of another version; one that is just made is empty
                os.unlink(name, dir_fd=directory)
    except OSError:  # somebody holds it
        pass
    os.close(lock)
    return None
