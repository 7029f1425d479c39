"""The file backend: what is in its directory, and that others may not put anything there."""

import fcntl
import os
import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from cachectl import MISSING, BackendBusy, BackendError, BackendRefused, ConfigError
from cachectl._backends.directory import MARKER
from cachectl._backends.file import table
from cachectl._backends.file.backend import FileBackend
from cachectl._backends.file.debris import being_written
from cachectl._backends.sqlite import Patience
from cachectl._model.deadline import SECONDS
from cachectl.testing import Clock
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)
LARGE = b"x" * 1_500_000


def value_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("??/*.val"))


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def execute(opener: Opener, statement: str, *parameters: object) -> None:
    """Change the database behind the back of the cache."""
    connection = sqlite3.connect(opener.directory / "cache.db")
    with connection:
        connection.execute(statement, parameters)
    connection.close()


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_files_are_closed_to_others_whatever_the_umask(opener: Opener, umask):
    cache = opener()
    cache.namespace("users").set("k", LARGE)
    cache.flush()
    cache.cleanup()
    paths = [opener.directory, *opener.directory.rglob("*")]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert modes.keys() >= {"cache.db", "cache.db-wal", "counters.db", "cleanup.lock"}
    for path in paths:
        assert modes[path.name] == (0o700 if path.is_dir() else 0o600), path


