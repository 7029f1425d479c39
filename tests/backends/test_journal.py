"""What is removed while Redis is away stays removed, also if the process that removed it ends first."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh3_64_hexdigest

from cachectl import MISSING, AsyncCache, Cache
from cachectl._backends import volatile
from cachectl._backends.fallback import journal
from cachectl._backends.redis.backend import RedisBackend
from cachectl._config import Settings
from tests.support.openers import settings
from tests.support.servers import Server, free_port, redis_server

_PROGRAM = """
import os, signal, sys
from cachectl import Cache
cache = Cache.open(url=sys.argv[1], settings={"redis.timeout": "0.5s"})
users = cache.namespace("users")
while users.get("alice") != 1:  # a busy machine may not answer in time
    cache.flush()
print("ready", flush=True)
input()
exec(sys.argv[2])
"""


class Outage:
    """A Redis that hangs while it is away, and so has everything when it is back."""

    def __init__(self, stack: ExitStack) -> None:
        port = free_port()
        self.server: Server = stack.enter_context(redis_server(port=port))
        self._stack = stack
        self.directory = RedisBackend(url=self.server.url).journal()

    def begin(self) -> None:
        self.server.process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        self.server.process.send_signal(signal.SIGCONT)

    def settings(self) -> Settings:
        return settings("redis", redis__url=self.server.url, redis__timeout=0.5)

    def open(self, **options: Any) -> Cache:
        made = Cache.of(self.settings(), **options)
        self._stack.callback(made.close)
        return made

    def process(self, does: str) -> tuple[int, str]:
        """Run a program that looks up something, and does this during an outage."""
        command = [sys.executable, "-c", _PROGRAM, self.server.url, does]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdin
            assert running.stdout
            assert running.stdout.readline() == "ready\n"
            self.begin()
            _, told = running.communicate("\n", 30)
            return running.returncode, told

    @property
    def files(self) -> list[Path]:
        assert self.directory
        return list(self.directory.iterdir()) if self.directory.exists() else []


@pytest.fixture
def redis() -> Iterator[Outage]:
    with ExitStack() as stack:
        made = Outage(stack)
        users = made.open(strict=True).namespace("users")
        for key in ("alice", "bob", "carol"):
            users.set(key, 1, tags=["user:1"] if key == "alice" else [])
        yield made
        made.end()


@pytest.mark.parametrize(
    ("does", "gone"),
    [
        ('users.invalidate(tag="user:1")', {"alice"}),
        ('users.delete("alice")', {"alice"}),
        ('users.delete_many(["alice", "bob"])', {"alice", "bob"}),
        ("users.clear()", {"alice", "bob", "carol"}),
        ("cache.clear()", {"alice", "bob", "carol"}),
        ('users.set("alice", 2)', {"alice"}),
    ],
)
@pytest.mark.parametrize("end", ["", "cache.close()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_an_ended_process_removed_is_removed_before_the_next_looks_it_up(
    redis: Outage, does: str, gone: set[str], end: str
):
    """However it ended: of its own accord, closed or killed."""
    redis.process(f"{does}\n{end}")
    (file,) = redis.files
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    redis.end()
    users = redis.open().namespace("users")
    assert {key for key in ("alice", "bob", "carol") if users.get(key) is MISSING} == gone
    assert redis.files == []


def test_caches_that_are_closed_one_after_the_other_leave_one_file(redis: Outage):
    """An outage may be long, and they may be many."""
    redis.begin()
    for key in ("alice", "bob", "dave"):
        cache = redis.open()
        cache.namespace("users").delete(key)
        cache.close()
        assert len(redis.files) == 1
    last = redis.open()
    last.namespace("users").delete("eve")
    assert len(redis.files) == 1
    redis.end()
    last.flush()
    assert redis.files == []
    users = redis.open().namespace("users")
    assert [users.get(key) for key in ("alice", "bob", "carol")] == [MISSING, MISSING, 1]


def test_tasks_see_nothing_of_before_either(redis: Outage):
    redis.process('users.invalidate(tag="user:1")')
    redis.end()

    async def look_up() -> list[object]:
        async with AsyncCache.of(redis.settings()) as cache:
            first = await cache.namespace("users").get("alice")
            await cache.flush()
            return [first, *[await cache.namespace("users").get(key) for key in ("alice", "bob")]]

    assert asyncio.run(look_up()) == [MISSING, MISSING, 1]


def test_the_command_line_sees_nothing_of_before_either(redis: Outage):
    redis.process('users.invalidate(tag="user:1")')
    redis.end()
    assert redis.open(strict=True).namespace("users").get("alice") is MISSING


@pytest.mark.parametrize("end", ["", "cache.close()"])
def test_a_process_says_at_its_end_what_redis_was_not_told(redis: Outage, end: str):
    code, told = redis.process(f'users.invalidate(tag="user:1"); users.delete("bob")\n{end}')
    assert code == 0
    assert "(1 key, 1 tag) is noted in /" in told


def test_where_nothing_may_be_written_that_is_said(redis: Outage):
    """The directory is not this user's alone."""
    assert redis.directory
    redis.directory.mkdir(mode=0o755)
    redis.directory.chmod(0o755)
    _, told = redis.process('users.delete("bob")')
    assert "(1 key) may be served again when it is back, for that is lost with this process" in told
    assert redis.files == []


