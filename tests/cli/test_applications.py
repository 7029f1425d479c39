"""What an operator sees of applications at work: what they are in, since when, and why."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cachectl import Application, Cache
from cachectl.errors import BackendError
from tests.cli.support.tool import Tool
from tests.support.openers import settings
from tests.support.processes import start_afresh, wait_until
from tests.support.servers import free_port, redis_server

SECRET = "hunter2-canary"  # no password of anything
APPLICATION = """
import select
users = open_cache().namespace("users")
users.set("k", 1)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    users.get("k")
"""


@contextmanager
def application(options: dict[str, object], script: Path) -> Iterator[int]:
    """Run one until the end of the body; yield its process id."""
    process = start_afresh(APPLICATION, options, script)
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def options(port: int) -> dict[str, object]:
    url = f"redis://:{SECRET}@127.0.0.1:{port}/0"
    return {"backend": "redis", "redis.url": url, "redis.timeout": 0.3}


@pytest.fixture
def seen(port: int) -> Iterator[Callable[[], list[Application]]]:
    """Looks from outside at what is published."""
    url = f"redis://127.0.0.1:{port}/0"
    with Cache.of(settings("redis", redis__url=url), strict=True) as cache:
        yield lambda: list(cache.applications())


@pytest.fixture
def operator(tool: Tool, port: int) -> Tool:
    return tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=f"redis://127.0.0.1:{port}/0")


def test_who_works_from_memory_is_shown_where_redis_is_absent(
    operator: Tool, options, seen, tmp_path: Path
):
    """The tool ends with 5 as ever, and says which applications go on without Redis."""
    with application(options, tmp_path / "server.py") as pid:
        wait_until(lambda: bool(seen()))
        table, document = operator.together([("stats",), ("stats", "-f", "json")])
    assert (table.code, document.code) == (5, 5)
    first, last, cache = table.err.splitlines()
    assert first.startswith(f"server.py in {Path.cwd()} (pid {pid}) works from memory since 20")
    assert " refused the connection; " in first
    assert ", with 1 entry: " in first
    assert last.startswith("cachectl: unavailable: Redis at ")
    assert cache.startswith("  cache redis ")
    error = json.loads(document.out)
    assert (error["schema"], error["exit_code"]) == ("cachectl.error/1", 5)
    (told,) = error["applications"]
    assert told.pop("since").endswith("Z")
    assert "refused the connection" in told.pop("last_error")
    assert told == {
        "pid": pid, "program": f"server.py in {Path.cwd()}", "status": "fallback_only",
        "kind": "outage", "fallback_entries": 1,
    }  # fmt: skip
    assert SECRET not in table.err + document.out + document.err


def test_it_is_followed_while_redis_comes_and_goes(
    operator: Tool, options, seen, port: int, tmp_path: Path
):
    def is_in(status: str) -> Callable[[], bool]:
        return lambda: [each.status for each in seen()] == [status]

    with ExitStack() as stack:
        server = stack.enter_context(redis_server("--requirepass", SECRET, port=port))
        pid = stack.enter_context(application(options, tmp_path / "server.py"))
        with_password = operator.having(CACHECTL_URL=str(options["redis.url"]))
        wait_until(is_in("ok"))
        ended = with_password("stats", "users", "-f", "json")
        (told,) = json.loads(ended.out)["applications"]
        assert (ended.code, told["status"], told["since"]) == (0, "ok", None)
        ended = with_password("stats")
        assert (ended.code, ended.err) == (0, "")
        assert f"(pid {pid}): ok" in with_password("-v", "stats").err

        server.process.send_signal(signal.SIGSTOP)
        wait_until(is_in("fallback_only"))
        server.process.send_signal(signal.SIGCONT)
        wait_until(is_in("ok"))

        with server.client(password=SECRET) as raw:
            raw.config_set("requirepass", "another")
            raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(is_in("fallback_only"))
        assert seen()[0].kind == "misconfigured"
        changed = operator.having(CACHECTL_URL=f"redis://:another@127.0.0.1:{port}/0")
        ended = changed("stats")
        assert ended.code == 0
        assert "rejected the password" in ended.err
        assert SECRET not in ended.err


def test_an_application_that_is_killed_is_shown_no_more(options, seen, tmp_path: Path):
    with application(options, tmp_path / "server.py") as pid:
        wait_until(lambda: bool(seen()))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not seen())


def test_a_directory_that_cannot_be_used_is_told_as_well(tool: Tool, tmp_path: Path):
    """An application on files that has no place for them."""
    options: dict[str, object] = {"backend": "file", "file.directory": tmp_path / "cache"}
    (tmp_path / "cache").mkdir(mode=0o755)
    tool = tool.having(CACHECTL_FILE__DIRECTORY=str(tmp_path / "cache"))

    def seen() -> list[Application]:
        with tool.open() as cache:
            return list(cache.applications())

    with application(options, tmp_path / "server.py"):
        wait_until(lambda: "works from memory since" in tool("stats").err)
        ended = tool("stats")
        assert ended.code == 6
        assert "is open to others" in ended.err
        (tmp_path / "cache").chmod(0o700)
        wait_until(lambda: [each.status for each in seen()] == ["ok"])


def test_the_memory_of_an_application_is_reported_as_ever(tool: Tool, tmp_path: Path):
    """It is what that backend's status names; there is nothing it could fall back from."""
    options: dict[str, object] = {"backend": "memory", "memory.name": f"test-{os.getpid()}"}
    tool = tool.having(CACHECTL_BACKEND="memory", CACHECTL_MEMORY__NAME=f"test-{os.getpid()}")
    with application(options, tmp_path / "server.py"):
        wait_until(lambda: '"processes": 1' in tool("stats", "-f", "json").out)
        document = json.loads(tool("stats", "-f", "json").out)
    assert document["applications"] == []
    assert document["backend"]["programs"] == [f"server.py in {Path.cwd()}"]


def test_a_strict_cache_is_no_application(options, seen):
    cache = Cache.of(settings("redis", redis__url=str(options["redis.url"])), strict=True)
    with pytest.raises(BackendError):
        cache.namespace("users").set("k", 1)
    cache.close()
    assert seen() == []
