"""A cache whose place is taken away, or replaced, while it is used."""

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cachectl import MISSING, Cache
from cachectl._backends.file.backend import FileBackend
from cachectl._engine.namespace import Namespace
from cachectl.testing import Clock
from cachectl.testing.contract.base import ENGINES
from tests.support.openers import Opener
from tests.support.processes import finish, start, wait_until

LARGE = b"x" * 1_500_000
Change = Callable[[Path], None]


def remove(directory: Path) -> None:
    shutil.rmtree(directory)


def rename(directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))


def remove_database(directory: Path) -> None:
    for path in directory.glob("cache.db*"):
        path.unlink()


def remove_database_alone(directory: Path) -> None:
    (directory / "cache.db").unlink()


def restore(directory: Path) -> None:
    remove(directory)
    shutil.copytree(directory.with_name("saved"), directory)


def restore_database(directory: Path) -> None:
    remove_database(directory)
    shutil.copy(directory.with_name("saved") / "cache.db", directory / "cache.db")


def swap(directory: Path) -> None:
    shutil.copytree(directory.with_name("saved"), directory.with_name("next"))
    rename(directory)
    directory.with_name("next").rename(directory)


GOING = [remove, rename, remove_database, remove_database_alone]
COMING = [restore, restore_database, swap]
"""What may become of a directory: nothing is there, or what was there when it was saved."""


@pytest.fixture(params=ENGINES)
def opener(request, clock: Clock, tmp_path: Path) -> Iterator[Opener]:
    """Opens caches over one directory, for threads or for tasks."""
    settings: dict[str, object] = {"backend": "file", "file.directory": tmp_path / "cache"}
    opener = Opener(settings, clock, request.param)
    yield opener
    opener.close()


@pytest.fixture
def users(opener: Opener) -> Namespace:
    """One in which `old` was set before a copy was saved, and `new` after that; all is flushed."""
    with opener() as cache:
        cache.namespace("users").set("old", "before")
        cache.namespace("users").set("removed", "before")
    shutil.copytree(opener.directory, opener.directory.with_name("saved"))
    users = opener().namespace("users")
    users.delete("removed")
    users.set("old", "after")
    users.set("new", "after")
    assert users.get("new") == "after"
    return users


def look(cache: Cache) -> None:
    """Do what the thread of a cache does once a second."""
    cache._core.look()


@pytest.fixture
def cache(opener: Opener, users: Namespace) -> Cache:
    """The cache of `users`."""
    return opener._opened[-1]


@pytest.mark.parametrize("change", GOING)
def test_what_went_with_its_place_is_a_miss_within_a_second(cache, users, opener, change: Change):
    change(opener.directory)
    look(cache)
    assert users.get("old") is MISSING
    assert users.get("new") is MISSING
    assert list(users.entries()) == []
    assert not opener.directory.exists() or not (opener.directory / "cache.db").exists()


@pytest.mark.parametrize("change", COMING)
def test_what_was_put_in_its_place_is_found_within_a_second(cache, users, opener, change: Change):
    change(opener.directory)
    look(cache)
    assert users.get("old") == users.get("removed") == "before"
    assert users.get("new") is MISSING
    assert {entry.key for entry in users.entries()} == {"old", "removed"}


@pytest.mark.parametrize("change", [*GOING, *COMING])
def test_what_is_acknowledged_after_a_change_is_where_others_look(users, opener, change: Change):
    """Without a look: a write makes sure of it, and then this process reads what it wrote."""
    change(opener.directory)
    assert users.set("k", "value")
    assert users.get("k") == "value"
    assert users.get("new") is MISSING
    assert opener().namespace("users").get("k") == "value"


@pytest.mark.parametrize("change", [*GOING, *COMING])
@pytest.mark.parametrize("removal", ["delete", "clear", "tag"])
def test_a_removal_after_a_change_reaches_others(users, opener, change: Change, removal: str):
    change(opener.directory)
    with opener() as other:
        other.namespace("users").set("k", "value", tags=["t"])
    if removal == "delete":
        assert users.delete("k")
    else:
        assert (users.clear() if removal == "clear" else users.invalidate(tag="t")).entries
    assert opener().namespace("users").get("k") is MISSING


