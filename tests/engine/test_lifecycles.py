"""Caches that are closed, dropped, forked and interrupted."""

import asyncio
import gc
import signal
import time
import weakref
from contextlib import suppress
from pathlib import Path

import pytest

from cachectl import AsyncCache, BackendBusy, BackendRefused, UsageError
from cachectl.testing.processes import finish, start
from tests.support.locked import locked
from tests.support.openers import Opener
from tests.support.processes import run

SECONDS = 20


def test_operations_after_the_end_are_refused_in_words(opener: Opener):
    cache = opener(strict=False)
    users = cache.namespace("users")
    cached = cache.cached("users")(len)
    users.set("k", 1)
    cache.close()
    operations = [
        lambda: users.get("k"),
        lambda: users.set("k", 2),
        lambda: users.set_many({"k": 2}),
        lambda: users.get_or_load("k", int),
        lambda: users.delete("k"),
        lambda: users.invalidate(tag="t"),
        users.clear,
        lambda: list(users.entries()),
        lambda: users.peek("k"),
        lambda: cached("text"),
        lambda: cache.namespace("others"),
        cache.stats,
        cache.status,
        cache.cleanup,
    ]
    for operation in operations:
        with pytest.raises(UsageError, match="this cache was closed"):
            operation()
    cache.close()


@pytest.mark.parametrize("bypass", [False, True])
def test_what_was_loaded_while_the_cache_was_closed_is_returned(opener: Opener, bypass):
    """It was paid for; there is only no place for it any more."""
    cache = opener(strict=False)

    def make() -> str:
        cache.close()
        return "made"

    assert cache.namespace("users").get_or_load("k", make, bypass=bypass) == "made"

    async def load_in_task() -> str:
        async with AsyncCache.open(settings=opener.settings) as tasks:

            async def make_in_task() -> str:
                await tasks.close()
                return "made"

            users = tasks.namespace("users")
            return await users.get_or_load("k", make_in_task, bypass=bypass)

    assert asyncio.run(load_in_task()) == "made"


def test_what_was_counted_until_the_end_is_there(opener: Opener):
    if opener.backend == "memory":
        pytest.skip("its counts end with it")
    cache = opener(strict=False)
    for _ in range(3):
        cache.namespace("users").get("k")
    cache.close()
    assert opener().stats().namespaces["users"].misses == 3


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


DROPPED = """
import gc, weakref

def now_open():
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()

closed = open_cache(strict=False)  # with whatever is made once
closed.namespace("users").set("k", 1)
closed.stats()
closed.close()  # SQLite keeps descriptors as long as somebody else of the process has the file open
before = now_open()
for _ in range(20):
    dropped = open_cache(strict=False)
    dropped.namespace("users").set("k", 1)
    dropped.namespace("users").get("k")
reference = weakref.ref(dropped)
del dropped
gc.collect()
assert reference() is None
deadline = time.monotonic() + 20
while any(now > was for now, was in zip(now_open(), before)) and time.monotonic() < deadline:
    time.sleep(0.01)
print(json.dumps([before, now_open()]))
"""


def test_caches_that_are_dropped_are_freed_with_their_threads_and_descriptors(opener: Opener):
    """In a process of their own, where nothing else is opened and closed meanwhile."""
    before, after = run(DROPPED, opener.settings)
    assert after[0] <= before[0]
    assert after[1] <= before[1]


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_who_keeps_what_was_logged_keeps_no_cache(opener: Opener, caplog):
    """As pytest does, and handlers that send records later: an error has a traceback, and so all."""
    cache = opener(strict=False)
    users = cache.namespace("users")
    users.set("k", 1)
    cache.flush()
    users.get("k")
    core = weakref.ref(cache._core)
    with locked(opener.directory / "counters.db"):
        cache.close()
    assert "closed without writing the last counts: the counters" in caplog.text
    opener._opened.clear()
    del cache, users
    gc.collect()  # what applications hold
    gc.collect()  # and then what that held
    assert core() is None


