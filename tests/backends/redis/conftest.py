"""A backend over our own server, and a client beside it."""

from collections.abc import Iterator

import pytest

from cachectl._backends.redis.backend import RedisBackend
from tests.support.servers import Server


@pytest.fixture
def backend(redis_url: str) -> Iterator[RedisBackend]:
    opened = RedisBackend(url=redis_url, prefix="app", timeout=10.0)
    yield opened
    opened.close()


@pytest.fixture
def raw(redis_server: Server, redis_url: str):
    with redis_server.client() as client:
        yield client
