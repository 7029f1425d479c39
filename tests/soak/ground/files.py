"""What becomes of a cache in files while it is in use."""

import errno
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

from tests.soak.ground.truth import Truth

DISK = "64m"
"""The size of the disk, where one can be made: by root."""
_PIECE = 1 << 20


class Files:
    """A directory on a small disk of its own, and what disturbs it. What is `calm` loses nothing that
    was acknowledged, neither entries nor counts.
    """

    def __init__(self, disk: Path, truth: Truth, chance: Random, *, is_mounted: bool) -> None:
        self._disk = disk
        self._cache = disk / "cache"
        self._truth = truth
        self._chance = chance
        self.settings: list[dict[str, object]] = [
            {"backend": "file", "file.directory": str(self._cache)}
        ]
        self.calm: list[Callable[[], None]] = [self.fill, self.freeze] if is_mounted else []
        self.rough: list[Callable[[], None]] = [
            self.remove, self.rename, self.replace, self.restore, self.damage, self.damage_counters,
        ]  # fmt: skip

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, truth: Truth, chance: Random) -> Iterator["Files"]:
        disk = folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(disk)]
        is_mounted = os.geteuid() == 0 and _ran(mount)
        try:
            yield cls(disk, truth, chance, is_mounted=is_mounted)
        finally:
            if is_mounted:
                _ran(["umount", "-l", str(disk)])

    def fill(self) -> None:
        """Leave no byte free for a while."""
        filler = self._disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"x" * _PIECE):
                pass
        self._last()
        filler.unlink()

    def freeze(self) -> None:
        """Mount the directory over itself, so that what is opened now cannot be written."""
        place = str(self._cache)
        if self._cache.is_dir() and _ran(["mount", "--bind", place, place]):
            _ran(["mount", "-o", "remount,ro,bind", place])
            self._last()
            _ran(["umount", "-l", place])

    def remove(self) -> None:
        with self._unsettled():
            shutil.rmtree(self._cache, ignore_errors=True)

    def rename(self) -> None:
        with self._unsettled(), suppress(FileNotFoundError):
            self._cache.rename(self._aside())

    def replace(self) -> None:
        """Put a directory in its place in which there is nothing."""
        with self._unsettled(), suppress(OSError):
            self._cache.rename(self._aside())
            self._cache.mkdir(mode=0o700)

    def restore(self) -> None:
        """Put a copy in its place that was made a moment ago."""
        copy = self._disk / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(self._cache, copy, ignore=shutil.ignore_patterns("*.db*"))
            for name in ("cache.db", "counters.db"):
                with (
                    closing(sqlite3.connect(self._cache / name, timeout=2)) as from_,
                    closing(sqlite3.connect(copy / name)) as to,
                ):
                    from_.backup(to)
                (copy / name).chmod(0o600)
        except (OSError, shutil.Error, sqlite3.Error):  # it changed meanwhile, or is not there
            return
        self._last()
        with self._unsettled(), suppress(OSError):
            self._cache.rename(self._aside())
            copy.rename(self._cache)

    def damage(self) -> None:
        self._overwrite("cache.db")

    def damage_counters(self) -> None:
        self._overwrite("counters.db")

    def _overwrite(self, name: str) -> None:
        """Write over a page, or let the file be short."""
        with self._unsettled(), suppress(OSError), (self._cache / name).open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if self._chance.random() < 0.3:
                file.truncate(self._chance.randrange(size + 1))
            else:
                file.seek(self._chance.randrange(max(1, size // 4096)) * 4096)
                file.write(self._chance.choice((bytes(4096), os.urandom(4096))))

    def _aside(self) -> Path:
        """Return where nothing is, having removed what was put there before."""
        aside = self._disk / "aside"
        shutil.rmtree(aside, ignore_errors=True)
        return aside

    @contextmanager
    def _unsettled(self) -> Iterator[None]:
        """Let all processes have the time that they need to notice."""
        self._truth.unsettle(30)
        yield
        self._truth.forget_removals()
        self._truth.unsettle(2)

    def _last(self) -> None:
        time.sleep(self._chance.uniform(0.3, 3))


def _ran(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
