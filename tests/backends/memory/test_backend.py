"""The memory backend: live values, many threads, and a board that others can read."""

import fcntl
import os
import secrets
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from pathlib import Path
from typing import Any, cast

import pytest

from cachectl import MISSING, Cache
from cachectl._backends.memory.backend import MemoryBackend
from cachectl._backends.memory.store import MemoryStore
from cachectl._model.deadline import spent
from cachectl.testing import Clock
from tests.support.locked import locked
from tests.support.openers import Opener, settings
from tests.support.processes import run

in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)


@pytest.fixture
def board():
    """A name under which nobody else publishes."""
    name = f"test-{secrets.token_hex(8)}"
    yield name
    for directory in Path("/dev/shm").glob(f"cachectl-*-{name}"):
        shutil.rmtree(directory)


@in_memory
def test_a_hit_returns_the_very_same_object(opener: Opener):
    users = opener().namespace("users")
    users.set("k", {"a": [1]})
    assert users.get("k") is users.get("k")


@in_memory
def test_threads_neither_lose_counts_nor_exceed_limits(opener: Opener):
    cache = opener()
    users = cache.namespace("users", max_entries=20, max_bytes=2000)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    sizes: list[int] = []

    def work(seed: int) -> None:
        for i in range(500):
            key = str((seed + i * 7) % 60)
            if users.get(key) is MISSING:
                users.set(key, key * 5, tags=[key[0]], ttl=60)
            if i % 50 == 0:
                users.invalidate(tag=key[0])
                sizes.append(cache.usage()["users"].entries)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    figures = cache.stats().namespaces["users"]
    listed = list(users.entries())
    assert figures.hits + figures.misses == 8 * 500
    assert (figures.entries, figures.bytes) == (len(listed), sum(item.size for item in listed))
    assert max(sizes) <= 20
    assert figures.bytes <= 2000


