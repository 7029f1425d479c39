"""Processes that end without a word: what they counted and used is there when the next one looks."""

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from cachectl import Cache
from cachectl._backends.capabilities import SupportsSlots
from cachectl._config import load
from cachectl.testing.opener import ENVIRONMENT
from tests.support.openers import SHARED, Opener
from tests.support.processes import finish, run, start, start_afresh

pytestmark = pytest.mark.parametrize("opener", SHARED, indirect=True)

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
ENDINGS = {
    "SIGKILL": KILL,
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "os._exit": "os._exit(0)",
    "abort": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
}
OPEN = "import signal\ncache = open_cache(); users = cache.namespace('users')\n"


def figures(opener: Opener):
    """Return what the next process sees."""
    with Cache.of(load(overrides=opener.settings, environ=ENVIRONMENT), strict=True) as cache:
        return cache.stats().namespaces["users"]


def end(program: str, opener: Opener) -> None:
    """Run a program to its end, however that comes."""
    process = start(program, opener.settings)
    _, errors = process.communicate(timeout=30)
    assert not errors


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_lookup_right_before_the_end_is_counted(opener: Opener, ending):
    end(f"{OPEN}users.get('k')\n{ENDINGS[ending]}", opener)
    assert figures(opener).misses == 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_hits_misses_sets_and_savings_of_all_threads_are_counted(opener: Opener, ending):
    program = """
import _thread
def work():
    for i in range(100):
        users.set(f"{threading.get_ident()}-{i}", i, cost=0.001)
        users.get(f"{threading.get_ident()}-{i}"); users.get("absent")
def raw(): work(); done.release()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
done = threading.Semaphore(0)
for _ in range(3): _thread.start_new_thread(raw, ())
for _ in range(3): done.acquire()
"""
    end(f"{OPEN}{program}{ENDINGS[ending]}", opener)
    found = figures(opener)
    assert (found.sets, found.hits, found.misses) == (700, 700, 700)
    assert found.saved_cost == pytest.approx(0.7)
    assert found.last_hit_at


def test_a_process_killed_at_any_moment_counted_what_it_did_and_never_more(opener: Opener):
    """It tells of each lookup after it: one it could not tell of may be counted. Twice a second it
    hands over what it counted, so that some are killed in the middle of that.
    """
    program = f"""{OPEN}
def flush():
    while True: time.sleep(0.002); cache.flush()
threading.Thread(target=flush, daemon=True).start()
sys.stdout.close()
while True: users.get("k"); os.write(1, b".")
"""
    told = 0
    processes = 12
    for _ in range(processes):
        process = start(program, opener.settings)
        assert process.stdout
        os.read(process.stdout.fileno(), 1)
        told += 1
        with suppress(Exception):
            process.wait(random.uniform(0.0, 0.2))
        process.kill()
        told += len(process.stdout.read())
        process.communicate()
    counted = figures(opener).misses
    assert told <= counted <= told + processes


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_that_was_on_its_way_is_added_once(opener: Opener, when):
    """The process is killed just before the backend adds it, and just after."""
    program = f"""{OPEN}
class Deadly:
    def __init__(self, store): self.store = store
    def add(self, batch):
        if {when == "after"}: self.store.add(batch)
        {KILL}
for _ in range(10): users.get("k")
cache.flush()
for _ in range(5): users.get("k")
buffer = cache._core.counting.buffer
buffer._store = Deadly(buffer._store)
try: cache.flush()
finally: pass
"""
    end(program, opener)
    assert figures(opener).misses == 15
    assert figures(opener).misses == 15


def test_a_fork_for_each_job_loses_nothing_and_leaves_one_slot(opener: Opener):
    program = f"""{OPEN}
users.set("k", 1)
for job in range(30):
    child = os.fork()
    if child == 0:
        users.get("k"); users.get("absent")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    slots = len(list(cache._core.backend.slots(create=False).iterdir()))
    assert slots <= 3, slots
{KILL}
"""
    end(program, opener)
    found = figures(opener)
    assert (found.sets, found.hits, found.misses) == (1, 30, 30)


