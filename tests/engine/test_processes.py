"""Many processes on one cache: every count arrives once, every acknowledged entry stays."""

from functools import partial
from pathlib import Path

import pytest

from tests.support.openers import SHARED, Opener
from tests.support.processes import finish, run, start, start_afresh, wait_until

pytestmark = pytest.mark.parametrize("opener", SHARED, indirect=True)

WORKERS = 4
LOOKUPS = 500
KILLED_AFTER = 3.0  # seconds
LOST_SECONDS = 1.5  # an interval of hand-overs, and the time that one takes

WORK = f"""
def work(cache, lookups={LOOKUPS}):
    users = cache.namespace("users")
    for i in range(lookups):
        if users.get(f"{{os.getpid()}}-{{i // 2}}") is MISSING:
            users.set(f"{{os.getpid()}}-{{i // 2}}", i, cost=0.001)
"""

ENDINGS = {
    "context manager": "with open_cache() as cache: work(cache)",
    "sys.exit": "cache = open_cache(); work(cache); sys.exit(0)",
    "strict": "with open_cache(strict=True) as cache: work(cache)",
    "thread": (
        "import threading; cache = open_cache()\n"
        "thread = threading.Thread(target=work, args=(cache,)); thread.start()"
    ),
}


def assert_counted(opener: Opener, processes: int) -> None:
    figures = opener().stats().namespaces["users"]
    half = processes * LOOKUPS // 2
    assert (figures.hits, figures.misses, figures.sets, figures.errors) == (half, half, half, 0)
    assert figures.saved_cost == pytest.approx(half * 0.001)
    assert figures.entries == half


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_counts_of_four_processes_add_up_to_the_last_lookup(opener: Opener, ending):
    workers = [start(WORK + ENDINGS[ending], opener.settings) for _ in range(WORKERS)]
    for worker in workers:
        finish(worker)
    assert_counted(opener, WORKERS)


MULTIPROCESSING = {
    "fork": """
import multiprocessing
if __name__ == "__main__":
    context, cache = multiprocessing.get_context("fork"), open_cache()
    cache.namespace("users").set("parent", 1)
""",
    "spawn": """
import multiprocessing

def child():
    work(open_cache())

if __name__ == "__main__":
    context, cache = multiprocessing.get_context("spawn"), None
""",
}


@pytest.mark.parametrize("method", MULTIPROCESSING)
def test_the_children_of_multiprocessing_lose_no_counts(opener: Opener, method, tmp_path: Path):
    """They end without closing, and without running what `atexit` registered."""
    target = {"fork": "target=work, args=(cache,)", "spawn": "target=child"}[method]
    program = f"""
    children = [context.Process({target}) for _ in range({WORKERS})]
    for process in children:
        process.start()
    for process in children:
        process.join()
        assert process.exitcode == 0
"""
    program = WORK + MULTIPROCESSING[method] + program
    finish(start_afresh(program, opener.settings, tmp_path / "program.py"))
    figures = opener().stats().namespaces["users"]
    half = WORKERS * LOOKUPS // 2
    assert (figures.hits, figures.misses, figures.errors) == (half, half, 0)
    assert figures.sets == half + (method == "fork")


def test_a_fork_counts_nothing_twice_and_works_on_both_sides(opener: Opener):
    program = """
cache = open_cache()
users = cache.namespace("users")
users.set("k", "v")
for _ in range(10): users.get("k")
child = os.fork()
side = "child" if child == 0 else "parent"
for i in range(100):
    users.set(f"{side}{i}", i)
    assert users.get(f"{side}{i}") == i
assert users.get("k") == "v"
if child: assert os.waitpid(child, 0)[1] == 0
cache.close()
print(json.dumps(True))
"""
    process = start(program, opener.settings)
    assert finish(process).count("true") == 2
    figures = opener().stats().namespaces["users"]
    assert (figures.hits, figures.sets, figures.entries) == (10 + 2 * 101, 201, 201)