def test_a_process_that_lives_on_leaves_nothing(redis: Outage):
    cache = redis.open()
    users = cache.namespace("users")
    redis.begin()
    users.delete("alice")
    assert len(redis.files) == 1
    redis.end()
    cache.flush()
    assert cache.status().status == "ok"
    assert users.get("alice") is MISSING
    assert redis.directory
    assert not redis.directory.exists()


def test_the_journal_of_a_process_that_lives_is_its_own(redis: Outage):
    """Nobody else removes what is in it, nor the file."""
    one, other = redis.open(), redis.open()
    redis.begin()
    one.namespace("users").delete("alice")
    redis.end()
    assert other.namespace("users").get("bob") == 1
    other.flush()
    assert len(redis.files) == 1
    one.flush()
    assert redis.files == []


def line(record: object) -> bytes:
    body = json.dumps(record).encode()
    return xxh3_64_hexdigest(body).encode() + b" " + body + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        random.Random(1).randbytes(5000),
        line(["users", ["alice"], [], False])[:-9],
        line(["users", ["alice"], [], False]).replace(b"alice", b"carol"),
        line(["../users", ["alice"], [], False]),
        line(["users", "alice", [], False]),
        line(["users", [1, None], [], False]),
        line(["users", ["\ud800"], [], False]),
        line(["users", ["a" * 100_000], [], False]),
        line({"users": 1}),
        line([[]] * 4),
        line("[" * 5000),
        b"0123456789abcdef " + b"[" * 100_000 + b"\n",
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_journal_that_is_none_harms_nobody(redis: Outage, content: bytes):
    assert redis.directory
    redis.directory.mkdir(mode=0o700)
    (redis.directory / "0123456789abcdef.removed").touch(0o600)
    (redis.directory / "0123456789abcdef.removed").write_bytes(content)
    users = redis.open().namespace("users")
    assert [users.get(key) for key in ("alice", "bob", "carol")] == [1, 1, 1]


def test_links_pipes_and_what_others_can_write_are_left_alone(redis: Outage, tmp_path: Path):
    assert redis.directory
    redis.directory.mkdir(mode=0o700)
    kept = tmp_path / "kept"
    kept.write_bytes(line(["users", [], [], True]))
    (redis.directory / "a.removed").symlink_to(kept)
    os.mkfifo(redis.directory / "b.removed", 0o600)
    (redis.directory / "c.removed").write_bytes(kept.read_bytes())
    (redis.directory / "c.removed").chmod(0o666)
    users = redis.open().namespace("users")
    assert users.get("alice") == 1
    assert kept.exists()


def test_a_journal_that_somebody_removes_while_it_is_read_harms_nobody(redis: Outage):
    """What it says was removed; whoever had that done goes on."""
    assert redis.directory
    redis.directory.mkdir(mode=0o700)
    file = redis.directory / "a.removed"
    file.touch(0o600)
    file.write_bytes(line(["users", ["alice"], [], False]))
    for pending, done in journal.taken(redis.directory):
        assert list(pending) == ["users"]
        file.unlink()
        done()
    assert not journal.left(redis.directory)


def test_a_line_that_is_damaged_costs_none_of_the_others(redis: Outage):
    assert redis.directory
    redis.directory.mkdir(mode=0o700)
    file = redis.directory / "a.removed"
    file.touch(0o600)
    file.write_bytes(
        line(["users", ["alice"], [], False]) + b"junk\n" + line(["users", ["bob"], [], False])
    )
    users = redis.open().namespace("users")
    assert [users.get(key) for key in ("alice", "bob", "carol")] == [MISSING, MISSING, 1]


def test_a_journal_does_not_grow_without_an_end(redis: Outage, monkeypatch: pytest.MonkeyPatch):
    """From some size on all of the namespace is removed."""
    monkeypatch.setattr(journal, "_MOST_BYTES", 2000)
    users = redis.open().namespace("users")
    redis.begin()
    for number in range(500):
        users.delete(f"k{number}")
    (file,) = redis.files
    assert file.stat().st_size < 4000
    assert file.read_bytes().splitlines()[-1].endswith(b'["users", [], [], true]')


def test_memory_alone_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(volatile, "SHARED_MEMORY", tmp_path)
    cache = Cache.of(settings("memory", memory__publish=False))
    cache.namespace("users").set("alice", 1)
    cache.namespace("users").clear()
    cache.close()
    assert list(tmp_path.iterdir()) == []
