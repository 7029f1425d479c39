"""What frees space works where there is none: on a disk without bytes, or without inodes."""

import asyncio
import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachectl import MISSING, AsyncCache, Cache, Write
from cachectl._backends.file.debris import being_written
from cachectl._backends.file.value_files import ValueFiles
from cachectl._backends.sqlite import Patience
from cachectl.errors import BackendRefused
from tests.support.home import ROOT
from tests.support.mounts import small, take_all_bytes, take_all_inodes
from tests.support.removals import REMOVALS

LARGE = os.urandom(2 * 1024 * 1024)  # in a file of its own


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    with small(tmp_path / "disk", "size=24m", "nr_inodes=60") as path:
        yield path


def fill(cache: Cache) -> None:
    for name in ("a", "b"):
        writes = (
            Write(f"k{n}", random.randbytes(700), tags=["odd"] if n % 2 else [])
            for n in range(2000)
        )
        cache.namespace(name).set_many(writes)


def count(cache: Cache) -> int:
    return sum(held.entries for held in cache.usage().values())


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("take", [take_all_bytes, take_all_inodes])
def test_an_application_removes_on_a_full_disk(disk, take, removal):
    with Cache.open(directory=disk / "cache") as cache:
        fill(cache)
        take(disk)
        REMOVALS[removal](cache)
        assert count(cache) < 4000
        assert cache.namespace("a").get("k1") is not None
        assert cache.namespace("a").set("new", "value")  # there is room again


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("take", [take_all_bytes, take_all_inodes])
def test_who_opens_a_cache_on_a_full_disk_removes_from_it(disk, take, removal):
    with Cache.open(directory=disk / "cache") as cache:
        fill(cache)
    take(disk)
    with Cache.open(directory=disk / "cache") as cache:
        REMOVALS[removal](cache)
        assert count(cache) < 4000
    with Cache.open(directory=disk / "cache") as cache:  # what was kept is there again
        cache.clear()
        assert count(cache) == 0


@pytest.mark.parametrize("removal", REMOVALS)
def test_a_cache_that_filled_its_disk_itself_can_be_emptied(disk, removal):
    with Cache.open(directory=disk / "cache") as cache:
        fill(cache)
        number = 0
        while cache.namespace("b").set(f"more {number}", random.randbytes(5000)):
            number += 1
        held = count(cache)
        REMOVALS[removal](cache)
        assert count(cache) < held
        assert cache.namespace("a").set("new", "value")


def test_tasks_remove_on_a_full_disk(disk):
    async def remove() -> int:
        async with AsyncCache.open(directory=disk / "cache") as cache:
            namespace = cache.namespace("a")
            assert await namespace.get("k1") is not MISSING
            assert not await namespace.set("large", LARGE)
            assert await namespace.delete("k1")
            await cache.cleanup(max_entries=10)
            assert await namespace.set("large", LARGE)
            return sum(held.entries for held in (await cache.usage()).values())

    with Cache.open(directory=disk / "cache") as cache:
        fill(cache)
    take_all_bytes(disk)
    assert asyncio.run(remove()) == 21


def test_a_cleanup_that_removes_nothing_gives_the_log_back(tmp_path):
    with small(tmp_path / "disk", "size=3m") as disk, Cache.open(directory=disk / "cache") as cache:
        while cache.namespace("a").set("k", random.randbytes(5000)):  # again and again
            pass
        cache.cleanup()
        assert cache.namespace("a").set("k", "value")


def test_a_disk_is_full_of_entries_and_not_of_their_log(disk):
    """A write that finds no room has the log begin again, and is tried once more."""
    with Cache.open(directory=disk / "cache") as cache:
        namespace, number = cache.namespace("a"), 0
        while namespace.set(f"k{number}", random.randbytes(3000)):
            number += 1
        assert number > 1000
        assert cache.usage()["a"].entries == len(list(namespace.entries())) == number
        assert cache.stats().namespaces["a"].sets == number