def test_a_fork_while_another_thread_hands_over_counts_does_not_hang(opener: Opener):
    program = """
import threading
cache = open_cache()
users = cache.namespace("users")
stop = threading.Event()
def flush():
    while not stop.is_set():
        users.get("k"); cache.flush()
thread = threading.Thread(target=flush); thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        users.get("k")
        cache.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set(); thread.join()
print(json.dumps(True))
"""
    assert run(program, opener.settings)


def test_threads_that_fork_at_once_wait_for_each_other(opener: Opener):
    """Also while others write, and open and drop caches of their own on the same place."""
    program = """
cache = open_cache()
users = cache.namespace("users")
end = time.monotonic() + 2
def write():
    while time.monotonic() < end:
        users.set("k", "v")
def visit():
    while time.monotonic() < end:
        open_cache().namespace("users").get("k")
def fork():
    while time.monotonic() < end:
        child = os.fork()
        if child == 0:
            users.set("k", "v")
            os._exit(0 if users.get("k") == "v" else 1)
        assert os.waitpid(child, 0)[1] == 0
threads = [threading.Thread(target=each) for each in (write, visit, fork, fork)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(True))
"""
    assert run(program, opener.settings)


def test_a_killed_process_loses_a_second_of_counts_and_no_entry(opener: Opener, tmp_path: Path):
    program = """
users = open_cache().namespace("users")
journal = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
number = 0
while True:
    for _ in range(20):
        users.get("k")
    users.set(f"{os.getpid()}-{number}", number)
    os.write(journal, f"{os.getpid()}-{number} {number} {time.monotonic()}\\n".encode())
    number += 1
"""
    journals = [tmp_path / f"journal{worker}" for worker in range(WORKERS)]
    workers = [start(program, opener.settings, arguments=[str(journal)]) for journal in journals]
    for worker, journal in zip(workers, journals, strict=True):
        wait_until(partial(outlasts, journal, KILLED_AFTER))
        worker.kill()
        worker.communicate()
    cache = opener()
    users = cache.namespace("users")
    counted = 0
    for journal in journals:
        entries = acknowledged(journal)
        for key, number, _ in entries:
            entry = users.peek(key)
            assert entry is not None
            assert entry.value == number
        end = entries[-1][2]
        counted += sum(at < end - LOST_SECONDS for _, _, at in entries)
    figures = cache.stats().namespaces["users"]
    assert 0 < counted <= figures.sets <= figures.entries
    assert figures.hits + figures.misses + figures.shared >= 20 * counted


def acknowledged(journal: Path) -> list[tuple[str, int, float]]:
    """Return key, value and time of what was stored, leaving out a line that was cut."""
    if not journal.exists():
        return []
    lines = journal.read_text().split("\n")[:-1]
    return [(key, int(number), float(at)) for key, number, at in map(str.split, lines)]


def outlasts(journal: Path, seconds: float) -> bool:
    entries = acknowledged(journal)
    return bool(entries) and entries[-1][2] - entries[0][2] > seconds


def test_a_fork_and_an_import_that_needs_a_cache_do_not_wait_for_each_other(opener: Opener):
    """Namespaces for tasks are made while what they need is imported, and locks of caches are taken
    in there; a fork takes the same locks.
    """
    finish(start_afresh(NAMESPACES_AND_FORKS, opener.settings))


NAMESPACES_AND_FORKS = """
import asyncio
from cachectl import AsyncCache

cache = AsyncCache.of(load(overrides=options, environ={}), strict=False)
stopped = threading.Event()

def make():
    number = 0
    while not stopped.is_set():
        number += 1
        cache.namespace(f"made{number % 400}")
        AsyncCache.of(load(overrides=options, environ={}), strict=False).namespace("other")

thread = threading.Thread(target=make, daemon=True)
thread.start()
for _ in range(40):
    child = os.fork()
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stopped.set()
thread.join(20)
assert not thread.is_alive()
os._exit(0)
"""
