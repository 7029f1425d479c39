"""Databases that cannot be read: put aside by applications that meet them, and begun anew."""

import logging
import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cachectl import MISSING
from cachectl.testing import Clock
from cachectl.testing.contract.base import ENGINES
from tests.support.openers import Opener
from tests.support.processes import finish, start

VALUES = {f"k{number}": f"value {number} " * 30 for number in range(120)}
Damage = Callable[[Path], None]


def overwrite(content: bytes) -> Damage:
    return lambda path: void(path.write_bytes(content))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero(page: int) -> Damage:
    def zero(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(page * 4096)
            file.write(bytes(4096))

    return zero


def spoil_schema(statement: str) -> Damage:
    def spoil(path: Path) -> None:
        with sqlite3.connect(path, isolation_level=None) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(f"UPDATE sqlite_master SET {statement}")
        connection.close()

    return spoil


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def void(_: object) -> None:
    """Return nothing."""


DAMAGES: dict[str, Damage] = {
    "noise": lambda path: void(path.write_bytes(random.Random(1).randbytes(50_000))),
    "text": overwrite(b"not a database at all\n"),
    "zeros": overwrite(bytes(20_000)),
    "half": truncate,
    "header": zero(0),
    "page": zero(2),
    "schema": spoil_schema("sql = 'CREATE TABLE x(' WHERE name = 'entries'"),
    "table": spoil_schema("name = 'entriez', tbl_name = 'entriez' WHERE name = 'entries'"),
    "column": spoil_schema("sql = replace(sql, 'value BLOB', 'valuf BLOB') WHERE name = 'entries'"),
    "directory": make_directory,
}


@pytest.fixture(params=ENGINES)
def opener(request, clock: Clock, tmp_path: Path) -> Iterator[Opener]:
    """Opens caches over one directory, for threads or for tasks."""
    settings: dict[str, object] = {"backend": "file", "file.directory": tmp_path / "cache"}
    opener = Opener(settings, clock, request.param)
    yield opener
    opener.close()


@pytest.fixture(params=DAMAGES)
def damage(request) -> Damage:
    """What may happen to a database."""
    return DAMAGES[request.param]


@pytest.fixture
def closed(opener: Opener) -> Path:
    """The database of a closed cache with VALUES in it."""
    with opener() as cache:
        users = cache.namespace("users", ttl="none")
        users.set_many(VALUES)
        users.get("k1")
    return opener.directory / "cache.db"


def aside(opener: Opener) -> list[str]:
    """Return the names of what was put aside."""
    return sorted(path.name for path in opener.directory.glob("*.damaged-*"))


def test_an_application_that_meets_damage_begins_anew_and_says_so(
    opener: Opener, closed: Path, damage: Damage, caplog
):
    damage(closed)
    before = None if closed.is_dir() else closed.read_bytes()
    cache = opener(strict=False)
    users = cache.namespace("users", ttl="none")
    with caplog.at_level(logging.WARNING, "cachectl"):
        found = {key: users.get(key) for key in VALUES}
        for key in VALUES:
            users.set(key, "new")
        users.set("k", "new")
        assert users.get("k") == "new"
        cache.flush()
    assert all(found[key] in (MISSING, value) for key, value in VALUES.items())
    assert opener().namespace("users").get("k") == "new"
    kept = [name for name in aside(opener) if not name.endswith(("-wal", "-shm"))]
    assert len(kept) == 1
    path = opener.directory / kept[0]
    assert path.is_dir() if before is None else path.read_bytes()[:100] == before[:100]
    assert before is None or not path.stat().st_mode & 0o077
    (told,) = [each for each in caplog.messages if kept[0] in each]
    assert str(closed) in told
    assert "lost" in told
    stats = cache.stats()
    assert stats.namespaces["users"].errors >= 1
    assert stats.backend.notes


@pytest.mark.parametrize("call", ["set", "delete", "clear", "invalidate", "get_or_load", "entries"])
def test_whatever_call_meets_damage_goes_on(opener: Opener, closed: Path, damage: Damage, call):
    damage(closed)
    cache = opener(strict=False)
    users = cache.namespace("users", ttl="none")
    if call == "set":
        for key in VALUES:
            assert users.set(key, "new")
        assert users.get("k1") == "new"
    elif call == "get_or_load":
        for key, value in VALUES.items():
            assert users.get_or_load(key, lambda: "new") in ("new", value)
    elif call == "entries":
        assert len(list(users.entries())) <= len(VALUES)
    elif call == "invalidate":
        users.invalidate(tag="t")
    elif call == "clear":
        users.clear()
        assert list(users.entries()) == []
    else:
        for key in VALUES:
            users.delete(key)
        assert list(users.entries()) == []
    assert users.set("after", "new")
    assert users.get("after") == "new"
    assert {entry.key for entry in users.entries()} >= {"after"}


def test_damage_under_an_open_cache_is_met_as_well(opener: Opener, closed: Path):
    cache = opener(strict=False)
    users = cache.namespace("users", ttl="none")
    assert users.set("k", "value")
    assert users.get("k1") == VALUES["k1"]
    closed.write_bytes(random.Random(1).randbytes(50_000))
    for number in range(20):
        users.set(f"more{number}", "new")
    assert users.set("k", "new")
    assert users.get("k") == "new"
    assert opener().namespace("users").get("k") == "new"


def test_processes_that_meet_it_at_once_put_one_aside(opener: Opener, closed: Path):
    program = """
import logging
logging.disable()
cache = open_cache()
users = cache.namespace("users", ttl="none")
print("ready", flush=True)
sys.stdin.readline()
me = str(os.getpid())
threads = [threading.Thread(target=users.get, args=(f"k{n}",)) for n in range(4)]
for thread in threads: thread.start()
assert users.set(me, "new")
for thread in threads: thread.join()
print(users.get(me))
"""
    closed.write_bytes(random.Random(1).randbytes(50_000))
    options = {**opener.settings, "file.timeout": "20s"}
    processes = [start(program, options) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [finish(process) for process in processes] == ["new\n"] * 4
    users = opener().namespace("users", ttl="none")
    assert [users.get(str(process.pid)) for process in processes] == ["new"] * 4
    assert len([name for name in aside(opener) if not name.endswith(("-wal", "-shm"))]) == 1


def test_at_most_two_are_kept(opener: Opener, closed: Path):
    for _ in range(4):
        for path in opener.directory.glob("cache.db-*"):
            path.unlink()
        closed.write_bytes(b"not a database at all\n")
        with opener(strict=False) as cache:
            assert cache.namespace("users").set("k", "new")
    assert len([name for name in aside(opener) if not name.endswith(("-wal", "-shm"))]) == 2


@pytest.mark.parametrize("strict", [True, False])
def test_damaged_counters_hide_no_entry(opener: Opener, closed: Path, damage: Damage, strict):
    damage(opener.directory / "counters.db")
    cache = opener(strict=strict)
    users = cache.namespace("users", ttl="none")
    assert users.get("k1") == VALUES["k1"]
    assert len(list(users.entries())) == len(VALUES)
    figures = cache.stats().namespaces["users"]
    assert figures.entries == len(VALUES)
    users.get("k2")
    cache.flush()
    assert cache.stats().namespaces["users"].hits >= 1
    assert closed.exists()


def test_what_is_busy_foreign_or_newer_is_not_put_aside(opener: Opener, closed: Path, clock: Clock):
    for statement in ("PRAGMA application_id = 7", "PRAGMA user_version = 99"):
        copy = opener.directory.with_name("copy")
        shutil.copytree(opener.directory, copy)
        with sqlite3.connect(copy / "cache.db") as connection:
            connection.execute(statement)
        connection.close()
        cache = opener(strict=False, file__directory=copy)
        users = cache.namespace("users", ttl="none")
        assert users.get("k1") is MISSING
        assert users.set("k", "new")  # in memory, which stands in
        assert cache.status().kind == "place"
        assert not list(copy.glob("*damaged*"))
        cache.close()
        shutil.rmtree(copy)
    locked = sqlite3.connect(closed, isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    users = opener(strict=False, file__timeout="0.1s").namespace("users", ttl="none")
    assert not users.set("k", "new")
    locked.close()
    assert aside(opener) == []


def test_threads_that_meet_it_at_once_begin_one(opener: Opener, closed: Path):
    closed.write_bytes(random.Random(1).randbytes(50_000))
    users = opener(strict=False).namespace("users", ttl="none")
    stored: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: stored.append(bool(users.set(f"t{n}", n))))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored == [True] * 8
    assert [users.get(f"t{n}") for n in range(8)] == list(range(8))
