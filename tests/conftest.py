"""Fixtures that all tests share."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

from cachectl._backends.redis import watch
from cachectl._metrics import flusher
from cachectl.testing import Clock
from tests.support.openers import WRITABLE, Opener, empty_place
from tests.support.servers import Server
from tests.support.servers import redis_server as run_redis_server

# Another process may have the core; soak has more examples.
settings.register_profile("quick", settings(), deadline=None, max_examples=60)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """Let no search for garbage go through the thousands of tests there are: hundreds of them would."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches flush, and look where their address leads, ten times as often."""
    monkeypatch.setattr(flusher, "INTERVAL", flusher.INTERVAL / 10)
    monkeypatch.setattr(watch, "_EVERY", watch._EVERY / 10)


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
    opener = Opener(empty_place(request), clock)
    yield opener
    opener.close()
