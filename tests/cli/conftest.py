"""The command line on each backend that outlives a call."""

from collections.abc import Iterator

import pytest

from tests.cli.support.nursery import Nursery
from tests.cli.support.nursery import nursery as start_nursery
from tests.cli.support.tool import Tool
from tests.support.openers import SHARED


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """What makes the calls of the tests."""
    with start_nursery() as process:
        yield process


@pytest.fixture
def tool(tmp_path, nursery) -> Tool:
    """The tool as it is without any configuration: on files below its home."""
    return Tool(tmp_path, nursery)


@pytest.fixture
def on_redis(tool, redis_url) -> Tool:
    """The tool on our own Redis."""
    return tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=redis_url)


@pytest.fixture(params=SHARED)
def shared(request) -> Tool:
    """The tool on each backend that processes share."""
    found: Tool = request.getfixturevalue({"file": "tool", "redis": "on_redis"}[request.param])
    return found
