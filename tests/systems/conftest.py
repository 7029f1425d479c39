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


def _host(request: pytest.FixtureRequest, backend: str, engine: str) -> Iterator[Host]:
    variables = {"AI_CACHE_BACKEND": backend}
    if backend == "redis":
        variables["REDIS_URL"] = request.getfixturevalue("redis_url")
        variables["CACHECTL_REDIS__TIMEOUT"] = PATIENCE
    home = request.getfixturevalue("tmp_path")
    host = Host(home, request.getfixturevalue("clock"), variables, engine)
    yield host
    host.close()


@pytest.fixture
def in_memory(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host whose applications cache in memory."""
    yield from _host(request, "memory", engine)


@pytest.fixture
def on_disk(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host whose applications share a directory."""
    yield from _host(request, "file", engine)


@pytest.fixture(params=SHARED)
def shared(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host whose applications share a backend: each that can be shared."""
    yield from _host(request, request.param, engine)


@pytest.fixture(params=WRITABLE)
def anywhere(request: pytest.FixtureRequest, engine: str) -> Iterator[Host]:
    """A host for each backend."""
    yield from _host(request, request.param, engine)


@pytest.fixture
def one_process(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host whose applications cache in memory, and run in processes of their own."""
    yield from _host(request, "memory", "threads")


@pytest.fixture(params=SHARED)
def processes(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host whose processes share a backend: each that can be shared."""
    yield from _host(request, request.param, "threads")