FIRST_CALLS = """
from random import Random

random = Random(1)

def work(cache, number):
    users = cache.namespace("users", compress="zstd", max_entries=50)
    key = f"k{number}"
    users.set(key, "v" * 2000, cost="0.5")
    assert users.get(key) == "v" * 2000
    assert users.get_or_load(f"l{number}", lambda: {"loaded": [1.5]}) == {"loaded": [1.5]}
    users.delete(key)
    cache.stats()

for number in range(6):
    cache = open_cache(strict=False)
    thread = threading.Thread(target=work, args=(cache, number), daemon=True)
    thread.start()
    time.sleep(random.uniform(0, 0.03))
    child = os.fork()
    if not child:
        import signal
        signal.alarm(15)
        work(cache, number + 100)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, (number, status)
    thread.join(15)
    assert not thread.is_alive()
os._exit(0)
"""


def test_a_fork_in_the_middle_of_the_first_calls_leaves_both_sides_working(opener: Opener):
    """Which import what they need, in the parent and in the child."""
    for _ in range(2):
        finish(start(FIRST_CALLS, opener.settings))


def test_a_namespace_keeps_its_cache_in_use(opener: Opener):
    users = opener(strict=False).namespace("users")
    opener._opened.clear()
    gc.collect()
    time.sleep(0)
    assert users.set("k", 1)
    assert users.get("k") == 1


LOOPS = """
import asyncio, gc
from cachectl import AsyncCache

cache = AsyncCache.of(load(overrides=options, environ={"HOME": "/nonexistent"}))
users = cache.namespace("users")

async def work(number):
    assert await users.set(f"k{number}", number)
    assert await users.get(f"k{number}") == number

def now_open():
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()

asyncio.run(work(0))
asyncio.run(cache.flush())  # which opens what is kept open
before = now_open()
for number in range(50):
    asyncio.run(work(number))
print(json.dumps([before, now_open()]))
asyncio.run(cache.close())
"""


def test_many_loops_after_each_other_leave_no_descriptors_and_threads(opener: Opener):
    """In a process of their own, as above."""
    before, after = run(LOOPS, opener.settings)
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 1


def test_raw_threads_leave_nothing(opener: Opener):
    import _thread

    users = opener(strict=False).namespace("users")
    users.set("k", 1)

    def run() -> None:
        done = _thread.allocate_lock()
        done.acquire()

        def look() -> None:
            users.get("k")
            done.release()

        _thread.start_new_thread(look, ())
        assert done.acquire(timeout=SECONDS)

    run()
    before = descriptors()
    for _ in range(200):
        run()
    assert descriptors() <= before + 8


@pytest.mark.parametrize("name", ["stats", "flush", "set", "close"])
def test_a_signal_handler_may_call_anything_at_any_moment(opener: Opener, name):
    """What it asks for is done, or refused in words; it never hangs, and totals stay right."""
    cache = opener(strict=False)
    users = cache.namespace("users", max_entries=50)
    handled = 0

    def handler(*_: object) -> None:
        nonlocal handled
        handled += 1
        try:
            interrupt()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.01)

    def interrupt() -> None:
        if name == "set":
            users.set(f"handler {handled % 7}", handled)
        elif name == "close":
            if handled == 20:
                cache.close()
        else:
            with suppress(BackendBusy):  # whose text says that this thread is in the middle of it
                getattr(cache, name)()

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    ends = time.monotonic() + SECONDS
    try:
        number = 0
        while handled < 60 and time.monotonic() < ends:
            number += 1
            users.set(f"{number % 80}", "x" * (number % 300), tags=["t"])
            users.get(f"{number % 70}")
            if number % 10 == 0:
                cache.stats()
    except (UsageError, BackendRefused) as error:
        assert "this cache was closed" in str(error)  # noqa: PT017 - only where it is
        assert name == "close"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert handled > 10
    if name != "close":
        figures = cache.stats().namespaces["users"]
        listed = list(users.entries())
        assert (figures.entries, figures.bytes) == (len(listed), sum(e.size for e in listed))
        assert figures.hits + figures.misses == number
