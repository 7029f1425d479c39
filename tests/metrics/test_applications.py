"""What processes publish of themselves: who may read it, what is read, and what goes."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachectl._metrics.applications import Publication, running
from cachectl._metrics.reports import Status
from tests.support.processes import wait_until

OK = Status("redis", "redis", "ok", 0)
AWAY = Status("redis", "memory", "fallback_only", 3, 12.5, "it refused", kind="outage")


class Process:
    """What one cache of this process publishes in a directory."""

    def __init__(self, path: Path) -> None:
        self.status = OK
        self.publication = Publication(lambda: [path], lambda: self.status)
        self.publication.show()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "applications"


@pytest.fixture
def process(path: Path) -> Iterator[Process]:
    made = Process(path)
    yield made
    made.publication.withdraw()


def test_what_a_process_is_in_is_read_by_others(process: Process, path: Path):
    (found,) = running([path])
    assert (found.pid, found.status, found.since) == (os.getpid(), "ok", None)
    assert f"in {Path.cwd()}" in found.program
    process.status = AWAY
    process.publication.show()
    (found,) = running([path])
    assert (found.status, found.kind, found.since) == ("fallback_only", "outage", 12.5)
    assert (found.last_error, found.fallback_entries) == ("it refused", 3)


def test_it_is_written_when_it_changes_and_not_once_a_second(process: Process, path: Path):
    (file,) = path.iterdir()
    before = file.stat()
    for _ in range(5):
        process.publication.show()
    (file,) = path.iterdir()
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_this_user_may_look(process: Process, path: Path):
    process.status = AWAY
    process.publication.show()
    (file,) = path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_withdrawn_leaves_nothing(process: Process, path: Path):
    other = Process(path)
    other.publication.withdraw()
    assert len(running([path])) == 1
    process.publication.withdraw()
    assert not path.exists()
    assert running([path]) == []


def test_what_a_process_left_that_ended_is_not_read_and_goes(path: Path):
    """Whatever has its process id by now: a lock tells, that ends with it."""
    child = os.fork()
    if child == 0:
        Process(path)
        os._exit(0)
    os.waitpid(child, 0)
    (left,) = path.iterdir()
    left.rename(path / f"{os.getpid()}-left.application")
    assert running([path]) == []
    assert not path.exists()


def test_a_new_process_removes_what_others_left(path: Path):
    child = os.fork()
    if child == 0:
        Process(path)
        os._exit(0)
    os.waitpid(child, 0)
    made = Process(path)
    assert len(list(path.iterdir())) == 1
    made.publication.withdraw()


def test_a_child_appears_by_itself_and_goes_by_itself(process: Process, path: Path):
    child = os.fork()
    if child == 0:
        process.publication.after_fork_in_child()
        process.publication.show()
        wait_until(lambda: not (path / "wait").exists())
        os._exit(0)
    (path / "wait").touch()
    try:
        wait_until(lambda: len(running([path])) == 2)
        assert {found.pid for found in running([path])} == {os.getpid(), child}
        process.publication.withdraw()
        assert [found.pid for found in running([path])] == [child]
    finally:
        (path / "wait").unlink()
        os.waitpid(child, 0)
    assert running([path]) == []


def planted(path: Path, name: str, content: bytes, mode: int = 0o600) -> int:
    """Write a file, and hold it as a process does."""
    import fcntl

    file = os.open(path / name, os.O_CREAT | os.O_RDWR, mode)
    os.fchmod(file, mode)
    os.write(file, content)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


WHOLE = {
    "pid": 1, "program": "p", "status": "ok", "kind": None, "since": None, "last_error": None,
    "fallback_entries": 0,
}  # fmt: skip


def test_what_we_did_not_write_is_not_shown(process: Process, path: Path):
    """Neither what is no document, or another, nor what is a link, too long or open to others."""
    contents = [b"", b"{", b"[]", b"1", b'"x"', b"\xff", b"[" * 10_000, b"{}"]
    contents += [json.dumps(WHOLE | {name: [1]}).encode() for name in WHOLE]
    contents.append(json.dumps(WHOLE | {"program": "x" * 100_000}).encode())
    files = [planted(path, f"{at}.application", each) for at, each in enumerate(contents)]
    whole = json.dumps(WHOLE).encode()
    files.append(planted(path, "open.application", whole, 0o644))
    files.append(planted(path, "other.name", whole))
    (path / "link.application").symlink_to(path / "other.name")
    os.mkfifo(path / "pipe.application")
    (path / "directory.application").mkdir()
    assert [found.pid for found in running([path])] == [os.getpid()]
    files.append(planted(path, "right.application", whole))
    assert len(running([path])) == 2
    for file in files:
        os.close(file)
    for each in path.iterdir():
        if each.is_dir():
            each.rmdir()
        else:
            each.unlink()


def test_what_was_published_with_a_password_is_read_without(path: Path):
    url = "redis://:s3cr3t@host:6379"
    told = json.dumps(WHOLE | {"program": f"python in {url}", "last_error": f"{url} is away"})
    path.mkdir(mode=0o700)
    file = planted(path, "old.application", told.encode())
    (found,) = running([path])
    os.close(file)
    assert "s3cr3t" not in repr(found)
    assert found.last_error == "redis://***@host:6379 is away"


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_a_directory_that_is_open_to_others_is_not_used(path: Path, mode: int):
    path.mkdir()
    path.chmod(mode)
    made = Process(path)
    assert list(path.iterdir()) == []
    assert running([path]) == []
    made.publication.withdraw()
    assert path.exists()


def test_a_link_in_the_place_of_the_directory_is_not_followed(path: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.symlink_to("elsewhere")
    Process(path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_cannot_be_published_is_once_it_can(path: Path):
    path.write_text("in the way")
    made = Process(path)
    path.unlink()
    made.publication.show()
    assert len(running([path])) == 1
    made.publication.withdraw()
