"""How many connections and descriptors a file cache has open, whoever uses it."""

import _thread
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cachectl import Cache
from cachectl._backends.file.backend import FileBackend
from cachectl._backends.file.pool import MOST_IDLE
from tests.support.openers import Opener
from tests.support.processes import Fork, finish, run, start_afresh, wait_until

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def opened(cache: Cache) -> int:
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    return len(backend._reader.connections._opened)


def idle(cache: Cache) -> int:
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    return len(backend._reader.connections.idle)


@pytest.fixture
def cache(opener: Opener) -> Cache:
    cache: Cache = opener()
    users = cache.namespace("users", ttl="none")
    users.set("k", "v")
    assert users.get("k") == "v"
    cache.flush()
    return cache


def test_threads_that_come_and_go_leave_nothing_open(cache):
    """Also those that Python's `threading` does not know of."""
    users, before = cache.namespace("users"), descriptors()
    for _ in range(200):
        done = _thread.allocate_lock()
        done.acquire()

        def look(done=done) -> None:
            users.get("k")
            done.release()

        _thread.start_new_thread(look, ())
        assert done.acquire(timeout=30)
    assert descriptors() == before
    assert idle(cache) == 1


def test_many_threads_at_once_keep_a_few_connections(cache):
    users = cache.namespace("users")
    barrier = threading.Barrier(40)

    def look() -> None:
        barrier.wait()
        for _ in range(50):
            assert users.get("k") == "v"

    threads = [threading.Thread(target=look) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= idle(cache) <= MOST_IDLE
    assert opened(cache) == idle(cache)


def test_a_closed_cache_has_nothing_open(opener: Opener, cache):
    """While another cache of the process is open, SQLite keeps descriptors to be used again."""
    cache.close()
    gc.collect()
    before = descriptors()
    for _ in range(20):
        another = opener()
        another.namespace("users").set("k", "v")
        another.namespace("users").get("k")
        another.stats()
        another.close()
    assert descriptors() <= before


def test_a_backend_that_was_dropped_has_nothing_open(opener: Opener, cache):
    cache.close()
    gc.collect()
    before, threads = descriptors(), threading.active_count()
    for _ in range(20):
        backend = FileBackend(directory=opener.directory)
        store = backend.store("users")
        assert store.peek("k") is not None
        store.remove(["k2"])
        backend.worker.submit(lambda: None)
        del backend, store
    gc.collect()
    wait_until(lambda: threading.active_count() <= threads)
    assert descriptors() <= before


def test_readers_and_forks_do_not_wait_for_each_other_for_long(opener: Opener, cache):
    program = """
import signal
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
users.set("large", "x" * 500_000)
stop = threading.Event()
def work():
    while not stop.is_set():
        assert users.get("large") is not MISSING
        assert len(list(users.entries())) == 2
threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
for thread in threads: thread.start()
for attempt in range(30):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # rather than waiting for ever
        assert users.get("k") == "v"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
print(json.dumps(len(cache._core.backend._reader.connections._opened)))
"""
    assert run(program, opener.settings) <= MOST_IDLE


def test_a_fork_that_waits_for_a_read_lets_others_read(cache):
    """The read may be one that a signal handler interrupts, which reads itself."""
    users = cache.namespace("users")
    connections = cache._core.backend._reader.connections
    idle, fork = connections.idle, Fork()
    in_use = idle.pop()
    fork.start()
    wait_until(lambda: connections.idle is not idle)
    assert [users.get("k") for _ in range(20)] == ["v"] * 20
    connections.retire(in_use)
    fork.join()
    assert fork.ended == 0


INTERRUPTED = {
    "in a read": """
def interrupted(backend):
    backend._reader.select("SELECT 1 UNION SELECT 2", (), read=lambda cursor: next(cursor) and 1 / 0)
""",
    "in a write": """
def interrupted(backend):
    backend.table._transactions.run("users", lambda it: next(it.execute("SELECT 1 UNION SELECT 2")) and 1 / 0)
""",
    "between calls": """
def interrupted(backend):
    connection = backend._writer._connection
    cursor = connection.execute("SELECT 1 UNION SELECT 2")
    next(cursor)
    1 / 0
""",
}


@pytest.mark.parametrize("when", INTERRUPTED)
def test_a_child_inherits_no_database_though_an_error_keeps_what_it_interrupted(
    opener: Opener, when
):
    """SQLite would take the locks of an inherited connection for the child's own."""
    program = """
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
users.set("k", "v"); users.get("k"); cache.stats()
try: interrupted(cache._core.backend)
except ZeroDivisionError as error: kept = error
child = os.fork()
if child == 0:
    files = [os.readlink(f"/proc/self/fd/{fd}") for fd in map(int, os.listdir("/proc/self/fd")) if fd > 2
             and os.path.exists(f"/proc/self/fd/{fd}")]
    print(json.dumps([file for file in files if ".db" in file]), flush=True)
    assert users.get("k") == "v" and users.set("k", "w")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert users.get("k") == "w"
"""
    assert run(INTERRUPTED[when] + program, opener.settings) == []


def test_a_child_that_inherits_a_read_refuses_the_cache_and_ends(opener: Opener):
    """Nothing else is safe: the parent's locks would be taken for its own."""
    program = """
import signal
import logging
from cachectl import BackendRefused
from cachectl._engine import forking
forking._PATIENCE = 0.2
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
users.set("k", "v")
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n WHERE x < 0"
read = threading.Thread(target=cache._core.backend._reader.select, args=(ENDLESS, ()), daemon=True)
read.start()
while cache._core.backend._reader.connections.idle: time.sleep(0.001)
child = os.fork()
if child == 0:
    signal.alarm(20)  # rather than waiting for ever
    said = []
    for call in (lambda: users.get("k"), lambda: users.set("k", "w"), cache.usage):
        try: call()
        except BackendRefused as error: said.append(str(error))
    assert len(said) == 3 and all("forked" in each and "cache.db" in each for each in said), said
    logging.disable()
    with open_cache() as another:  # of one that goes on without its cache
        loaded = another.namespace("users").get_or_load("k", lambda: "loaded")
    print(json.dumps(loaded), flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert users.get("k") == "v"
os._exit(0)
"""
    assert run(program, opener.settings) == "loaded"


def test_a_reader_waits_for_a_turn_no_longer_than_for_one_row(cache):
    """A listing holds no connection between its pages."""
    users = cache.namespace("users")
    listing = users.entries()
    next(listing)
    assert idle(cache) == 1
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(users.get, "k").result() == "v"
    assert list(listing) == []


GREENLETS = """
from gevent import monkey
if sys.argv[2] == "first": monkey.patch_all()
cache = open_cache()
users = cache.namespace("users", ttl="none")
users.set("k", "v"); users.get("k"); cache.stats()
if sys.argv[2] == "later": monkey.patch_all()
import gevent
before = len(os.listdir("/proc/self/fd"))
def work(number):
    for _ in range(3):
        assert users.get("k") == "v"
        assert users.set(f"k{number}", number)
        gevent.sleep(0)
gevent.joinall([gevent.spawn(work, number) for number in range(300)], timeout=60, raise_error=True)
print(json.dumps(len(os.listdir("/proc/self/fd")) - before), cache.usage()["users"].entries)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize("patched", ["first", "later"])
def test_greenlets_share_a_few_connections(opener: Opener, patched):
    """Also where threads become greenlets after the cache was opened, as gunicorn preloads it."""
    pytest.importorskip("gevent")
    more, entries = finish(start_afresh(GREENLETS, opener.settings, arguments=[patched])).split()
    assert int(more) < MOST_IDLE
    assert int(entries) == 301
