"""RQ's default worker: a process for each job, which ends by `os._exit`."""

import sys

import pytest

JOBS = 10
ENQUEUE = f"""
import os
from redis import Redis
from rq import Queue
queue = Queue(connection=Redis.from_url(os.environ["RQ_REDIS_URL"]))
for number in range({JOBS}):
    queue.enqueue("tests.hosts.application.look_up", number % 2)
"""


@pytest.mark.parametrize("opened", ["in each job", "before all jobs"])
def test_the_lookup_of_each_job_is_counted(machine, opened):
    """Also if the worker has opened the cache that its jobs inherit."""
    machine.run(sys.executable, "-c", ENQUEUE)
    configuration = ["--config", "tests.hosts.application"] if opened == "before all jobs" else []
    machine.run("rq", "worker", "--burst", *configuration)

    assert machine.counted() == machine.noted() == JOBS
    machine.assert_gone()
