"""Processes that are killed, by SIGKILL, in the midst of their lookups."""

import os
import signal
import sys
from contextlib import ExitStack
from subprocess import Popen

from tests.support.processes import wait_until

WORKERS = 4
LOOKUPS = 2000
PROGRAM = """
from itertools import count
from tests.hosts.application import look_up
for number in count():
    look_up(number)
"""


def test_all_but_the_lookups_under_way_are_counted(machine):
    """Each worker may have been killed between a lookup and its note, so one a worker more."""
    with ExitStack() as workers:
        started = [
            workers.enter_context(
                Popen([sys.executable, "-c", PROGRAM], env=machine.environment, cwd=machine.path)
            )
            for _ in range(WORKERS)
        ]
        wait_until(lambda: machine.noted() > LOOKUPS)
        for worker in started:
            worker.kill()

    assert machine.noted() <= machine.counted() <= machine.noted() + WORKERS


def test_all_lookups_are_counted_of_a_worker_that_gunicorn_replaces(machine):
    """No request is under way when the worker is killed."""
    command = "gunicorn -k gthread -w 1 --threads 4 -b 127.0.0.1:PORT tests.hosts.application:wsgi"
    with machine.serving(command) as site:
        site.ask_all(range(100))
        (worker,) = set(machine.processes()) - {site.process.pid}
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker not in machine.processes())
        site.ask_all(range(100))

    assert machine.counted() == machine.noted() > 200