def test_a_disk_that_is_full_after_a_crash_can_be_emptied(disk):
    program = (
        "import os, sys; from cachectl import Cache; a = Cache.open(directory=sys.argv[1])\n"
        "a = a.namespace('a'); n = 0\n"
        "while a.set(f'k{n}', os.urandom(3000)): n += 1\n"
        "os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, str(disk / "cache")]
    subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, check=False, capture_output=True)
    with Cache.open(directory=disk / "cache", strict=True) as cache:
        assert cache.namespace("a").clear().entries > 1000
        assert cache.namespace("a").set("new", LARGE)


def test_what_is_refused_says_where_why_and_what_helps(disk):
    with Cache.open(directory=disk / "cache", strict=True) as cache:
        fill(cache)
        take_all_bytes(disk)
        with pytest.raises(BackendRefused) as caught:
            cache.namespace("a").set("large", LARGE)
        assert caught.value.kind == "full"
        said = str(caught.value)
        for part in (str(disk / "cache"), os.strerror(errno.ENOSPC), "cachectl clear", "max_bytes"):
            assert part in said
        cache.clear()


def test_a_cache_that_there_is_no_room_for_leaves_nothing_of_each_try(disk):
    take_all_bytes(disk)
    for _ in range(3):
        with (
            Cache.open(directory=disk / "cache", strict=True) as cache,
            pytest.raises(BackendRefused, match=os.strerror(errno.ENOSPC)),
        ):
            cache.namespace("a").set("k", "value")
    assert not list(disk.glob("cache/*"))


def test_a_large_value_that_does_not_fit_leaves_nothing(disk):
    with Cache.open(directory=disk / "cache") as cache:
        cache.namespace("a").set("k", "value")
        (disk / "filler").write_bytes(bytes(20 * 1024 * 1024))
        for number in range(5):
            assert not cache.namespace("a").set(f"large {number}", LARGE)
        assert not list(disk.glob("cache/??/*"))


def test_what_a_killed_process_left_of_a_value_is_found_at_once_also_where_nothing_else_is(
    tmp_path,
):
    directory = tmp_path / "cache"
    with Cache.open(directory=directory) as cache:
        cache.namespace("a").set("large", LARGE)
        (kept,) = directory.glob("??/*.val")
        left = kept.with_name("0" * 28 + ".val")
        left.write_bytes(b"half of it")
        cache.cleanup()
        assert (kept.exists(), left.exists()) == (True, False)
        cache.forget("b")
        left.write_bytes(b"half of it")
        cache.clear()
        cache.cleanup()
        assert not list(directory.glob("??/*.val"))


def test_what_is_written_just_now_is_no_debris(tmp_path):
    """Its row is not there yet when the cleanup looks."""
    directory = tmp_path / "cache"
    with Cache.open(directory=directory) as cache:
        cache.namespace("a").set("k", "value")
        with being_written(directory, Patience(1.0)):
            name = ValueFiles(directory).write(LARGE)
            cache.cleanup()
            assert (directory / name).exists()
        cache.cleanup()
        assert not (directory / name).exists()


def test_steps_are_of_many_entries_again_once_there_is_room(disk):
    with Cache.open(directory=disk / "cache") as cache:
        fill(cache)
        take_all_bytes(disk)
        cache.namespace("a").delete("k1")
        assert (disk / "cache/reserve/0").stat().st_size >= 1024 * 1024
        (disk / "filler").unlink()
        cache.clear()
        cache.compact()
        assert count(cache) == 0


_LIMITED = """
import os, resource, sys
from cachectl import Cache
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
with Cache.open(directory=sys.argv[1], strict=True) as cache:
    assert cache.namespace("a").get("k2") is not None
    assert cache.namespace("a").delete("k1")
    assert cache.namespace("a").clear().entries == 1999
    assert cache.clear().entries == 2000
    assert not any(held.entries for held in cache.usage().values())
"""


@pytest.mark.parametrize("limit", [2_000_000, 400_000])
def test_a_process_whose_files_may_not_grow_can_empty_a_cache(tmp_path, limit):
    with Cache.open(directory=tmp_path / "cache") as cache:
        fill(cache)
    assert (tmp_path / "cache/cache.db").stat().st_size > limit
    command = [sys.executable, "-c", _LIMITED, str(tmp_path / "cache"), str(limit)]
    ended = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT)}, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
