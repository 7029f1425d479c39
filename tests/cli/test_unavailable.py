"""A backend that is away or not ours: every command says so, quickly, and touches nothing."""

import json
import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cachectl import Cache
from tests.cli.support.tool import Ended
from tests.support.locked import locked
from tests.support.openers import settings
from tests.support.servers import free_port, redis_server

SECRET = "hunter2-canary"  # no password of anything
COMMANDS = (
    ("get", "a", "k"),
    ("set", "a", "k", "v"),
    ("stats",),
    ("inspect",),
    ("inspect", "a"),
    ("inspect", "a", "k"),
    ("clear", "a", "--yes"),
    ("clear", "--all", "--yes"),
    ("clear", "a", "--dry-run"),
    ("cleanup",),
    ("cleanup", "a", "--dry-run"),
    ("warm", "manifest.jsonl"),
)


@contextmanager
def refusing() -> Iterator[str]:
    """A port on which nobody listens."""
    yield f"redis://:{SECRET}@127.0.0.1:{free_port()}/0"


@contextmanager
def silent() -> Iterator[str]:
    """A port on which somebody accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/0"


@contextmanager
def stopped() -> Iterator[str]:
    """A server that is there and does not move."""
    with redis_server() as server:
        os.kill(server.process.pid, signal.SIGSTOP)
        yield f"unix://:{SECRET}@{server.socket}"


@contextmanager
def closed() -> Iterator[str]:
    """A server that wants a password, and gets none."""
    with redis_server("--requirepass", SECRET) as server:
        yield f"unix://{server.socket}"


@contextmanager
def wrong() -> Iterator[str]:
    """A server that wants another password."""
    with redis_server("--requirepass", "another") as server:
        yield f"unix://:{SECRET}@{server.socket}"


@contextmanager
def nowhere() -> Iterator[str]:
    """A socket that does not exist."""
    yield f"unix://:{SECRET}@/nonexistent/redis.sock"


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"namespace": "a", "key": "k", "value": 1}\n')


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (refusing, "refuse"),
        (silent, "timed out"),
        (stopped, "timed out"),
        (closed, "password"),
        (wrong, "password"),
        (nowhere, "no such file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_command_says_why(tool, manifest, trouble, reason):
    """It ends with 5 and one line with the reason; neither a password nor a result is printed."""
    with trouble() as url:
        tool = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=url)
        for arguments, ended in zip(COMMANDS, tool.together(COMMANDS), strict=True):
            assert (ended.code, ended.raw) == (5, b""), (arguments, ended)
            assert ended.err.startswith("cachectl: "), arguments
            assert reason in ended.err.lower(), arguments
            first, cache = ended.err.splitlines()
            assert first.endswith("correct redis.url (--url, CACHECTL_URL)"), arguments
            assert cache.startswith("  cache redis "), arguments
            assert SECRET not in ended.err, arguments
    assert [path.name for path in tool.home.iterdir()] == ["manifest.jsonl"]


@pytest.mark.parametrize("trouble", [silent, stopped], ids=["silent", "stopped"])
@pytest.mark.parametrize("arguments", [("-v", "stats", "-f", "json"), ("warm", "manifest.jsonl")])
def test_fails_within_three_seconds(tool, manifest, trouble, arguments):
    """A server that does not answer is given up in time, and JSON says so in one document. It is tried
    again where other tests had the processor: the shortest of three is what it takes.
    """
    with trouble() as url:
        tool = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=url)
        seconds = float("inf")
        for _ in range(3):
            started = time.monotonic()
            ended = tool(*arguments)
            seconds = min(seconds, time.monotonic() - started)
            assert ended.code == 5
            if seconds < 3:
                break

    assert seconds < 3
    assert SECRET not in ended.err + ended.out
    if "json" in arguments:
        document = json.loads(ended.out)
        assert (document["schema"], document["exit_code"]) == ("cachectl.error/1", 5)


READS = [
    ("stats",), ("inspect",), ("inspect", "a"), ("inspect", "a", "k"),
    ("clear", "a", "--dry-run"), ("cleanup", "a", "--dry-run"),
]  # fmt: skip
WRITES = [
    ("set", "a", "k", "v"), ("clear", "a", "--yes"), ("clear", "--all", "--yes"),
    ("cleanup", "a"), ("warm", "manifest.jsonl"),
]  # fmt: skip


def test_a_user_who_may_only_read_reads_and_is_told_what_is_missing_to_write(tool, manifest):
    """Nothing is pretended: what is refused ends with 6, and says which right would help."""
    with redis_server() as server, server.client() as raw:
        with Cache.of(settings("redis", redis__url=server.url), strict=True) as cache:
            cache.namespace("a").set("k", "v")
        may = ["~cachectl:*", "+@read", "+@connection", "+eval", "+evalsha"]
        raw.execute_command("ACL", "SETUSER", "reader", "on", f">{SECRET}", *may)
        url = f"unix://reader:{SECRET}@{server.socket}"
        tool = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=url)
        for arguments, ended in zip(READS, tool.together(READS), strict=True):
            assert ended.code == 0, (arguments, ended)
            assert SECRET not in ended.err, arguments
        for arguments, ended in zip(WRITES, tool.together(WRITES), strict=True):
            assert (ended.code, ended.raw) == (6, b""), (arguments, ended)
            assert "does not permit this user" in ended.err, arguments
            assert "its ACL needs ~cachectl:* +@read +@write" in ended.err, arguments
            assert SECRET not in ended.err, arguments
        with Cache.of(settings("redis", redis__url=server.url), strict=True) as cache:
            assert cache.namespace("a").get("k") == "v"


def not_marked(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "precious.txt").write_text("mine")


def link(directory: Path) -> None:
    (directory.parent / "elsewhere").mkdir(mode=0o700)
    directory.symlink_to("elsewhere")


def open_to_others(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    with Cache.of(settings("file", file__directory=directory)) as cache:
        cache.namespace("a").set("k", "v")
    directory.chmod(0o755)


def file(directory: Path) -> None:
    directory.write_text("mine")


def below_a_file(directory: Path) -> Path:
    directory.write_text("mine")
    return directory / "deeper"


def below_a_loop(directory: Path) -> Path:
    directory.symlink_to(directory.name)
    return directory / "deeper"


def name_too_long(directory: Path) -> Path:
    return directory.with_name("x" * 300)


def tree(directory: Path) -> set[tuple[str, int, int, int]]:
    """Return what is there: every path with its mode, size and time of change."""
    return {
        (str(path), status.st_mode, status.st_size, status.st_mtime_ns)
        for path in (directory, *directory.rglob("*"))
        for status in [path.lstat()]
    }


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (not_marked, "is not a cachectl cache"),
        (link, "is a symbolic link"),
        (open_to_others, "is open to others (mode 0755); chmod 700 it"),
        (file, "is not a directory"),
        (below_a_file, "Not a directory"),
        (below_a_loop, "Too many levels of symbolic links"),
        (name_too_long, "File name too long"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_directory_that_is_not_ours(tool, manifest, place, reason):
    """It is refused with 6 by every command, and left exactly as it is."""
    (tool.home / "place").mkdir()
    directory = tool.home / "place/cache"
    directory = place(directory) or directory
    before = tree(tool.home / "place")
    tool = tool.having(CACHECTL_FILE__DIRECTORY=str(directory))

    for arguments, ended in zip(COMMANDS, tool.together(COMMANDS), strict=True):
        assert (ended.code, ended.raw) == (6, b""), (arguments, ended)
        assert ended.err.startswith("cachectl: "), arguments
        assert reason in ended.err, arguments
        assert_says_where_and_what_helps(ended, directory)
    assert tree(tool.home / "place") == before


def assert_says_where_and_what_helps(ended: Ended, directory: Path) -> None:
    first = ended.err.splitlines()[0]
    assert re.fullmatch(rf"cachectl: .*{re.escape(str(directory))}.*", first), ended.err
    assert "; " in first or "\n  do    " in ended.err


def rewritten(directory: Path, content: bytes) -> None:
    """Put something else in the place of the database."""
    for path in directory.glob("cache.db*"):
        path.unlink()
    (directory / "cache.db").write_bytes(content)
    (directory / "cache.db").chmod(0o600)


def foreign(directory: Path) -> None:
    rewritten(directory, b"")
    with closing(sqlite3.connect(directory / "cache.db")) as connection, connection:
        connection.execute("CREATE TABLE precious(data)")


def newer(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "cache.db")) as connection, connection:
        connection.execute("PRAGMA user_version = 99")


def tampered(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "cache.db")) as connection, connection:
        connection.execute("CREATE VIEW v AS SELECT 1")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(foreign, 6), (newer, 6), (tampered, 6)],
    ids=lambda value: str(value)[10:18],
)
def test_databases_that_are_not_ours_to_use(tool, manifest, spoil, code):
    """Each message names the place, what is wrong with it, and what helps."""
    tool("set", "a", "k", "v")
    spoil(tool.directory)
    for arguments, ended in zip(COMMANDS, tool.together(COMMANDS), strict=True):
        assert (ended.code, ended.raw) == (code, b""), (arguments, ended)
        assert_says_where_and_what_helps(ended, tool.directory)


def test_place_below_a_file(tool, manifest):
    """No directory can be there."""
    (tool.home / "file").touch()
    tool = tool.having(CACHECTL_FILE__DIRECTORY=str(tool.home / "file/cache"))
    for ended in tool.together(COMMANDS):
        assert ended.code in {5, 6}
        assert_says_where_and_what_helps(ended, tool.home / "file/cache")


def test_empty_database_is_an_empty_cache(tool, manifest):
    """As a process leaves one that was killed at once."""
    tool("set", "a", "k", "v")
    rewritten(tool.directory, b"")
    assert tool("get", "a", "k").code == 3
    assert tool("warm", "manifest.jsonl").code == 0


def test_locked_database(tool, manifest):
    """Who has it is another process; what only reads works."""
    tool("set", "a", "k", "v")
    with locked(tool.directory / "cache.db"):
        writes = [("set", "a", "k", "v"), ("clear", "a", "--yes"), ("warm", "manifest.jsonl")]
        for ended in tool.together(writes):
            assert (ended.code, ended.raw) == (7, b"")
            busy, cache, help_ = ended.err.splitlines()[-3:]
            assert busy.startswith("cachectl: busy: ")
            assert str(tool.directory) in busy
            assert cache.startswith("  cache file ~/.cache/cachectl · ")
            assert help_ == "  do    try again when that has ended"
