"""Directories that we own: nobody else may read them, and only marked ones are touched.

The marker is a `CACHEDIR.TAG` (Bryan Ford's Cache Directory Tagging Specification), which also
tells backup programs to pass the directory by.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from errno import EACCES, EROFS
from pathlib import Path
from typing import Final

from cachectl._backends.trust import exposed_above
from cachectl.errors import BackendRefused, BackendUnavailable, ErrorKind

MARKER: Final = "CACHEDIR.TAG"
_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55\n"
_CONTENT: Final = _SIGNATURE + b"# This directory is a cachectl cache, format 1.\n"
_CLOSE: Final = "chmod 700 it (systemd: CacheDirectoryMode=0700)"
_ADVICE: Final = "name another by --directory, CACHECTL_FILE__DIRECTORY or file.directory"


class PlaceRefused(BackendRefused, BackendUnavailable):
    """A directory that cannot be used: refused, as the tool says, and nothing can be had of it, so that
    memory stands in for it in applications.
    """

    kind: ErrorKind = "place"

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}; {advice}" if advice else what)
        self.what: str = what


_OF_VALUES: Final = re.compile(r"[0-9a-f]{2}", re.ASCII)


def require_ours(directory: Path) -> bool:
    """Return whether the directory is there and ours; False if there is nothing.

    Raises `PlaceRefused`, touching nothing, if what is there is not a marked directory of
    this user that is closed to all others, and that nobody else can replace.
    """
    with _refused(f"cannot use {directory}"):
        return _require_ours(directory)


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Raise `PlaceRefused` for what the file system objects to."""
    try:
        yield
    except OSError as error:
        raise PlaceRefused(f"{what}: {error.strerror}", _ADVICE) from None


def _require_ours(directory: Path) -> bool:
    if not _require_private(directory):
        return False
    _require_irreplaceable(directory)
    if not is_marked(directory):
        if _empty(directory):
            return False
        if not is_marked(directory):  # and no other process has marked it meanwhile
            raise PlaceRefused(f"{directory} is not a cachectl cache ({MARKER} is missing)")
    for path in sorted(directory.iterdir()):
        if path.name.endswith((".db", ".db-wal", ".db-shm", ".lock")):
            _require_private_file(path)
    return True


def claim(directory: Path) -> None:
    """Create the directory if there is none, and mark it as ours. Raises `PlaceRefused`."""
    if require_ours(directory):
        return
    _require_irreplaceable(directory)
    with making(directory):
        _make(directory)
        if not require_ours(directory):
            _mark(directory)


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Claim the directory for what is made in it here. Who removes it meanwhile may leave that without the
    marker: then it is marked again.
    """
    claim(directory)
    before = _inode(directory)
    try:
        yield
    finally:
        if _inode(directory) == before:
            mark_again(directory)


def mark_again(directory: Path) -> None:
    """Mark a directory that is known to be ours, if it is not and as far as that can be done."""
    with suppress(OSError):
        if not is_marked(directory):
            _mark(directory)


def making(directory: Path) -> AbstractContextManager[None]:
    """Raise `PlaceRefused` for what the file system objects to when a cache is made."""
    return _refused(f"cannot make a cache of {directory}")


def require_possible(directory: Path) -> None:
    """Raise `PlaceRefused` where no cache can be made, as far as can be told without making one."""
    with making(directory):
        place = next(path for path in (directory, *directory.parents) if _is_there(path))
        if not os.access(place, os.W_OK | os.X_OK):
            number = EROFS if os.statvfs(place).f_flag & os.ST_RDONLY else EACCES
            raise OSError(number, os.strerror(number))


def create_private(path: Path) -> None:
    """Create an empty file that only this user can open, whatever the umask, unless it exists.

    One that exists is not opened: closing it again would release all locks that this process
    holds on it, those of SQLite among them.
    """
    with suppress(FileExistsError):
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(file, 0o600)
        finally:
            os.close(file)


def _make(directory: Path) -> None:
    """Make the directory, and what is missing above it: all of it private, whatever the umask."""
    if not directory.parent.exists():
        _make(directory.parent)
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        directory.chmod(0o700)


def _require_irreplaceable(directory: Path) -> None:
    reason = exposed_above(directory)
    if reason is not None:
        raise PlaceRefused(f"{directory} could be replaced: {reason}")


def _require_private(directory: Path) -> bool:
    try:
        status = directory.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(status.st_mode):
        raise PlaceRefused(f"{directory} is a symbolic link; name the directory itself")
    if not stat.S_ISDIR(status.st_mode):
        raise PlaceRefused(f"{directory} is not a directory")
    if status.st_uid != os.geteuid():
        raise PlaceRefused(
            f"{directory} belongs to another user (uid {status.st_uid}):"
            f" run as that user, or chown it to uid {os.geteuid()}"
        )
    if status.st_mode & 0o077:
        if not is_marked(directory) and not _empty(directory):  # never tell anybody to close /tmp
            raise PlaceRefused(f"{directory} is not a cachectl cache ({MARKER} is missing)")
        mode = stat.S_IMODE(status.st_mode)
        raise PlaceRefused(f"{directory} is open to others (mode {mode:04o}); {_CLOSE}")
    if not os.access(directory, os.R_OK | os.X_OK):
        mode = stat.S_IMODE(status.st_mode)
        raise PlaceRefused(f"{directory} is closed to its own user (mode {mode:04o}); chmod 700 it")
    return True


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _require_private_file(path: Path) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:  # a -wal or -shm file, gone with the last connection
        return
    if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
        return  # which is damage, and met where the file is opened
    if not stat.S_ISREG(status.st_mode):
        raise PlaceRefused(f"{path} is not a regular file; remove it")
    if status.st_uid != os.geteuid():
        raise PlaceRefused(
            f"{path} belongs to another user (uid {status.st_uid}): chown it to uid {os.geteuid()}"
        )
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise PlaceRefused(f"{path} is open to others (mode {mode:04o}); chmod 600 it")


def is_marked(directory: Path) -> bool:
    """Return whether the directory carries our marker."""
    try:
        fd = os.open(directory / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(fd, "rb") as file:
        return file.read(len(_CONTENT)) == _CONTENT


def _inode(directory: Path) -> int:
    try:
        return directory.stat().st_ino
    except OSError:
        return 0


def _empty(directory: Path) -> bool:
    """Whether nothing is there but the beginnings of a marker that another process writes, and folders for
    values in which there is nothing: who removes a directory beside those who write may leave one.
    """
    return all(
        path.name.startswith(f"{MARKER}.")
        or (_OF_VALUES.fullmatch(path.name) and path.is_dir() and not any(path.iterdir()))
        for path in directory.iterdir()
    )


def _mark(directory: Path) -> None:
    """Put the marker in place at once, whole, so that no process ever sees half of it."""
    draft = directory / f"{MARKER}.{os.urandom(8).hex()}"
    create_private(draft)
    try:
        draft.write_bytes(_CONTENT)
        draft.replace(directory / MARKER)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
