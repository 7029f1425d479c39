"""Fixtures that all tests share."""

from collections.abc import Iterator

import pytest

from tests.support.openers import OPTIONS, WRITABLE, Opener
from tests.support.servers import Server
from tests.support.servers import redis_server as run_redis_server


class Clock:
    """A clock that stands still until it is told to move on; call it for Unix seconds."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """One server of our own for the whole run; without redis-server, tests that need it fail."""
    with run_redis_server() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    """The URL of our own server, empty."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(params=WRITABLE)
def opener(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Opener]:
    """Opens caches over one empty place: on every backend, unless a test names some."""
    opener = Opener(request.param, OPTIONS[request.param](request), clock)
    yield opener
    opener.close()