@pytest.mark.parametrize("change", [remove, rename])
def test_a_removal_where_nothing_is_left_makes_no_cache(users, opener, change: Change):
    change(opener.directory)
    assert not users.delete("old")
    assert users.clear().entries == 0
    assert not opener.directory.exists()


@pytest.mark.parametrize("change", [*GOING, *COMING])
def test_a_change_is_counted_logged_and_said_once(cache, users, opener, change: Change, caplog):
    change(opener.directory)
    with caplog.at_level(logging.WARNING, "cachectl"):
        look(cache)
        users.set("k", "value")
        look(cache)
    about = [each for each in caplog.messages if str(opener.directory / "cache.db") in each]
    assert len(about) == 1
    stats = cache.stats()
    assert stats.namespaces["users"].errors == 1
    assert any(about[0] in note for note in stats.backend.notes)


@pytest.mark.parametrize("change", [*GOING, *COMING])
def test_counts_go_to_where_others_count(cache, users, opener, change: Change):
    cache.flush()
    change(opener.directory)
    users.set("k", "value")
    for _ in range(5):
        users.get("k")
    cache.flush()
    hits = opener().stats().namespaces["users"].hits
    assert hits == cache.stats().namespaces["users"].hits
    assert 5 <= hits <= 6


def test_only_counters_are_removed_and_counting_goes_on(cache, users, opener):
    cache.flush()
    for path in opener.directory.glob("counters.db*"):
        path.unlink()
    users.get("old")
    cache.flush()
    found = opener().stats().namespaces["users"]
    assert (found.hits, found.entries) == (1, 2)


def test_a_mount_over_the_directory_is_noticed_and_its_end_too(cache, users, opener):
    with mounted(opener.directory):
        look(cache)
        assert users.get("old") is MISSING
        assert users.set("k", "value")
        assert opener().namespace("users").get("k") == "value"
        users.set("large", LARGE)
        for each in opener._opened:
            each._core.backend.before_fork()  # or it could not be unmounted
    look(cache)
    assert users.get("old") == "after"
    assert users.get("k") is MISSING


