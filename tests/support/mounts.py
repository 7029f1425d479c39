"""File systems of tests: small ones, and some that are only read."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small(path: Path, *options: str) -> Iterator[Path]:
    """Mount a file system in memory, such as of `size=8m`."""
    path.mkdir()
    _mount("-t", "tmpfs", "-o", ",".join(("mode=0700", *options)), "tests", str(path))
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def only_read(directory: Path, path: Path) -> Iterator[Path]:
    """Mount a directory at another place where nobody can write."""
    path.mkdir(mode=0o700)
    _mount("--bind", str(directory), str(path))
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(path)], check=True)
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(path)], check=True)


def take_all_bytes(path: Path) -> None:
    """Leave no room for another byte."""
    with suppress(OSError), (path / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def take_all_inodes(path: Path) -> None:
    """Leave no room for another file."""
    (path / "files").mkdir()
    number = 0
    with suppress(OSError):
        while True:
            (path / "files" / str(number)).touch()
            number += 1


def _mount(*arguments: str) -> None:
    if os.geteuid():
        pytest.skip("only root can mount")
    mounted = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