def test_a_pool_that_is_terminated_loses_nothing(opener: Opener, tmp_path: Path):
    program = """
import multiprocessing
def job(number):
    users.get("absent")
    return number
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    cache = open_cache(); users = cache.namespace("users")
    with context.Pool(4) as pool:
        assert len(list(pool.imap_unordered(job, range(400)))) == 400
"""
    finish(start_afresh(program, opener.settings, tmp_path / "program.py"))
    assert figures(opener).misses == 400


def test_two_who_look_at_once_count_each_process_once(opener: Opener):
    for _ in range(12):
        end(
            f"{OPEN}cache._core.counting._slots._clock = lambda: time.time() - 300\n"
            f"users.get('k')\n{KILL}",
            opener,
        )
    program = """
with open_cache(strict=True) as cache:
    for _ in range(20): cache.stats()
"""
    lookers = [start(program, opener.settings) for _ in range(3)]
    for looker in lookers:
        finish(looker)
    assert figures(opener).misses == 12


def test_what_a_killed_process_used_is_not_evicted_first(opener: Opener):
    write = """
users = open_cache().namespace("users", max_entries=3)
for key in "abc": users.set(key, key); time.sleep(0.002)
users.flush()
"""
    finish(start(write, opener.settings))
    end(f"{OPEN}users.get('a')\n{KILL}", opener)
    later = """
cache = open_cache(); users = cache.namespace("users", max_entries=3)
cache.flush()
users.set("d", "d")
print(json.dumps([key for key in "abcd" if users.has(key)]))
"""
    assert run(later, opener.settings) == ["a", "c", "d"]


def test_a_use_never_moves_back(opener: Opener):
    """What a killed process used before others did is no newer than that."""
    end(
        f"{OPEN}users.set('a', 1); users.set('b', 1); cache.flush()\nusers.get('a')\n{KILL}", opener
    )
    later = """
cache = open_cache(strict=True); users = cache.namespace("users")
users.get("b"); users.get("a"); users.get("b"); cache.flush()
before = {info.key: info.used_at for info in users.entries()}
cache._core.counting.collect()
after = {info.key: info.used_at for info in users.entries()}
print(json.dumps(before == after))
"""
    assert run(later, opener.settings)


def test_what_is_closed_in_order_leaves_no_slot(opener: Opener):
    program = "with open_cache() as cache: cache.namespace('users').get('k')"
    finish(start(program, opener.settings))
    backend = opener()._core.backend
    assert isinstance(backend, SupportsSlots)
    slots = backend.slots(create=False)
    assert slots is not None
    assert not slots.exists()
    assert figures(opener).misses == 1


def test_a_fork_in_the_middle_of_counting_leaves_the_slot_to_the_parent(opener: Opener):
    program = f"""{OPEN}
stop = threading.Event()
def count():
    while not stop.is_set(): users.get("k"); lookups.append(1)
lookups = []
thread = threading.Thread(target=count); thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        users.get("child")
        {KILL}
    os.waitpid(child, 0)
stop.set(); thread.join()
print(len(lookups), flush=True)
{KILL}
"""
    process = start(program, opener.settings)
    output, errors = process.communicate(timeout=30)
    assert not errors
    assert process.returncode == -signal.SIGKILL
    assert figures(opener).misses == int(output) + 20


def test_what_is_counted_after_the_slots_were_removed_is_counted_too(opener: Opener):
    """The threads that counted before as well as new ones go on in a slot that others find."""
    end(
        f"""{OPEN}import shutil
def count(): [users.get('k') for _ in range(10)]
def count_in_thread():
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
count()
count_in_thread()
shutil.rmtree(cache._core.backend.slots(create=False))
count()
cache.flush()
count()
count_in_thread()
os._exit(0)""",
        opener,
    )
    assert figures(opener).misses == 50
