"""A file cache beside others who hold its locks: every call ends, and nobody waits in a row."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest

from cachectl import MISSING, Cache
from cachectl._backends.file.backend import FileBackend
from cachectl._model.deadline import deadline, spent
from cachectl.errors import BackendBusy, BackendError
from cachectl.testing import Clock
from tests.support.locked import locked
from tests.support.openers import Opener
from tests.support.processes import finish, start

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)
LOCKED = "another process has it locked"
TAKEN = "other threads have been using it for too long"
LONG = 3.0
"""Seconds within which what waits a second has ended, however busy the machine."""


def made(opener: Opener, **options: Any) -> Cache:
    """Return a cache with an entry."""
    cache = opener(**options)
    cache.namespace("users", ttl="none").set("k", "v", tags=["t"])
    return cache


def open_files(directory: Path) -> list[Path]:
    """Return the files of a directory that this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            file = link.resolve()
        except OSError:
            continue
        if directory in file.parents:
            found.append(file)
    return found


def test_the_status_says_for_a_minute_that_a_foreign_write_was_in_the_way(
    opener: Opener, clock: Clock
):
    cache = opener(strict=False)
    users = cache.namespace("users")
    users.set("k", "v")
    with locked(opener.directory / "cache.db"):
        assert not users.set("k", "new")
        assert users.get_or_load("other", lambda: "loaded") == "loaded"
        status = cache.status()
        assert (status.status, status.kind) == ("refusing", "busy")
        assert str(opener.directory) in str(status.last_error)
    clock.advance(60)
    assert cache.status().status == "ok"


def test_four_threads_wait_a_second_beside_a_foreign_write_not_one_after_the_other(opener: Opener):
    users = made(opener).namespace("users")

    def write(number: int) -> tuple[str, float]:
        began = time.monotonic()
        with pytest.raises(BackendBusy) as caught:
            users.set(f"k{number}", "v")
        return str(caught.value), time.monotonic() - began

    with locked(opener.directory / "cache.db") as release, ThreadPoolExecutor(4) as threads:
        ended = list(threads.map(write, range(4)))
        assert users.get("k") == "v"
        release()
        assert users.set("k", "new")
    # Whose time ends while another just tries meets him.
    assert {said for said, _ in ended} <= {
        f"the cache in {opener.directory}: {reason}" for reason in (LOCKED, TAKEN)
    }
    assert max(seconds for _, seconds in ended) < LONG


def test_whatever_writes_waits_for_one_deadline(opener: Opener):
    cache = made(opener)
    users = cache.namespace("users")
    users.get("k")
    with locked(opener.directory / "cache.db"):
        for operation in (
            lambda: users.set("k", 1),
            lambda: users.set("large", b"x" * 2_000_000),
            lambda: users.delete("k"),
            lambda: users.invalidate(tag="t"),
            users.clear,
            lambda: cache.cleanup("users"),
        ):
            began = time.monotonic()
            with pytest.raises(BackendBusy):
                operation()
            assert time.monotonic() - began < LONG
        assert not users.delete("absent")  # what writes nothing waits for nobody
        assert users.get("k") == "v"


def test_how_long_a_call_waits_is_a_setting(opener: Opener):
    users = made(opener, file__timeout=0.1).namespace("users")
    patient = opener(file__timeout=60).namespace("users")
    with locked(opener.directory / "cache.db") as release, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(patient.set, "k", "new")
        with pytest.raises(BackendBusy):
            users.set("k", "v")
        assert not waiting.done()
        release()
        assert waiting.result(timeout=30)
    assert users.get("k") == "new"


def test_counters_that_another_writes_are_waited_for_with_an_end(opener: Opener):
    cache = made(opener)
    cache.flush()
    cache.namespace("users").get("k")
    with locked(opener.directory / "counters.db"):
        began = time.monotonic()
        with pytest.raises(BackendBusy) as caught:
            cache.flush()
        assert time.monotonic() - began < LONG
    assert str(caught.value) == f"the counters in {opener.directory}: {LOCKED}"
    assert cache.stats().namespaces["users"].hits == 1


@pytest.mark.parametrize("database", ["cache.db", "counters.db"])
def test_closing_is_quick_and_final_beside_a_foreign_write(opener: Opener, database):
    cache = made(opener)
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    for name in ("users", "orders", "files"):
        cache.namespace(name, ttl="none").set("k", "v")
        cache.namespace(name).get("k")
    cache.flush()
    for name in ("users", "orders", "files"):
        cache.namespace(name).get("k")
    with locked(opener.directory / database):
        began = time.monotonic()
        try:
            cache.close()
        except BackendError as error:
            assert "locked" in str(error)  # noqa: PT017 - or what could not be written is nothing
        cache.close()
        assert time.monotonic() - began < LONG
        assert open_files(opener.directory) == []
        with pytest.raises(BackendError, match="closed"):
            backend.store("users").peek("k")


def test_a_lookup_that_finds_an_expired_entry_waits_for_nobody(opener: Opener, clock):
    users = made(opener, file__timeout=3600).namespace("users")
    users.set("k", "v", ttl=10)
    clock.advance(10)
    with locked(opener.directory / "cache.db"):
        assert users.get("k") is MISSING


def test_nor_for_other_threads_and_what_it_writes_then_waits_as_long_as_ever(opener: Opener, clock):
    cache = made(opener)
    users = cache.namespace("users")
    users.set("k", "v", ttl=10)
    clock.advance(10)
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)

    def look() -> None:
        assert users.get("k") is MISSING
        assert spent() == 0
        assert deadline(3600) - time.monotonic() > LONG

    with ThreadPoolExecutor(1) as threads:
        threads.submit(backend.table._writer.turn.acquire).result()
        Context().run(look)  # which has waited for nothing before
        threads.submit(backend.table._writer.turn.release).result()
    with locked(opener.directory / "cache.db"):
        Context().run(look)
    assert users.get("k") is MISSING
    assert cache.stats().namespaces["users"].expired == 1


def test_a_fork_does_not_wait_for_a_thread_that_waits(opener: Opener):
    """The other process has the lock until the child has ended."""
    program = """
import sqlite3
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
users.set("k", "v")
users.get("k")
cache.flush()
threads = [threading.Thread(target=users.set, args=("k", n)) for n in range(3)]
print("made", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
time.sleep(0.3)
child = os.fork()
if child == 0:
    assert users.get("k") in ("v", 0, 1, 2)  # as it is released meanwhile
    sys.stdin.readline()
    assert users.set("child", 1)
    os._exit(0)
print("forked", flush=True)
assert os.waitpid(child, 0)[1] == 0
for thread in threads: thread.join()
assert users.get("k") in range(3)
cache.close()
"""
    process = start(program, {**opener.settings, "file.timeout": 60})
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "made\n"
    with locked(opener.directory / "cache.db") as release:
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "forked\n"
        release()
    finish_with(process)
    assert opener().namespace("users").get("child") == 1


def finish_with(process) -> None:
    """Let the program go on to its end."""
    process.stdin.write("\n")
    process.stdin.flush()
    finish(process)


def test_a_thread_that_waited_in_vain_does_not_wait_as_long_for_the_next_thing(opener: Opener):
    """A call may need both databases, and an application calls again and again."""
    cache = made(opener, strict=False)
    users = cache.namespace("users")
    directory = opener.directory
    with locked(directory / "cache.db"), locked(directory / "counters.db"):
        began = time.monotonic()
        outcomes = [bool(users.set(f"k{number}", "v")) for number in range(5)]
        with suppress(BackendError):
            cache.stats()
        assert time.monotonic() - began < LONG
    assert outcomes == [False] * 5
