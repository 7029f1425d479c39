"""Signal handlers that use the cache in the middle of what they interrupt."""

import pytest

from tests.support.openers import Opener
from tests.support.processes import run

HANDLER = """
import signal
from cachectl.errors import BackendBusy
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none", max_entries=50)
users.set("k", 1)  # what a strict cache imports late is imported now
users.invalidate(tag="t")
done, refused = [], []
depth = 0
def handle(*_):
    global depth
    if depth > 9:  # who waits for a thread that sees to the log is interrupted again and again
        return
    depth += 1
    number = len(done) + len(refused)
    try:
        users.set(f"h{number % 70}", number, tags=["t"])
        if number % 5 == 0: users.delete(f"h{(number - 3) % 70}")
        if number % 50 == 0: users.invalidate(tag="t")
        done.append(number)
    except BackendBusy as error:
        assert "interrupted" in str(error), error
        refused.append(number)
    finally:
        depth -= 1
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0007)
number = 0
while len(done) + len(refused) < 1000:
    number += 1
    assert users.set(f"{number % 60}", number, tags=["t"])
    users.get(f"{number % 60}")
signal.setitimer(signal.ITIMER_REAL, 0)
held = cache.usage()["users"]
listed = list(users.entries())
assert held.entries == len(listed) <= 50, (held, len(listed))
assert held.bytes == sum(each.size for each in listed)
print(json.dumps([len(done), len(refused)]))
"""


@pytest.mark.parametrize("opener", ["file", "memory"], indirect=True)
def test_a_signal_handler_that_writes_in_the_middle_of_a_write_is_refused_and_totals_are_true(
    opener: Opener,
):
    done, refused = run(HANDLER, opener.settings)
    assert done > 0
    assert refused > 0


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_a_fork_in_a_signal_handler_leaves_both_processes_working(opener: Opener):
    """What it interrupts may be refused, in words, on both sides."""
    program = """
import signal
from cachectl.errors import BackendError
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none")
forks = []
def handle(*_):
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
        forks.clear()
        forks.append(0)
    else:
        forks.append(child)
signal.signal(signal.SIGALRM, handle)
for attempt in range(30):
    signal.setitimer(signal.ITIMER_REAL, 0.001 + attempt * 7e-6)
    while len(forks) <= attempt and 0 not in forks:
        try:
            users.set("k", attempt, tags=["t"])
            users.get("k")
        except BackendError as error:
            assert "fork" in str(error) or "closed database" in str(error), error
    if 0 in forks:
        assert users.set(f"child{attempt}", attempt)
        assert users.get(f"child{attempt}") == attempt
        os._exit(0)
    assert os.waitpid(forks[-1], 0)[1] == 0
assert users.set("k", "parent")
print(json.dumps(cache.usage()["users"].entries - len(list(users.entries()))))
"""
    assert run(program, opener.settings) == 0
    assert len(list(opener().namespace("users").entries())) == 31
