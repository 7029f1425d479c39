"""The command line on each backend that outlives a call."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cli.support.conditions import Ground
from tests.cli.support.tool import Tool
from tests.support.openers import SHARED
from tests.support.servers import free_port


@pytest.fixture
def tool(tmp_path) -> Tool:
    """The tool as it is without any configuration: on files below its home."""
    return Tool(tmp_path)


@pytest.fixture
def on_redis(tool, redis_url) -> Tool:
    """The tool on our own Redis."""
    return tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=redis_url)


@pytest.fixture(params=SHARED)
def shared(request) -> Tool:
    """The tool on each backend that processes share."""
    found: Tool = request.getfixturevalue({"file": "tool", "redis": "on_redis"}[request.param])
    return found


@pytest.fixture
def ground(request, tmp_path: Path, tool: Tool) -> Iterator[Ground]:
    """A place of a kind, with some entries."""
    with ExitStack() as stack:
        if request.param == "Redis":
            port = free_port()
            url = f"redis://127.0.0.1:{port}/0"
            tool = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=url)
            ground = Ground(url, tool, port, stack.enter_context(ExitStack()))
            ground.start()
        else:
            stack.enter_context(small_disk(tmp_path))
            ground = Ground(str(tool.directory), tool)
        with tool.open() as cache:
            users = cache.namespace("users", ttl="1h")
            users.set_many({"k": "v", "l": "x" * 1_200_000, "m": "v"})
        yield ground


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """Let the disk be small, where that can be done."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield
        return
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
