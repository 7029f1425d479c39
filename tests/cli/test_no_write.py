"""What only reads answers wherever it can read: what cannot be counted is a warning."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.support.tool import Tool
from tests.support.locked import locked
from tests.support.processes import wait_until
from tests.support.servers import Server, free_port, redis_server

READS = (
    ("inspect",),
    ("inspect", "a"),
    ("inspect", "a", "k"),
    ("stats",),
    ("stats", "a", "--since", "1h", "--format", "json"),
    ("clear", "a", "--dry-run"),
    ("clear", "--all", "--match", "k*", "--dry-run"),
    ("cleanup", "--dry-run"),
    ("cleanup", "a", "--max-entries", "1", "--dry-run"),
)


def fill(tool: Tool) -> None:
    """Let there be two entries, which were looked up."""
    for key in ("k", "other"):
        assert tool("set", "a", key, "value").code == 0
        assert tool("get", "a", key).code == 0


def assert_answers(tool: Tool, why: str) -> None:
    """Assert that all that only reads says what is there, and a lookup why it is not counted."""
    found = tool("get", "a", "k")
    assert (found.code, found.out) == (0, "value")
    assert found.err.startswith("cachectl: not counted: ")
    assert why in found.err
    as_json = tool("get", "a", "k", "--format", "json")
    assert as_json.code == 0
    assert '"value": "value"' in as_json.out
    assert tool("get", "a", "absent").code == 3
    for command, ended in zip(READS, tool.together(READS), strict=True):
        assert ended.code == 0, (command, ended)
    assert '"entries": 2' in tool("stats", "a", "--format", "json").out
    assert "would remove 2 entries" in tool("clear", "a", "--dry-run").err


@pytest.mark.parametrize("database", ["cache.db", "counters.db"])
def test_a_write_lock_of_another_process_hides_no_value(tool, database):
    fill(tool)
    with locked(tool.directory / database):
        assert_answers(tool, "another process has it locked")


def test_counters_that_are_damaged_hide_no_value(tool):
    fill(tool)
    for path in tool.directory.glob("counters.db*"):
        path.unlink()
    (tool.directory / "counters.db").write_bytes(bytes(8192))
    (tool.directory / "counters.db").chmod(0o600)
    assert tool("get", "a", "k").out == "value"
    for command in READS:
        assert tool(*command).code == 0, command


@contextmanager
def replica_of(master: Server) -> Iterator[Server]:
    """Run a replica that has what its master has."""
    port = master.url.rpartition(":")[2].partition("/")[0]
    with redis_server("--replicaof", f"127.0.0.1 {port}") as server, server.client() as client:
        wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        yield server


def test_a_replica_answers_and_counts_nothing(tool):
    with redis_server(port=free_port()) as master:
        on_master = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=master.url)
        fill(on_master)
        with replica_of(master) as server:
            assert_answers(on_master.having(CACHECTL_URL=server.url), "is a read-only replica")


@pytest.mark.parametrize("scripts", ["+@scripting", "-@scripting"])
def test_a_user_who_may_only_read_is_answered(tool, scripts):
    with redis_server() as server, server.client() as client:
        on_redis = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=server.url)
        fill(on_redis)
        client.acl_setuser(
            "reader", enabled=True, passwords=["+pw"], keys=["cachectl:*"],
            categories=["+@read", scripts, "+@connection"],
        )  # fmt: skip
        url = f"unix://reader:pw@{server.socket}?db=0"
        assert_answers(on_redis.having(CACHECTL_URL=url), "does not permit this user")


def test_a_full_server_answers(tool):
    with redis_server("--maxmemory-policy", "noeviction") as server, server.client() as client:
        on_redis = tool.having(CACHECTL_BACKEND="redis", CACHECTL_URL=server.url)
        fill(on_redis)
        client.config_set("maxmemory", 1)
        assert_answers(on_redis, "is full")


def test_a_lookup_of_what_has_expired_needs_no_write(tool):
    with tool.open(ago=60) as cache:
        cache.namespace("a").set("old", "value", ttl=1)
    with locked(tool.directory / "cache.db"):
        assert tool("get", "a", "old").code == 3
