"""What once went wrong and must not again; each sentence says what is true now."""

import os
import threading

import pytest

from cachectl._backends.counter_database import CounterDatabase
from cachectl._metrics.counters import Batch, Counts
from cachectl._metrics.windows import Window
from cachectl.errors import ConfigError

SECONDS = 20


def child_ends_well(work) -> bool:
    """Fork, do the work there, and return whether it came to an end without an error."""
    pid = os.fork()
    if pid == 0:
        threading.Timer(SECONDS, lambda: os._exit(9)).start()
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_a_forked_child_does_not_wait_for_a_load_of_its_parent(opener):
    """Who was loading is not there in the child: it loads by itself."""
    space = opener().namespace("space")
    loading, landed = threading.Event(), threading.Event()

    def slow() -> str:
        loading.set()
        landed.wait(SECONDS)
        return "parent"

    thread = threading.Thread(target=space.get_or_load, args=("key", slow))
    thread.start()
    loading.wait(SECONDS)
    try:
        assert child_ends_well(lambda: space.get_or_load("key", lambda: "child"))
    finally:
        landed.set()
        thread.join()


def test_a_batch_that_is_sent_again_is_added_once():
    """The database remembers the last sequence of each client."""
    store = CounterDatabase(None)
    batch = Batch("client", 1, 1_700_000_000.0, {"space": Counts(hits=10)})
    store.add(batch)
    store.add(batch)
    store.add(batch._replace(sequence=2))

    assert store.read(Window.last(None, batch.at))["space"].hits == 20


@pytest.mark.parametrize("opener", ["file", "redis"], indirect=True)
def test_a_clock_that_steps_back_does_not_evict_what_was_just_written(opener, clock):
    """A write is always the most recent use, whatever other processes' clocks say."""
    first = opener().namespace("space", max_entries=2)
    first.set("a", 1)
    first.set("b", 2)
    clock.advance(-10)
    second = opener().namespace("space", max_entries=2)
    second.set("c", 3)

    assert (second.get("c"), first.get("b")) == (3, 2)


def test_what_was_removed_while_it_was_loaded_stays_removed(opener):
    """A load that began before a removal returns its value, and does not keep it."""
    space = opener().namespace("space")

    def load_while_it_is_removed() -> str:
        space.delete("key")
        return "old"

    assert space.get_or_load("key", load_while_it_is_removed) == "old"
    assert space.get("key", None) is None


def test_a_removal_that_ends_after_a_load_began_is_final(opener):
    """Whenever it comes: also while a large value is being written."""
    space = opener().namespace("space", max_bytes="1GB")

    def load() -> bytes:
        loaded.set()
        return bytes(3_000_000)

    for _ in range(10):
        loaded = threading.Event()
        thread = threading.Thread(target=space.get_or_load, args=("key", load))
        thread.start()
        assert loaded.wait(SECONDS)
        space.delete("key")
        thread.join(SECONDS)
        assert space.get("key", None) is None


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_policies_in_code_are_read_like_those_in_files(opener):
    """Durations and sizes are parsed, and what cannot be is refused at once."""
    cache = opener()
    policy = cache.namespace("space", ttl="5m", max_bytes="1MiB", max_entries="10").policy

    assert (policy.ttl, policy.max_bytes, policy.max_entries) == (300, 2**20, 10)
    for wrong in ({"ttl": -1}, {"eviction": "fifo"}, {"max_entries": 0}):
        with pytest.raises(ConfigError):
            cache.namespace("space", **wrong)
    with pytest.raises(TypeError, match="tll"):
        cache.namespace("space", tll="5m")


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_a_policy_that_is_repeated_changes_neither_namespace_nor_loads(opener):
    """Every caller gets the same namespace, and with it the same shared loads."""
    cache = opener()

    assert cache.namespace("space", ttl=60) is cache.namespace("space", ttl=60)
