"""Other users of this machine: what a process of theirs does, and places where both can be."""

import grp  # noqa: F401 - what processes of others need must be imported: they may not read it
import os
import pwd  # noqa: F401
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

ALICE = 65534
MALLORY = 65533

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


@contextmanager
def common_place() -> Iterator[Path]:
    """Provide an empty directory that all users can enter, and root alone can change."""
    place = Path(tempfile.mkdtemp(prefix="cachectl-users-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def directory_of(user: int, path: Path, mode: int = 0o700) -> Path:
    """Make a directory that belongs to a user."""
    path.mkdir()
    path.chmod(mode)
    os.chown(path, user, user)
    return path


def as_user(user: int, action: Callable[[], object]) -> str:
    """Return what `action` returns in a process of this user, or type and text of what it raises."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _become(user, action, writing)
    os.close(writing)
    with os.fdopen(reading) as file:
        told = file.read()
    assert os.waitpid(child, 0)[1] == 0, told
    return told


def _become(user: int, action: Callable[[], object], writing: int) -> NoReturn:
    status = 1
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        os.umask(0o022)
        try:
            told = str(action())
        except Exception as error:  # noqa: BLE001 - it is what is asked for
            told = f"{type(error).__name__}: {error}"
        os.write(writing, told.encode())
        status = 0
    finally:
        os._exit(status)
