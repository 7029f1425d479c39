"""Media that nobody can write, and full ones: what only reads answers, whatever SQLite has beside
the database.
"""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cachectl import Cache
from tests.cli.support.tool import COMMAND, Tool
from tests.cli.test_no_write import READS, assert_answers, fill
from tests.support.mounts import (
    only_read,
    remount,
    small,
    take_all_bytes,
    take_all_inodes,
)
from tests.support.nursery import ROOT

_OVERRIDE = 1  # CAP_DAC_OVERRIDE
_DROP_FROM_BOUNDS = 24  # PR_CAPBSET_DROP
_CRASH = """
import os, sys
from cachectl import Cache
cache = Cache.open(directory=sys.argv[1])
cache.namespace("a").set("late", "value")
cache.namespace("a").delete("other")
cache.namespace("a").set("other", "value")
cache.namespace("a").delete("late")
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def filled(tool) -> Tool:
    fill(tool)
    return tool


def at(tool: Tool, directory: Path) -> Tool:
    return tool.having(CACHECTL_FILE__DIRECTORY=str(directory))


def crash(directory: Path) -> None:
    """Let a process be killed that has written: what it wrote is in the log alone."""
    subprocess.run(
        [sys.executable, "-c", _CRASH, str(directory)], env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert (directory / "cache.db-wal").stat().st_size


def test_a_mount_that_is_only_read_answers(filled, tmp_path):
    with only_read(filled.directory, tmp_path / "mount") as mount:
        assert not (mount / "cache.db-shm").exists()
        assert_answers(at(filled, mount), "not counted")


def test_it_answers_with_what_an_application_writes_meanwhile(filled, tmp_path):
    with only_read(filled.directory, tmp_path / "mount") as mount:
        with filled.open() as cache:
            cache.namespace("a").set("new", "value")
            assert at(filled, mount)("get", "a", "new").out == "value"
            assert at(filled, mount)("get", "a", "k").out == "value"
        assert at(filled, mount)("get", "a", "new").out == "value"


def test_a_medium_that_is_only_read_answers_after_a_crash(filled, tmp_path):
    """SQLite may make no index of the log, and without the log what was removed would be back."""
    with small(tmp_path / "medium") as medium:
        shutil.copytree(filled.directory, medium / "cache")
        crash(medium / "cache")
        (medium / "cache" / "cache.db-shm").unlink()
        remount(medium, "ro")
        assert_answers(at(filled, medium / "cache"), "not counted")


def test_an_application_follows_a_medium_that_it_cannot_write(filled, tmp_path):
    with (
        only_read(filled.directory, tmp_path / "mount") as mount,
        Cache.open(directory=mount) as reading,
    ):
        namespace = reading.namespace("a")
        assert namespace.get("k") == "value"
        with filled.open() as writing:
            writing.namespace("a").set("k", "another")
        assert namespace.get("k") == "another"
        assert namespace.get_or_load("new", lambda: "loaded") == "loaded"
        assert not namespace.set("new", "value")
        status = reading.status()
        assert status.status == "refusing"
        assert str(mount) in str(status.last_error)
        assert reading.stats().totals.entries == 2


@pytest.mark.parametrize("take", [take_all_bytes, take_all_inodes])
def test_a_full_disk_answers(tool, tmp_path, take: Callable[[Path], None]):
    with small(tmp_path / "disk", "size=8m", "nr_inodes=60") as disk:
        there = at(tool, disk / "cache")
        fill(there)
        take(disk)
        assert_answers(there, "not counted")


@pytest.mark.parametrize("take", [take_all_bytes, take_all_inodes])
def test_a_full_disk_answers_after_a_crash(tool, tmp_path, take: Callable[[Path], None]):
    with small(tmp_path / "disk", "size=8m", "nr_inodes=60") as disk:
        there = at(tool, disk / "cache")
        fill(there)
        crash(disk / "cache")
        (disk / "cache" / "cache.db-shm").unlink()
        take(disk)
        assert_answers(there, "not counted")


def as_any_user(tool: Tool, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call without what lets root write wherever he wants to."""
    return subprocess.run(
        [*COMMAND, *arguments], env=tool.environment, cwd=tool.home, check=False, text=True,
        preexec_fn=drop_override, capture_output=True,
    )  # fmt: skip


def drop_override() -> None:
    ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDS, _OVERRIDE, 0, 0, 0)


def test_a_directory_without_permission_to_write_answers(filled):
    for path in filled.directory.iterdir():
        if path.is_file():
            path.chmod(0o400)
    filled.directory.chmod(0o500)
    try:
        found = as_any_user(filled, "get", "a", "k")
        assert (found.returncode, found.stdout) == (0, "value")
        assert "not counted" in found.stderr
        for command in READS:
            assert as_any_user(filled, *command).returncode == 0, command
        assert as_any_user(filled, "clear", "a", "--yes").returncode == 6
        assert as_any_user(filled, "cleanup").returncode == 6
    finally:
        filled.directory.chmod(0o700)
