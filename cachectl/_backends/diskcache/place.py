"""Where the databases of a diskcache directory are, and whether it is one."""

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cachectl._backends.directory import is_marked
from cachectl.errors import BackendRefused, BackendUnavailable

DATABASE: Final = "cache.db"
_SHARD: Final = r"[0-9]{3}"


def find_shards(directory: Path) -> Sequence[Path]:
    """Return the directories that hold a database: this one, or those of a `FanoutCache` in it.

    Raises `BackendUnavailable` if nothing is there, `BackendRefused` for what is not a diskcache
    directory of this user.
    """
    _require_directory(directory)
    if is_marked(directory):
        raise BackendRefused(f"{directory} is a cachectl cache; use --backend file")
    if _has_database(directory):
        return [directory]
    numbered = sorted(path for path in directory.iterdir() if re.fullmatch(_SHARD, path.name))
    shards = [path for path in numbered if _has_database(path)]
    if not shards:
        raise BackendRefused(f"{directory} is not a diskcache directory ({DATABASE} is missing)")
    for shard in shards:
        _require_directory(shard)
    return shards


def _require_directory(directory: Path) -> None:
    try:
        status = directory.lstat()
    except OSError as error:
        raise BackendUnavailable(f"cannot open {directory}: {error.strerror}") from None
    if stat.S_ISLNK(status.st_mode):
        raise BackendRefused(f"{directory} is a symbolic link; name the directory itself")
    if not stat.S_ISDIR(status.st_mode):
        raise BackendRefused(f"{directory} is not a directory")
    _require_own(directory, status)
    if not os.access(directory, os.R_OK | os.X_OK):
        raise BackendUnavailable(f"cannot open {directory}: Permission denied")


def _has_database(directory: Path) -> bool:
    path = directory / DATABASE
    try:
        status = path.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise BackendRefused(f"{path} is not a regular file")
    _require_own(path, status)
    return True


def _require_own(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise BackendRefused(f"{path} belongs to another user (uid {status.st_uid})")
