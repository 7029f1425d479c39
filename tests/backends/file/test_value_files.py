"""Whatever is planted in the place of a value file is neither followed, waited for nor read."""

import os
import shutil
import socket
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cachectl import BackendRefused, Cache, DamagedEntry
from cachectl._backends.file.value_files import ValueFiles
from tests.support.openers import Opener
from tests.support.second_user import MALLORY, needs_root

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

VALUE = b"x" * 2_000_000
MEMORY = 8 * 1024 * 1024


@pytest.fixture
def cache(opener: Opener) -> Iterator[Cache]:
    with opener(strict=True) as cache:
        cache.namespace("users").set("large", VALUE)
        yield cache


@pytest.fixture
def file(cache: Cache, opener: Opener) -> Path:
    (found,) = opener.directory.glob("??/*.val")
    return found


def _link(file: Path) -> None:
    content = file.with_name("aside")
    file.rename(content)
    file.symlink_to(content)


def _link_to_itself(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


def _linked_directory(file: Path) -> None:
    aside = file.parent.with_name("aside")
    file.parent.rename(aside)
    file.parent.symlink_to(aside)


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _fifo_that_somebody_writes(file: Path) -> None:
    _fifo(file)
    os.open(file, os.O_RDWR | os.O_NONBLOCK)  # open as long as this process lives


def _device(file: Path) -> None:
    file.unlink()
    try:
        os.mknod(file, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("devices cannot be made here")


def _socket(file: Path) -> None:
    file.unlink()
    directory = os.open(file.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{directory}/{file.name}")
    os.close(directory)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _sparse(file: Path) -> None:
    os.truncate(file, 2**40)


def _a_byte_longer(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"x")


def _shorter(file: Path) -> None:
    os.truncate(file, 100)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


def _of_another_user(file: Path) -> None:
    os.chown(file, MALLORY, MALLORY)


PLANTED = [
    _link, _link_to_itself, _linked_directory, _fifo, _fifo_that_somebody_writes, _device, _socket,
    _directory, _sparse, _a_byte_longer, _shorter, _empty, _of_another_user,
]  # fmt: skip
if os.geteuid():
    PLANTED.remove(_of_another_user)


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_is_a_damaged_entry(
    opener: Opener, cache: Cache, file: Path, plant: Callable[[Path], None]
):
    plant(file)
    users = cache.namespace("users")
    tracemalloc.start()
    try:
        assert users.get("large", default="missed") == "missed"
        with pytest.raises(DamagedEntry):
            users.peek("large")
        assert len(list(users.entries())) == 1
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert cache.namespace("users").stats().errors >= 1
    assert users.clear().entries == 1


def test_a_size_that_was_damaged_takes_no_memory(opener: Opener, cache: Cache, file: Path):
    for size in (2**60, -(2**60), 0, 1, "much", b"\xff"):
        with sqlite3.connect(opener.directory / "cache.db") as connection:
            connection.execute("UPDATE entries SET size = ?", (size,))
        connection.close()
        tracemalloc.start()
        cache.namespace("users").get("large")
        assert tracemalloc.get_traced_memory()[1] < MEMORY
        tracemalloc.stop()


def test_a_value_is_not_written_through_a_link(opener: Opener, cache: Cache, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    for number in range(256):
        directory = opener.directory / f"{number:02x}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.symlink_to(outside)
    with pytest.raises(
        BackendRefused, match=f"is no directory: rm {opener.directory}/[0-9a-f]{{2}}"
    ):
        cache.namespace("users").set("large", VALUE)
    assert not list(outside.iterdir())


def test_nothing_is_read_of_a_directory_that_was_opened_to_others(
    opener: Opener, cache: Cache, file: Path
):
    opener.directory.chmod(0o755)
    with pytest.raises(BackendRefused):
        ValueFiles(opener.directory).read(f"{file.parent.name}/{file.name}", 10**7)
    opener.directory.chmod(0o700)


@needs_root
def test_nothing_is_read_of_a_directory_that_another_user_put_there(
    opener: Opener, cache: Cache, file: Path
):
    os.chown(opener.directory, MALLORY, MALLORY)
    with pytest.raises(BackendRefused):
        ValueFiles(opener.directory).read(f"{file.parent.name}/{file.name}", 10**7)
    os.chown(opener.directory, os.geteuid(), os.getegid())


def test_of_a_value_that_cannot_be_written_nothing_is_left(opener: Opener, cache: Cache):
    import resource
    import signal

    before = set(opener.directory.rglob("*.val"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    try:
        with pytest.raises(Exception, match="File too large"):
            ValueFiles(opener.directory).write(VALUE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert set(opener.directory.rglob("*.val")) == before
