"""What every backend does where threads and forks meet in it."""

import threading

from cachectl import MISSING
from cachectl.testing.contract.base import Contract
from cachectl.testing.opener import Opener
from cachectl.testing.processes import finish, start

FORK = """
import signal

cache = open_cache(strict=True)
users, others = cache.namespace("users", ttl="none", max_entries=20), cache.namespace("others")
stopped = threading.Event()
others.set("k", others.get("k", default=0))  # a fork must not meet Python's lock of imports  # or a fork meets Python's own lock of imports
cache.stats()

def write():
    number = 0
    while not stopped.wait(0.001):
        number += 1
        users.set(str(number % 25), number)
        users.get(str(number % 7))

threads = [threading.Thread(target=write, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for attempt in range(5):
    child = os.fork()
    if not child:
        signal.alarm(10)
        others.set("child", attempt)
        cache.stats()
        os._exit(others.get("child") != attempt)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stopped.set()
for thread in threads:
    thread.join()
others.set("parent", 1)
assert others.get("parent") == 1
cache.close()
"""


class ThreadsContract(Contract):
    """Threads that write, read and remove at once, and a fork in the middle of that."""

    def test_threads_write_read_and_remove_at_once(self, opener: Opener) -> None:
        cache = opener()
        users = cache.namespace("users", max_entries=50)
        wrong: list[object] = []

        def work(seed: int) -> None:
            for i in range(60):
                key = str((seed * 31 + i * 7) % 80)
                users.set(key, key * 10, tags=["t"])
                found = users.get(key)
                if found not in (key * 10, MISSING):
                    wrong.append(found)
                if i % 20 == 19:
                    users.delete(key)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        figures = cache.stats().namespaces["users"]
        listed = list(users.entries())
        assert figures.hits + figures.misses == 240
        assert (figures.entries, figures.bytes) == (len(listed), sum(item.size for item in listed))
        assert len(listed) <= 50

    def test_a_fork_while_threads_write_leaves_both_sides_working(self, opener: Opener) -> None:
        finish(start(FORK, opener.settings))
