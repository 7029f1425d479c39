"""Forks beside threads and signal handlers that hold what a fork wants."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cachectl._engine import forking
from cachectl._engine.singleflight import flights
from cachectl.testing import Opener
from tests.support.processes import Fork, wait_until

SECONDS = 10


@pytest.fixture
def turns(opener: Opener):
    """All turns that there are, of a cache in use."""
    users = opener(strict=False).namespace("users")
    users.set("k", 1)
    users.get("k")
    return list(forking._turns())


def test_who_forks_holds_nothing_while_he_waits(turns):
    """A signal handler may want any turn in the midst of code that holds another: if the fork held it,
    neither would ever end.
    """
    for turn in turns:
        fork = Fork()
        with turn:
            fork.start()
            wait_until(fork.waits)
            had = [each.hold(SECONDS) and each.release() is None for each in turns]
        fork.join(SECONDS)
        assert all(had)
        assert fork.ended == 0


def test_the_next_fork_may_begin_when_the_last_turn_is_released(turns, monkeypatch):
    release = forking._one_at_a_time.release

    with ThreadPoolExecutor(1) as another:

        def release_and_let_another_begin() -> None:
            monkeypatch.undo()
            release()
            another.submit(forking._before).result()

        forking._before()
        monkeypatch.setattr(forking._one_at_a_time, "release", release_and_let_another_begin)
        forking._after_in_parent()
        another.submit(forking._after_in_parent).result()
        assert all(another.map(lambda turn: turn.hold() and turn.release() is None, turns))


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_a_child_decorates_its_first_function_though_a_load_began_in_another_thread(opener: Opener):
    cache = opener(strict=False)
    cache.namespace("users").get_or_load("k", int)
    begun, forked = threading.Event(), threading.Event()

    def begin() -> None:
        with flights.lock:
            begun.set()
            forked.wait(SECONDS)

    thread = threading.Thread(target=begin)
    thread.start()
    assert begun.wait(SECONDS)
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        cache.cached("users")(len)
        os._exit(0)
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
