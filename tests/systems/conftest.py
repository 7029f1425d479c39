"""Hosts on which the five systems run: one for each backend and engine."""

from collections.abc import Iterator

import pytest

from cachectl.testing.contract.base import ENGINES
from tests.support.openers import PATIENCE, SHARED, WRITABLE
from tests.systems.host import Host


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that applications use: `Cache` or `AsyncCache`."""
    return str(request.param)


def _host(request: pytest.FixtureRequest, backend: str) -> Iterator[Host]:
    variables = {"AI_CACHE_BACKEND": backend}
    if backend == "redis":
        variables["REDIS_URL"] = request.getfixturevalue("redis_url")
        variables["CACHECTL_REDIS__TIMEOUT"] = PATIENCE
    home = request.getfixturevalue("tmp_path")
    clock, engine = request.getfixturevalue("clock"), request.getfixturevalue("engine")
    host = Host(home, clock, variables, engine)
    yield host
    host.close()


@pytest.fixture
def in_memory(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host whose applications cache in memory."""
    yield from _host(request, "memory")


@pytest.fixture
def on_disk(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host whose applications share a directory."""
    yield from _host(request, "file")


@pytest.fixture(params=SHARED)
def shared(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host whose applications share a backend: each that can be shared."""
    yield from _host(request, request.param)


@pytest.fixture(params=WRITABLE)
def anywhere(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host for each backend."""
    yield from _host(request, request.param)
