"""Hosts on which the five systems run: one for each backend."""

from collections.abc import Iterator

import pytest

from tests.support.openers import SHARED, WRITABLE
from tests.systems.host import Host


def _host(request: pytest.FixtureRequest, backend: str) -> Iterator[Host]:
    variables = {"AI_CACHE_BACKEND": backend}
    if backend == "redis":
        variables["REDIS_URL"] = request.getfixturevalue("redis_url")
    home = request.getfixturevalue("tmp_path")
    host = Host(home, request.getfixturevalue("clock"), variables)
    yield host
    host.close()


@pytest.fixture
def in_memory(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host whose applications cache in memory."""
    yield from _host(request, "memory")


@pytest.fixture
def on_disk(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host whose applications share a directory."""
    yield from _host(request, "file")


@pytest.fixture(params=SHARED)
def shared(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host whose applications share a backend: each that can be shared."""
    yield from _host(request, request.param)


@pytest.fixture(params=WRITABLE)
def anywhere(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host for each backend."""
    yield from _host(request, request.param)
