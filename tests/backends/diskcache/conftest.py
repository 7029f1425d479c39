"""A directory that an application wrote, and the cache over it."""

from collections.abc import Iterator
from pathlib import Path

import diskcache
import pytest

from cachectl import Cache
from tests.support.foreign import fill
from tests.support.openers import settings


@pytest.fixture
def directory(tmp_path) -> Path:
    return tmp_path / "application"


@pytest.fixture
def trace(tmp_path) -> Path:
    """What is there only if something was unpickled."""
    return tmp_path / "unpickled"


@pytest.fixture
def filled(directory, trace) -> Path:
    """A directory with an entry of each kind, whose application has ended."""
    with diskcache.Cache(directory, eviction_policy="least-recently-used") as cache:
        fill(cache, trace)
    return directory


@pytest.fixture
def opened(directory) -> Iterator[Cache]:
    """The cache over the directory, which need not exist yet."""
    with Cache.of(settings("diskcache", diskcache__directory=directory), strict=True) as cache:
        yield cache