@in_memory
def test_an_entry_that_is_being_replaced_is_there_all_the_time(opener: Opener):
    users = opener().namespace("users")
    users.set("k", 0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def replace() -> None:
        for number in range(2000):
            users.set("k", number, tags=[f"t{number % 3}"], ttl=60 - number % 7)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        while thread.is_alive():
            assert users.get("k") is not MISSING
    finally:
        sys.setswitchinterval(interval)
        thread.join()


@in_memory
def test_what_was_overwritten_is_forgotten_also_by_the_expiry_queue(opener: Opener, clock: Clock):
    cache = opener()
    users = cache.namespace("users")
    for _ in range(5000):
        users.set("k", 1, ttl=10)
    backend: Any = cache._core.backend
    store = backend.store("users")
    assert isinstance(store, MemoryStore)
    assert len(store._expiries) < 1500
    clock.advance(10)
    assert cache.cleanup().removed().entries == 1
    assert (len(store._expiries), len(store._tags)) == (0, 0)


@in_memory
def test_two_caches_of_one_process_count_and_hold_separately(opener: Opener):
    one, other = opener(), opener()
    one.namespace("users").set("k", 1)
    assert other.namespace("users").get("k") is MISSING
    assert one.stats().namespaces["users"].misses == 0
    assert other.stats().namespaces["users"].sets == 0


def test_without_publishing_no_file_is_written(board: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Cache.of(settings("memory", memory__name=board, memory__publish=False)) as cache:
        cache.namespace("users").get_or_load("k", lambda: b"x" * 2_000_000)
        cache.cleanup()
    assert not list(Path("/dev/shm").glob(f"*{board}"))
    assert list(tmp_path.iterdir()) == []


USER = """
cache = open_cache()
users = cache.namespace("users")
users.set("k", "v")
users.get("k")
cache.flush()
print(json.dumps(cache.stats().namespaces["users"].hits), flush=True)
"""


def options(name: str) -> dict[str, object]:
    return {"backend": "memory", "memory.name": name}


def publish(name: str) -> Cache:
    return Cache.of(settings("memory", memory__name=name, memory__publish=True))


def observe(name: str) -> Cache:
    return Cache.of(settings("memory", memory__name=name, memory__observe=True), strict=True)


def test_another_process_sees_what_is_counted_and_held(board: str):
    with observe(board) as observer, publish(board) as cache:
        assert observer.stats().totals.entries == 0
        users = cache.namespace("users")
        users.set("k", "v", cost=0.5)
        users.get("k")
        cache.flush()
        assert run(USER, options(board)) == 1
        figures = observer.stats().namespaces["users"]
        assert (figures.hits, figures.sets, figures.saved_cost) == (2, 2, 0.5)
        assert (figures.entries, figures.bytes) == (1, next(users.entries()).size)
        assert observer.stats(since="1h").totals.hits == 2
    with observe(board) as observer:
        totals = observer.stats().totals
        assert (totals.hits, totals.entries) == (2, 0)  # counts stay, the entries are gone


def test_who_observes_is_told_which_programs_are_summed(board: str, tmp_path: Path, monkeypatch):
    with observe(board) as observer:
        assert observer.status().notes == ()
        with publish(board) as cache:
            cache.namespace("users").get("k")
            cache.flush()
            own = observer.status()
            assert (own.details["processes"], len(cast("list[str]", own.details["programs"]))) == (
                1,
                1,
            )
            assert own.notes == ()
            monkeypatch.chdir(tmp_path)
            run(USER, options(board))  # another program, which has ended
            status = observer.stats().backend
    assert (status.details["name"], status.details["processes"]) == (board, 1)
    (note,) = status.notes
    assert "2 programs" in note
    assert f"python in {tmp_path}" in note


def test_programs_of_before_are_not_told(board: str):
    run(USER, options(board))
    with observe(board) as observer, publish(board) as cache:
        cache.namespace("users").get("k")
        cache.flush()
        assert len(cast("list[str]", observer.status().details["programs"])) == 1


def test_an_observer_that_is_closed_has_nothing_open(board: str):
    with publish(board) as cache:
        cache.namespace("users").get("k")
        cache.flush()
    with observe(board) as observer:
        assert observer.stats().totals.misses == 1
    assert not [path for path in Path("/proc/self/fd").iterdir() if board in str(path.resolve())]


FORKING = """
cache = open_cache()
users = cache.namespace("users")
users.set("k", "v")
users.get("k")
cache.flush()
child = os.fork()
if child == 0:
    links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    assert not [link for link in links if "cachectl-" in link], links
    users.get("k")
    cache.flush()
    cache.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
users.get("k")
cache.flush()
print(json.dumps(cache.stats().namespaces["users"].hits))
"""


def test_a_child_shares_what_it_counts_over_a_connection_of_its_own(board: str):
    assert run(FORKING, options(board)) == 2
    with observe(board) as observer:
        assert observer.stats().totals.hits == 3


def test_the_board_is_joined_in_time_or_not_at_all(board: str, caplog):
    """Another process that is about to join does not come to an end."""
    with publish(board) as cache:
        cache.namespace("users").set("k", "v")
        cache.flush()
    (directory,) = Path("/dev/shm").glob(f"cachectl-*-{board}")
    with (directory / "begin.lock").open("rb") as file, publish(board) as cache:
        fcntl.flock(file, fcntl.LOCK_EX)
        cache.namespace("users").set("k", "v")
        cache.flush()
        assert cache.stats().totals.sets == 1
    assert "another process has it locked" in caplog.text


def test_observing_writes_nothing(board: str):
    with observe(board) as observer:
        observer.stats()
    assert not list(Path("/dev/shm").glob(f"*{board}"))


def test_the_board_is_closed_to_others_and_outside_of_disks(board: str):
    with publish(board) as cache:
        cache.namespace("users").set("k", "v")
        cache.flush()
        (directory,) = Path("/dev/shm").glob(f"cachectl-*-{board}")
        modes = {path.stat().st_mode & 0o777 for path in directory.iterdir()}
        assert (directory.stat().st_mode & 0o777, modes) == (0o700, {0o600})


def test_a_board_that_is_not_ours_is_left_alone_and_the_cache_works(board: str, caplog):
    directory = Path(f"/dev/shm/cachectl-{os.geteuid()}-{board}")
    directory.mkdir(mode=0o755)
    (directory / "thesis.txt").write_text("precious")
    with publish(board) as cache:
        cache.namespace("users").set("k", "v")
        cache.flush()
        assert cache.stats().totals.sets == 1
    assert [path.name for path in directory.iterdir()] == ["thesis.txt"]
    assert "cannot publish" in caplog.text


def test_what_could_not_be_published_in_time_is_published_later(board: str):
    database = Path(f"/dev/shm/cachectl-{os.geteuid()}-{board}/counters.db")
    with publish(board) as cache, observe(board) as observer:
        users = cache.namespace("users")
        users.get("k")
        cache.flush()
        with locked(database):
            users.get("k")
            cache.flush()
        users.get("k")
        cache.flush()
        assert observer.stats().namespaces["users"].misses == 3


def test_what_has_expired_is_published_also_by_an_application_at_rest(board: str):
    """It is told by the clock, though nothing is looked up, stored or counted."""
    clock = Clock()
    chosen = settings("memory", memory__name=board, memory__publish=True)
    with Cache.of(chosen, clock=clock, strict=True) as cache, observe(board) as observer:
        cache.namespace("users", ttl=10).set_many({"1": 1, "2": 2})
        cache.flush()
        assert observer.stats().namespaces["users"].expired_entries == 0
        clock.advance(10)
        cache.flush()
        figures = observer.stats().namespaces["users"]
        assert (figures.entries, figures.expired_entries) == (2, 2)


@in_memory
def test_a_lookup_that_finds_an_expired_entry_waits_for_nobody(opener: Opener, clock: Clock):
    cache = opener()
    users = cache.namespace("users", ttl=10)
    users.set("k", 1)
    clock.advance(10)
    backend = cache._core.backend
    assert isinstance(backend, MemoryBackend)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(backend.store("users").lock.acquire).result()
        waited = Context()
        assert waited.run(users.get, "k") is MISSING
        assert waited.run(spent) == 0
        threads.submit(backend.store("users").lock.release).result()
    assert users.get("k") is MISSING
    assert cache.stats().namespaces["users"].expired == 1


def test_who_published_does_so_again_where_the_board_was_removed(board: str):
    """Also where nothing changed since, and with what is set in code."""
    directory = Path(f"/dev/shm/cachectl-{os.geteuid()}-{board}")
    with publish(board) as cache, observe(board) as observer:
        users = cache.namespace("users", max_entries=7)
        users.set("k", "v")
        cache.flush()
        shutil.rmtree(directory)
        cache.flush()
        assert observer.usage()["users"].entries == 1
        users.get("k")
        cache.flush()
        assert observer.stats().namespaces["users"].hits == 1
        assert observer.stats().backend.details["processes"] == 1
        assert "users" in (directory / "policies.json").read_text()


def test_damaged_counters_are_put_aside_by_who_publishes_and_not_by_who_observes(
    board: str, caplog
):
    counters = Path(f"/dev/shm/cachectl-{os.geteuid()}-{board}/counters.db")
    with publish(board) as cache:
        cache.namespace("users").set("k", "v")
    counters.write_bytes(b"no database" * 1000)
    with observe(board) as observer:
        assert observer.stats().totals.sets == 0
    assert not list(counters.parent.glob("*.damaged-*"))
    with publish(board) as cache, observe(board) as observer:
        cache.namespace("users").get("k")
        cache.flush()
        assert observer.stats().namespaces["users"].misses == 1
    assert len(list(counters.parent.glob("*.damaged-*"))) == 1
    assert "put aside" in caplog.text
