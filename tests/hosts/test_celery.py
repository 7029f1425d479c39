"""Celery's prefork pool, whose processes end without `atexit` after a number of tasks."""

import sys

TASKS = 90
ASK = f"""
from celery import group
from tests.hosts.tasks import greet
jobs = group(greet.s(number) for number in range({TASKS})).apply_async()
assert len(jobs.get(timeout=50)) == {TASKS}
"""
WORKER = (
    "celery --app tests.hosts.tasks worker --concurrency 2 --max-tasks-per-child 20"
    " --without-gossip --without-mingle --without-heartbeat"
)


def test_the_lookup_of_each_task_is_counted(machine):
    with machine.running(WORKER):
        machine.run(sys.executable, "-c", ASK)

    assert machine.counted() == machine.noted() == TASKS
    machine.assert_gone()
