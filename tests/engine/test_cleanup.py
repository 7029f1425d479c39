"""Cleanup beside an application at work: one at a time, foretold, and taking nothing else."""

import threading

import pytest

from cachectl import BackendBusy
from cachectl._model.write import Write
from cachectl.testing import Clock
from tests.support.openers import SHARED, Opener
from tests.support.processes import finish, start

HOLD = """
cache = open_cache(strict=True)
cache.namespace("users").set("k", 1)
with cache._core.backend.lock("cleanup"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_the_lock_holds_between_processes_and_ends_with_its_holder(opener: Opener):
    holder = start(HOLD, opener.settings)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    cache = opener()
    with pytest.raises(BackendBusy, match="cleanup"):
        cache.cleanup()
    cache.plan_cleanup().dry_run()  # looking is always possible
    finish(holder)
    assert cache.cleanup().finished


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_a_killed_holder_of_the_lock_locks_nobody_out(opener: Opener):
    holder = start(HOLD, opener.settings)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    assert opener().cleanup().finished


def test_only_the_named_namespaces_are_cleaned(opener: Opener, clock: Clock):
    cache = opener()
    for name in ("users", "images"):
        cache.namespace(name).set("k", 1, ttl=1)
    clock.advance(1)
    report = cache.cleanup("images", "nothing")
    assert {name: removed.entries for name, removed in report.expired.items()} == {
        "images": 1, "nothing": 0,
    }  # fmt: skip
    assert len(list(cache.namespace("users").entries())) == 1


def test_policies_set_the_limits_and_options_go_before_them(opener: Opener):
    cache = opener()
    users = cache.namespace("users", max_entries=10)
    users.set_many(Write(str(i), i) for i in range(10))
    assert cache.cleanup().removed().entries == 0
    assert cache.cleanup(max_entries=4).evicted["users"].entries == 6
    assert [listed.key for listed in users.entries()] == ["6", "7", "8", "9"]


def test_reading_keeps_an_entry_from_being_idle(opener: Opener, clock: Clock):
    cache = opener()
    users = cache.namespace("users", ttl=None)
    for key in ("read", "idle"):
        users.set(key, 1)
    clock.advance(1000)
    users.get("read")
    assert cache.cleanup(older_than="10m").evicted["users"].entries == 1
    assert [listed.key for listed in users.entries()] == ["read"]


def test_a_plan_leaves_what_expires_after_it_was_made(opener: Opener, clock: Clock):
    """So what was shown is what goes, however long somebody thinks about it."""
    cache = opener()
    users = cache.namespace("users", ttl="none")
    users.set("expired", 1, ttl=1)
    users.set("later", 1, ttl=2)
    users.set("idle", 1)
    clock.advance(1)
    plan = cache.plan_cleanup(older_than=1.5)
    foretold = plan.dry_run()
    assert plan.report().removed().entries == 0
    clock.advance(60)
    assert plan.run() == foretold
    assert foretold.removed().entries == 1
    assert {listed.key for listed in users.entries()} == {"later", "idle"}
    assert cache.cleanup(older_than=1.5).removed().entries == 2


def test_what_a_cleanup_removes_is_counted(opener: Opener, clock: Clock):
    cache = opener()
    users = cache.namespace("users")
    users.set("expired", 1, ttl=1)
    users.set_many(Write(str(i), i) for i in range(5))
    clock.advance(1)
    cache.cleanup(max_entries=2)
    figures = cache.stats().namespaces["users"]
    assert (figures.expired, figures.evictions, figures.invalidated) == (1, 3, 0)


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_cleaning_beside_writers_takes_nothing_they_stored(opener: Opener):
    """Large values of the file backend are written before their rows: none may look like waste."""
    program = """
with open_cache(strict=True) as cache:
    users = cache.namespace("users", ttl=None)
    for number in range(60):
        users.set(f"{os.getpid()}-{number}", b"x" * (1_200_000 if number % 3 == 0 else 2_000))
        assert users.get(f"{os.getpid()}-{number}") is not MISSING
"""
    writers = [start(program, opener.settings) for _ in range(2)]
    cache, done = opener(), threading.Event()

    def clean() -> None:
        while not done.is_set():
            cache.cleanup()

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    for writer in writers:
        finish(writer)
    done.set()
    cleaner.join()
    users = cache.namespace("users")
    listed = [item.key for item in users.entries()]
    assert len(listed) == 120
    assert all(users.get(key) for key in listed)


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_processes_that_begin_at_once_on_an_empty_place_all_succeed(opener: Opener):
    program = """
print("ready", flush=True)
sys.stdin.readline()
with open_cache(strict=True) as cache:
    users = cache.namespace("users")
    for number in range(20):
        users.get("k")
        users.set(f"{os.getpid()}-{number}", number)
"""
    processes = [start(program, opener.settings) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        finish(process)
    figures = opener().stats().namespaces["users"]
    assert (figures.entries, figures.misses, figures.errors) == (80, 80, 0)