def test_reading_what_is_not_there_creates_nothing(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    assert cache.stats().totals.entries == 0
    assert users.peek("k") is None
    assert list(users.entries()) == []
    assert list(users.entries("t")) == []
    assert cache.plan_cleanup().dry_run().finished
    assert not opener.directory.exists()


def test_looking_at_a_cache_leaves_its_files_as_they_are(opener: Opener):
    with opener() as cache:
        cache.namespace("users").set("k", LARGE)
    before = {path: path.read_bytes() for path in files(opener.directory)}
    with opener() as cache:
        assert cache.stats().totals.entries == 1
        assert len(list(cache.namespace("users").entries())) == 1
    assert {path: path.read_bytes() for path in files(opener.directory)} == before


def _unmarked(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "thesis.txt").write_text("precious")


def _wrong_mark(directory: Path) -> None:
    _unmarked(directory)
    (directory / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")


def _open_to_others(directory: Path) -> None:
    directory.mkdir(mode=0o755)


def _a_link(directory: Path) -> None:
    target = directory.with_name("target")
    target.mkdir(mode=0o700)
    directory.symlink_to(target)


def _a_file(directory: Path) -> None:
    directory.write_text("precious")


def _foreign(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    os.chown(directory, 12_345, 12_345)


UNSAFE = [_unmarked, _wrong_mark, _open_to_others, _a_link, _a_file]
if os.geteuid() == 0:  # only the administrator can give a directory away
    UNSAFE.append(_foreign)


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(directory.parent.rglob("*"))
    }


@pytest.mark.parametrize("make", UNSAFE)
def test_a_place_that_is_not_ours_is_refused_and_untouched(opener: Opener, make):
    make(opener.directory)
    before = snapshot(opener.directory)
    cache = opener()
    users = cache.namespace("users")
    for operation in (
        lambda: users.set("k", 1),
        lambda: users.get("k"),
        cache.stats,
        lambda: users.delete("k"),
        users.clear,
        lambda: cache.cleanup("users"),
        lambda: list(users.entries()),
    ):
        with pytest.raises(BackendRefused):
            operation()
    cache._core.counting.buffer.reset()
    assert snapshot(opener.directory) == before


@pytest.mark.parametrize("name", ["cache.db", "counters.db"])
def test_a_database_that_is_a_link_or_open_to_others_is_refused(opener: Opener, name):
    with opener() as cache:
        cache.namespace("users").set("k", 1)
    path = opener.directory / name
    for spoil in (
        lambda: path.chmod(0o644),
        lambda: (path.rename(path.with_name("moved")), path.symlink_to("moved")),
    ):
        spoil()
        with pytest.raises(BackendRefused):
            opener().namespace("users").set("k", 2)
        with pytest.raises(BackendRefused):
            opener().namespace("users").get("k")


def test_a_directory_with_a_dollar_or_tilde_is_refused(opener: Opener, tmp_path: Path):
    """Nobody expands them: a directory of that name would be a mistake."""
    for directory in (tmp_path / "$HOME", Path("~"), Path("~root/cache")):
        with pytest.raises(ConfigError):
            FileBackend(directory=directory)


def test_a_value_is_in_a_file_from_where_that_is_faster(opener: Opener):
    header = 49
    users = opener().namespace("users")
    users.set("row", bytes(256 * 1024 - header))
    assert value_files(opener.directory) == []
    users.set("file", bytes(256 * 1024 - header + 1))
    assert len(value_files(opener.directory)) == 1


def test_a_larger_row_of_an_earlier_version_is_read_and_replaced(opener: Opener, monkeypatch):
    users = opener().namespace("users", max_entries=10)
    with monkeypatch.context() as earlier:
        earlier.setattr(table, "ROW_LIMIT", 1024 * 1024)
        users.set("k", b"x" * 1_000_000)
    assert value_files(opener.directory) == []
    assert users.get("k") == b"x" * 1_000_000
    users.set("k", b"y" * 1_000_000)
    assert len(value_files(opener.directory)) == 1
    assert users.get("k") == b"y" * 1_000_000
    assert users.stats().bytes == 1_000_049


def test_large_values_are_files_that_go_with_their_entries(opener: Opener, clock: Clock):
    cache = opener()
    users = cache.namespace("users", max_entries=3)
    for key in ("a", "b", "c"):
        users.set(key, LARGE, tags=["t"] if key == "c" else [])
    assert len(value_files(opener.directory)) == 3
    users.set("a", "short")
    assert len(value_files(opener.directory)) == 2
    users.set("d", LARGE)  # b is evicted
    assert len(value_files(opener.directory)) == 2
    users.delete("d")
    assert len(value_files(opener.directory)) == 1
    users.invalidate(tag="t")
    assert value_files(opener.directory) == []
    users.set("e", LARGE, ttl=10)
    assert not users.set("e", LARGE, nx=True)
    assert len(value_files(opener.directory)) == 1
    clock.advance(10)
    assert users.get("e") is MISSING
    users.set("f", LARGE)
    users.clear()
    assert value_files(opener.directory) == []


def test_value_files_of_nobody_go_with_cleanup_after_an_hour_while_others_are_written(
    opener: Opener,
):
    cache = opener()
    users = cache.namespace("users")
    users.set("k", LARGE)
    (own,) = value_files(opener.directory)
    old, young = own.with_name("0" * 28 + ".val"), own.with_name("1" * 28 + ".val")
    foreign = own.with_name("notes.val")
    for path in (old, young, foreign):
        path.write_bytes(b"orphan")
    hour_ago = own.stat().st_mtime - 3601
    for path in (old, own, foreign):
        os.utime(path, (hour_ago, hour_ago))
    with being_written(opener.directory, Patience(1.0)):
        cache.cleanup()
    assert {*own.parent.iterdir()} == {own, young, foreign}
    cache.cleanup()
    assert {*own.parent.iterdir()} == {own, foreign}
    assert users.get("k") == LARGE


def test_a_large_value_waits_no_longer_than_others_for_a_cleanup_that_was_stopped(opener: Opener):
    """It lists the value files with the lock that says that nobody writes one."""
    users = opener().namespace("users")
    users.set("small", "value")
    with (opener.directory / MARKER).open() as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        began = time.monotonic()
        with pytest.raises(BackendBusy, match="value files"):
            users.set("k", LARGE)
        assert time.monotonic() - began < 2 * SECONDS
        assert value_files(opener.directory) == []
    assert users.set("k", LARGE)


def test_a_missing_value_file_is_a_miss_and_an_error(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    users.set("k", LARGE)
    value_files(opener.directory)[0].unlink()
    assert users.get("k") is MISSING
    figures = cache.stats().namespaces["users"]
    assert (figures.misses, figures.errors) == (1, 1)
    users.set("k", "new")
    assert users.get("k") == "new"


def test_a_failed_write_leaves_no_value_file(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    users.set("k", "old")
    execute(
        opener, "CREATE TRIGGER full BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, ''); END"
    )
    with pytest.raises(BackendError):
        users.set("k", LARGE)
    execute(opener, "DROP TRIGGER full")
    assert value_files(opener.directory) == []
    assert users.get("k") == "old"


def test_space_is_given_back_by_cleanup(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    for i in range(50):
        users.set(str(i), b"x" * 100_000)
    users.clear()
    cache.cleanup()
    cache.close()
    left = [path for path in files(opener.directory) if path.parent.name != "reserve"]
    assert sum(path.stat().st_size for path in left) < 500_000


def test_reads_do_not_wait_for_a_write_of_another_process(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    users.set("k", 1)
    other = sqlite3.connect(opener.directory / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert users.get("k") == 1
    assert cache._core.backend.usage()["users"].entries == 1
    other.execute("ROLLBACK")
    other.close()


def test_a_cache_opened_twice_in_a_row_keeps_its_entries(opener: Opener):
    for expected in (MISSING, 0, 1):
        with opener() as cache:
            users = cache.namespace("users")
            assert users.get("k") == expected
            users.set("k", 0 if expected is MISSING else expected + 1)


def test_threads_that_ended_leave_no_connections_open(opener: Opener):
    cache = opener()
    users = cache.namespace("users")
    users.set("k", 1)
    database = opener.directory / "cache.db"
    for _ in range(30):
        thread = threading.Thread(target=users.get, args=("k",))
        thread.start()
        thread.join()
    files = [file.resolve() for file in Path("/proc/self/fd").iterdir()]
    assert files.count(database) <= 3