@contextmanager
def mounted(directory: Path) -> Iterator[None]:
    """An empty file system of ours over a directory."""
    command = ["mount", "-t", "tmpfs", "-o", "mode=700,size=16m", "tmpfs", str(directory)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs a user who may mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def test_what_is_mounted_over_the_same_inode_keeps_its_log(tmp_path, opener):
    """SQLite compares no devices, and would remove it as that of the file which it closes."""
    (tmp_path / "disk").mkdir(mode=0o700)
    with mounted(tmp_path / "disk"):
        directory = tmp_path / "disk/cache"
        cache = opener(file__directory=directory)
        users = cache.namespace("users")
        users.set("k", "below")
        assert users.get("k") == "below"
        inode = (directory / "cache.db").stat().st_ino
        tag = (directory / "CACHEDIR.TAG").read_bytes()
        with mounted(directory):
            for number in range(100):
                path = directory / str(number)
                path.touch(mode=0o600)
                if path.stat().st_ino == inode:
                    path.rename(directory / "cache.db")
                else:
                    path.unlink()
            (directory / "CACHEDIR.TAG").write_bytes(tag)
            other = opener(file__directory=directory).namespace("users")
            assert other.set("k", "above")
            assert (directory / "cache.db").stat().st_ino == inode
            look(cache)
            assert users.get("k") == other.get("k") == "above"
            assert users.set("k", "again")
            assert (directory / "cache.db-wal").exists()
            with opener(file__directory=directory) as third:
                assert third.namespace("users").get("k") == other.get("k") == "again"
            for each in opener._opened[:2]:
                each.close()


def test_a_large_value_is_in_the_directory_that_is_there_or_not_acknowledged(users, opener):
    remove(opener.directory)
    assert users.set("large", LARGE)
    assert users.get("large") == LARGE
    assert opener().namespace("users").get("large") == LARGE


def test_a_large_value_that_went_with_its_directory_is_gone_and_not_damaged(users, opener):
    users.set("large", LARGE)
    remove(opener.directory)
    assert users.peek("large") is None
    assert users.get("large") is MISSING


def test_a_large_value_whose_directory_goes_while_it_is_written_is_refused(
    cache, opener, monkeypatch
):
    with opener(strict=False) as other:
        users = other.namespace("users")
        write = os.open

        def replaced(path, flags, *more, **named):
            made = write(path, flags, *more, **named)
            if str(path).endswith(".val") and flags & os.O_CREAT:
                monkeypatch.undo()
                remove(opener.directory)
                opener().namespace("users").set("k", "value")
            return made

        monkeypatch.setattr(os, "open", replaced)
        assert not users.set("large", LARGE)
        assert users.get("large") is MISSING
        assert users.set("large", LARGE)
        assert opener().namespace("users").get("large") == LARGE


def test_policies_that_are_set_in_code_are_stored_again(opener):
    cache = opener(strict=False)
    users = cache.namespace("users", max_entries=7)
    users.set("k", "value")
    cache.flush()
    remove(opener.directory)
    users.set("k", "value")
    cache.flush()
    assert "users" in FileBackend(directory=opener.directory).stored_policies()


def test_a_load_that_began_before_is_returned_and_not_stored(users, opener):
    def load() -> str:
        remove(opener.directory)
        return "loaded"

    assert users.get_or_load("k", load) == "loaded"
    assert users.get("k") is MISSING
    assert users.get_or_load("k", lambda: "again") == "again"
    assert users.get("k") == "again"


def test_a_directory_that_is_no_cache_is_left_alone(cache, users, opener):
    rename(opener.directory)
    opener.directory.mkdir(mode=0o700)
    (opener.directory / "precious").write_text("content")
    look(cache)
    with pytest.raises(Exception, match="not a cachectl cache"):
        users.set("k", "value")
    assert [path.name for path in opener.directory.iterdir()] == ["precious"]
    remove(opener.directory)


def test_who_uses_a_directory_marks_it_again(cache, users, opener):
    """`rm -r` beside those who write may leave a database in it that they made meanwhile."""
    (opener.directory / "CACHEDIR.TAG").unlink()
    cache.flush()
    assert opener().namespace("users").get("old") == "after"


def test_what_was_removed_beside_those_who_write_is_a_cache_again(opener):
    """Whatever was left: each of them may have made any part of it anew in that moment."""
    program = """
users = open_cache().namespace("users", max_entries=100)
end = time.monotonic() + 4
number = 0
while time.monotonic() < end:
    users.set(f"{number % 300}", "x" * 3000)
    number += 1
"""
    workers = [start(program, opener.settings) for _ in range(3)]
    while any(worker.poll() is None for worker in workers):
        shutil.rmtree(opener.directory, ignore_errors=True)
        wait_until(
            lambda: worked(opener.directory) or any(each.poll() is not None for each in workers)
        )
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    assert opener().namespace("users").set("k", "v")


def worked(directory: Path) -> bool:
    """Whether there is a cache again."""
    return all((directory / name).exists() for name in ("CACHEDIR.TAG", "cache.db-wal"))


def test_a_path_that_is_relative_means_what_it_meant(tmp_path, opener, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = opener(file__directory="relative")
    users = cache.namespace("users")
    users.set("k", "value")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    look(cache)
    assert users.get("k") == "value"
    assert users.set("k2", "value")
    assert not list((tmp_path / "other").iterdir())


def test_a_link_on_the_way_that_points_elsewhere_is_followed(tmp_path, opener):
    for name in ("blue", "green"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current"
    link.symlink_to("blue")
    cache = opener(file__directory=link / "cache")
    users = cache.namespace("users")
    users.set("k", "blue")
    link.unlink()
    link.symlink_to("green")
    look(cache)
    assert users.get("k") is MISSING
    users.set("k", "green")
    link.unlink()
    link.symlink_to("blue")
    look(cache)
    assert users.get("k") == "blue"


def test_an_application_notices_by_itself_in_every_process(opener):
    """By its thread, a second later: it neither writes nor asks for figures."""
    program = """
users = open_cache().namespace("users", ttl="none")
users.set("k", "value")
print("ready", flush=True)
sys.stdin.readline()
while users.get("k") is not MISSING:
    time.sleep(0.01)
print("gone", flush=True)
sys.stdin.readline()
while users.get("k") is MISSING:
    time.sleep(0.01)
print(users.get("k"))
"""
    options = {**opener.settings, "file.timeout": "10s"}
    processes = [start("import logging; logging.disable()\n" + program, options) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    remove(opener.directory)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "gone\n"
    with opener() as cache:
        cache.namespace("users", ttl="none").set("k", "again")
    for process in processes:
        assert finish(process) == "again\n"


def test_nothing_that_is_gone_stays_open(cache, users, opener):
    for _ in range(3):
        remove(opener.directory)
        users.set("k", "value")
        users.get("k")
        cache.flush()
        look(cache)
    gone = [link for link in Path("/proc/self/fd").iterdir() if deleted(link, opener.directory)]
    assert gone == []


def deleted(link: Path, directory: Path) -> bool:
    try:
        target = str(link.readlink())
    except FileNotFoundError:
        return False
    return target.startswith(str(directory)) and target.endswith("(deleted)")


def test_an_application_that_is_watched_from_outside_says_so_again(opener):
    cache = opener(strict=False)
    users = cache.namespace("users")
    users.set("k", "value")
    wait_until(lambda: bool(opener().applications()))
    remove(opener.directory)
    users.set("k", "value")
    wait_until(lambda: bool(opener().applications()))


def test_what_is_counted_after_a_change_outlives_the_process(opener):
    """It is noted in a slot that others find, though nothing of it was handed over."""
    program = """
import logging
logging.disable()
cache = open_cache()
users = cache.namespace("users", ttl="none")
users.set("k", "value")
users.get("k")
cache.flush()
import shutil
shutil.rmtree(options["file.directory"])
users.set("k", "value")
cache.flush()
def count(times):
    for _ in range(times): users.get("k")
thread = threading.Thread(target=count, args=(30,))
thread.start()
thread.join()
count(20)
print("ready", flush=True)
os._exit(0)
"""
    assert finish(start(program, opener.settings)) == "ready\n"
    figures = opener().stats().namespaces["users"]
    assert (figures.hits, figures.sets) == (50, 1)


@pytest.mark.parametrize("taken", [("-wal",), ("-shm",), ("-wal", "-shm")])
def test_where_the_log_is_taken_away_this_process_and_others_see_each_other_again(
    cache, users, opener, taken, caplog
):
    assert users.get("old") == "after"
    for suffix in taken:
        (opener.directory / f"cache.db{suffix}").unlink()
    with caplog.at_level(logging.WARNING, "cachectl"):
        look(cache)
    assert "log" in caplog.text
    assert users.set("k", "value")
    with opener() as other:
        assert other.namespace("users").get("k") == "value"
        other.namespace("users").set("k", "other")
    assert users.get("k") == "other"
    assert users.get("old") == "after"


@pytest.mark.parametrize("opener", ["threads"], indirect=True)
def test_the_log_that_goes_with_a_fork_is_not_missed(opener, caplog):
    """Who forks closes what is open, and SQLite removes the log with the last connection."""
    cache = opener(strict=False)
    users = cache.namespace("users")
    for number in range(3):
        users.set("k", number)
        cache.flush()
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert users.get("k") == number
        users.set("k", number)
        cache.flush()
    assert cache.status().notes == ()
    assert not caplog.records
