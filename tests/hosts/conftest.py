"""Machines on which hosts are started, with a cache on each backend that processes share."""

from collections.abc import Iterator

import pytest

from tests.hosts.machine import Machine
from tests.support.openers import SHARED
from tests.support.servers import Server


@pytest.fixture(params=SHARED)
def machine(request, tmp_path, redis_server: Server, redis_url) -> Iterator[Machine]:
    """One whose cache is empty, on files or on Redis; queues are on Redis."""
    machine = Machine(
        tmp_path,
        CACHECTL_BACKEND=request.param,
        CACHECTL_URL=redis_url,
        BROKER_URL=f"redis+socket://{redis_server.socket}",
        RQ_REDIS_URL=redis_url,
    )
    yield machine
    machine.kill()
