"""Processes that end by `os._exit` after a lookup: nothing of Python runs then."""

import sys

CHILDREN = 20
PROGRAM = f"""
import os
from tests.hosts.application import greetings, look_up
PREPARE
for _ in range({CHILDREN}):
    if os.fork() == 0:
        look_up(0)
        os._exit(0)
    assert os.wait()[1] == 0
os._exit(0)
"""
FILL_UP = """
from tests.hosts.application import cache
cache.stats()  # whoever looks next finds what they noted
users = cache.namespace("greetings", max_entries=2)
users.set("new", "Hello!")
assert users.peek("new") is not None
assert users.peek("0") is not None
assert users.peek("1") is None
"""


def test_the_lookup_of_each_process_is_counted(machine):
    """Of the first process too, which forks with lookups that are not handed over."""
    machine.run(sys.executable, "-c", PROGRAM.replace("PREPARE", "look_up(0)"))

    assert machine.counted() == machine.noted() == CHILDREN + 1


def test_what_such_processes_read_is_not_evicted_first(machine):
    prepare = "greetings.set('0', 'Hello, 0!')\ngreetings.set('1', 'Hello, 1!')"
    machine.run(sys.executable, "-c", PROGRAM.replace("PREPARE", prepare))

    machine.run(sys.executable, "-c", FILL_UP)
