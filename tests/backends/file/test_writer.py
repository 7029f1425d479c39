"""The one connection of a process that writes to a cache directory."""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from inspect import CO_GENERATOR
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from cachectl import MISSING, BackendError, BackendRefused, Cache
from cachectl._backends.file.backend import FileBackend
from tests.support.openers import Opener
from tests.support.processes import finish, run, start

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)
LARGE = b"x" * 1_500_000


def execute(opener: Opener, statement: str) -> list[tuple[object, ...]]:
    """Do something behind the back of the cache."""
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection, connection:
        return connection.execute(statement).fetchall()


def writing_connection(cache: Cache) -> sqlite3.Connection:
    assert isinstance(cache._core.backend, FileBackend)
    connection = cache._core.backend._writer._connection
    assert connection is not None
    return connection.sqlite


def open_files(path: Path) -> int:
    return [file.resolve() for file in Path("/proc/self/fd").iterdir()].count(path)


def test_threads_wait_for_each_other_on_one_connection(opener: Opener):
    cache = opener()
    users = cache.namespace("users", ttl="none")
    failed: list[BackendError] = []

    def work(thread: int) -> None:
        try:
            for number in range(200):
                assert users.set(f"{thread}-{number}", number)
        except BackendError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert open_files(opener.directory / "cache.db") <= 2  # one is that of the log's thread
    assert cache.usage()["users"].entries == 1600
    assert all(users.get(f"{t}-{n}") == n for t in range(8) for n in range(200))


def test_threads_may_be_the_first_to_write_all_at_once(opener: Opener):
    for attempt in range(20):
        cache = opener(file__directory=opener.directory.with_name(f"cache{attempt}"))
        users = cache.namespace("users", ttl="none")
        barrier = threading.Barrier(4)
        found: list[object] = []

        def work(users=users, barrier=barrier, found=found) -> None:
            barrier.wait()
            try:
                users.get("k")
                users.set("k", 1)
                found.append(users.get("k"))
            except BackendError as error:
                found.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1] * 4
        cache.close()


def test_processes_may_be_the_first_to_write_all_at_once(opener: Opener):
    program = """
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none", eviction="lrfu")
for number in range(50):
    assert users.set(f"{os.getpid()}-{number}", number)
    assert users.get(f"{os.getpid()}-{number}") == number
cache.close()
"""
    for worker in [start(program, opener.settings) for _ in range(6)]:
        finish(worker)
    assert opener().usage()["users"].entries == 300


def test_both_sides_of_a_fork_write_on_their_own(opener: Opener):
    program = """
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none", eviction="lrfu", max_entries=200)
users.set("before", 1)
child = os.fork()
side = "parent" if child else "child"
for number in range(100):
    users.set(f"{side}{number}", number)
    assert users.get(f"{side}{number}") == number
if child == 0: os._exit(0)
assert os.waitpid(child, 0)[1] == 0
cache.close()
"""
    finish(start(program, opener.settings))
    cache = opener()
    assert cache.usage()["users"].entries == len(list(cache.namespace("users").entries())) == 200


@pytest.mark.parametrize("used", ["set", "get"])
def test_a_child_keeps_what_it_writes_after_its_parent_has_closed(opener: Opener, used):
    """SQLite removes its log with the last connection, and must know of the child's."""
    program = """
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
users.set("before", 1)
if sys.argv[2] == "get": users.get("before")
closed, closing = os.pipe()
child = os.fork()
if child == 0:
    users.set("first", 1)
    os.close(closing)
    os.read(closed, 1)
    users.set("second", 2)
    assert users.get("second") == 2
    os._exit(0)
cache.close()
os.close(closing)
assert os.waitpid(child, 0)[1] == 0
"""
    finish(start(program, opener.settings, arguments=[used]))
    keys = {listed.key for listed in opener().namespace("users").entries()}
    assert keys == {"before", "first", "second"}


def test_a_fork_while_a_thread_writes_does_not_hang(opener: Opener):
    program = """
import signal
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
users.set("k", 1)
stop = threading.Event()
def work():
    number = 0
    while not stop.is_set():
        number += 1
        users.set(f"{number % 50}", "x" * 5000)
thread = threading.Thread(target=work, daemon=True); thread.start()
for attempt in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # rather than waiting for ever
        users.set(f"child{attempt}", attempt)
        assert users.get(f"child{attempt}") == attempt
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set(); thread.join()
assert all(users.get(f"child{attempt}") == attempt for attempt in range(20))
print(json.dumps(cache.usage()["users"].entries - len(list(users.entries()))))
"""
    assert run(program, {**opener.settings, "file.timeout": 20}) == 0  # on a busy machine


class Interrupted(BaseException):
    """What a signal handler raises, in the middle of whatever was going on."""


@contextmanager
def interrupted_at(number: int) -> Iterator[None]:
    """Interrupt the `number`th function of the backend that is called, or that it calls when that
    returns.
    """
    calls = count(1)

    def watch(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        ours = event in {"call", "c_return"} and "/cachectl/_backends/" in code.co_filename
        # A generator that is closed is called as well, where nothing can be raised.
        if ours and not code.co_flags & CO_GENERATOR and next(calls) == number:
            sys.setprofile(None)
            raise Interrupted

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
@pytest.mark.parametrize("value", ["d", LARGE])
def test_an_interrupted_write_is_whole_or_not_there_and_the_next_one_works(
    opener: Opener, eviction, value
):
    """Wherever it is interrupted: at each function it calls, until it calls no more."""
    cache = opener()
    interrupted = True
    for number in count(1):
        if not interrupted:
            break
        users = cache.namespace(f"users{number}", ttl="none", max_entries=3, eviction=eviction)
        for key in "abc":
            users.set(key, key, tags=["t"])
        users.get("a")
        interrupted = False
        try:
            with interrupted_at(number):
                users.set("d", value, tags=["t"])
        except Interrupted:
            interrupted = True
        kept = {listed.key for listed in users.entries()}
        assert kept == {"a", "b", "c"} or ("d" in kept and len(kept) == 3)
        assert {listed.key for listed in users.entries("t")} == kept
        assert cache.usage()[users.name].entries == 3
        assert users.set("e", "e")
        assert cache.usage()[users.name].entries == len(list(users.entries())) == 3
    assert number > 10
    assert "d" in kept


def test_a_full_disk_refuses_and_changes_nothing(opener: Opener):
    cache = opener()
    users = cache.namespace("users", ttl="none", eviction="lrfu")
    users.set("a", "a", tags=["t"])
    connection = writing_connection(cache)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(BackendRefused, match="full"):
        users.set("b", bytes(100_000), tags=["t"])
    assert users.get("b") is MISSING
    assert [listed.key for listed in users.entries("t")] == ["a"]
    connection.execute(f"PRAGMA max_page_count = {2**30}")
    assert users.set("b", bytes(100_000))
    assert cache.usage()["users"].entries == 2
