"""Databases that cannot be read: they are put aside, so that others can be begun."""

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from cachectl._backends.file_lock import wait_for_lock
from cachectl._backends.place import Identity

_ASIDE: Final = ".damaged-"
_STAMP: Final = re.compile(r"\d{8}T\d{6}\.\d{6}", re.ASCII)
_KEPT: Final = 2
"""Databases that are kept of those put aside, for who wants to look at them."""
_FILES: Final = ("-wal", "-shm", "")
"""What a database is, in the order in which it goes: SQLite makes a log that it lacks, and an empty
database has none."""


def put_aside(path: Path, file: Identity | None) -> Path | None:
    """Give a database another name, and its log with it. Return that name; None if another process
    did, and what is there now is another file. Raises `OSError`.
    """
    held = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        wait_for_lock(held, "the damaged database")
        try:
            return _rename(path) if _identity(path) == file else None
        finally:  # also for processes that were forked meanwhile, which have it open
            fcntl.flock(held, fcntl.LOCK_UN)
    finally:
        os.close(held)


def _rename(path: Path) -> Path:
    now = time.time_ns() // 1000
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(now // 10**6))
    aside = path.with_name(f"{path.name}{_ASIDE}{stamp}.{now % 10**6:06}")
    for suffix in _FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(f"{aside}{suffix}")
    _drop_oldest(path)
    return aside


def _drop_oldest(path: Path) -> None:
    prefix = path.name + _ASIDE
    names = sorted(
        name
        for name in (each.name for each in path.parent.iterdir())
        if name.startswith(prefix) and _STAMP.fullmatch(name, len(prefix))
    )
    for name in names[:-_KEPT]:
        for suffix in _FILES:
            with suppress(OSError):  # gone, or a directory
                path.with_name(name + suffix).unlink()


def _identity(path: Path) -> Identity | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
