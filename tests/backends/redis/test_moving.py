"""A server that is demoted, promoted, restarted or replaced behind one address."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from cachectl import MISSING, AsyncCache, Cache, CacheError
from cachectl.testing.awaited import Awaited, EventLoop
from tests.support import openers
from tests.support.moving import leading_to
from tests.support.servers import Server, free_port, redis_server

WITHIN = 5.0
hurried = pytest.mark.usefixtures("hurried")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.fixture(params=["threads", "tasks"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(engine: str, stack: ExitStack, url: str) -> Any:
    chosen = openers.settings("redis", redis__url=url)
    if engine == "threads":
        cache: Any = Cache.of(chosen)
    else:
        loop = EventLoop()
        stack.callback(loop.close)
        cache = Awaited(AsyncCache.of(chosen), loop)
    stack.callback(cache.close)
    return cache


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Whether that is so within the seconds that a move may take."""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        with suppress(CacheError):
            if condition():
                return True
        time.sleep(0.05)
    return False


def await_look(server: Server, **settings: object) -> None:
    """Wait until the cache has looked at a server, as it does now and then."""
    with server.client(**settings) as raw:
        raw.config_resetstat()
        assert becomes_true(lambda: "cmdstat_client|info" in raw.info("commandstats"))


class Pair:
    """Two servers on ports, of which the second is a replica of the first, or not."""

    def __init__(self, stack: ExitStack, *, replica: bool) -> None:
        ports = free_port(), free_port()
        self.ports = ports
        at_once = ("--repl-diskless-sync-delay", "0")
        self.first: Server = stack.enter_context(redis_server(*at_once, port=ports[0]))
        self.second: Server = stack.enter_context(redis_server(*at_once, port=ports[1]))
        if replica:
            self.follow(self.second, ports[0])

    def follow(self, server: Server, port: int) -> None:
        with server.client() as raw:
            raw.replicaof("127.0.0.1", port)
            assert becomes_true(lambda: raw.info("replication")["master_link_status"] == "up")

    def promote(self) -> None:
        """What a managed failover does: the replica is the master, and the master its replica."""
        with self.first.client() as one, self.second.client() as other:
            done = one.info("replication")["master_repl_offset"]
            assert becomes_true(lambda: other.info("replication")["slave_repl_offset"] >= done)
            other.replicaof("NO", "ONE")
        self.follow(self.first, self.ports[1])


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "cachectl")
    return caplog


def test_a_failover_is_followed_within_seconds(engine, stack, log):
    """Writes go to the new master, nothing is lost, and the log says it once."""
    servers = Pair(stack, replica=True)
    address = stack.enter_context(leading_to(servers.first))
    cache = opened(engine, stack, address.url)
    users = cache.namespace("users")
    users.set("before", 1)
    assert users.get("before") == 1
    servers.promote()
    address.lead_to(servers.second)
    assert becomes_true(lambda: bool(users.set("after", 2)) and cache.status().status == "ok")
    assert becomes_true(lambda: users.get("after") == 2)
    with servers.second.client() as raw:
        assert becomes_true(lambda: raw.exists("cachectl:{users}:e:after") == 1)
    assert users.get("before") == 1
    assert users.delete("before")


@hurried
def test_readers_do_not_stay_with_a_master_that_was_demoted(engine, stack):
    """Its copy grows old, and it answers lookups on."""
    servers = Pair(stack, replica=True)
    address = stack.enter_context(leading_to(servers.first))
    users = opened(engine, stack, address.url).namespace("users")
    users.set("k", "old")
    with servers.second.client() as raw:
        raw.replicaof("NO", "ONE")
        raw.flushall()
    with servers.first.client() as raw:
        raw.replicaof("127.0.0.1", free_port())  # of a master that is not there
    address.lead_to(servers.second)
    assert becomes_true(lambda: users.get("k") is MISSING)


@hurried
def test_a_demoted_master_at_the_same_address_is_not_believed(engine, stack, log):
    """Until the address leads to a master memory stands in, and the status says why."""
    servers = Pair(stack, replica=False)
    address = stack.enter_context(leading_to(servers.first))
    cache = opened(engine, stack, address.url)
    users = cache.namespace("users")
    users.set("k", "old")
    await_look(servers.first)
    with servers.first.client() as raw:
        raw.replicaof("127.0.0.1", free_port())
    assert becomes_true(lambda: cache.status().status == "fallback_only")
    status = cache.status()
    assert (status.kind, "read-only replica" in str(status.last_error)) == ("failover", True)
    assert users.get("k") is MISSING
    assert users.delete("k") is False
    assert users.set("new", 1)
    with servers.first.client() as raw:
        raw.replicaof("NO", "ONE")
    assert becomes_true(lambda: cache.status().status == "ok")
    assert users.get("k") is MISSING
    assert [record.getMessage() for record in log.records if "away" in record.getMessage()][
        1:
    ] == []


@hurried
def test_a_server_that_is_replaced_by_an_empty_one_is_noticed(engine, stack, log):
    """Though the old one lives on, and its connections with it."""
    servers = Pair(stack, replica=False)
    address = stack.enter_context(leading_to(servers.first))
    cache = opened(engine, stack, address.url)
    users = cache.namespace("users", ttl="1h")
    users.set("k", "old", tags=["t"])
    await_look(servers.first)
    address.lead_to(servers.second)
    assert becomes_true(lambda: users.get("k") is MISSING)
    assert users.set("k", "new", tags=["t"])
    assert users.get("k") == "new"
    assert users.invalidate(tag="t").entries == 1
    assert becomes_true(lambda: cache.stats().namespaces["users"].hits >= 1)
    assert becomes_true(lambda: "moved_at" in cache.status().details)

    def told() -> int:
        return sum("another Redis answers" in record.getMessage() for record in log.records)

    assert becomes_true(lambda: told() > 0)
    await_look(servers.second)
    assert told() == 1


@hurried
def test_what_was_removed_is_not_back_with_an_old_copy(engine, stack):
    """A server with the data of before takes the place: what it has is not served any more."""
    servers = Pair(stack, replica=True)
    address = stack.enter_context(leading_to(servers.first))
    users = opened(engine, stack, address.url).namespace("users")
    users.set("gone", "old")
    users.set("kept", "old")
    with servers.first.client() as raw:
        assert raw.wait(1, 5000) == 1
    with servers.second.client() as raw:
        raw.replicaof("NO", "ONE")
    users.delete("gone")
    await_look(servers.first)
    address.lead_to(servers.second)
    assert becomes_true(lambda: users.get("gone") is MISSING and users.get("kept") is MISSING)
    assert users.set("kept", "new")
    assert users.get("kept") == "new"


@hurried
def test_a_socket_path_that_leads_elsewhere_is_noticed(engine, stack, tmp_path):
    """Its connections would stay with the server that was there."""
    servers = Pair(stack, replica=False)
    path = tmp_path / "s"
    path.symlink_to(servers.first.socket)
    users = opened(engine, stack, f"unix://{path}").namespace("users")
    users.set("k", "old")
    await_look(servers.first)
    other = tmp_path / "t"
    other.symlink_to(servers.second.socket)
    other.replace(path)
    assert becomes_true(lambda: users.get("k") is MISSING)


@hurried
def test_a_name_that_leads_elsewhere_is_resolved_anew(engine, stack, monkeypatch):
    """The database, the password and the name of the connection are set up there as well."""
    port = free_port()
    first = stack.enter_context(redis_server("--requirepass", "pw", port=port))
    second = stack.enter_context(
        redis_server("--requirepass", "pw", "--bind", "127.0.0.2", port=port)
    )
    import socket

    known, where = socket.getaddrinfo, ["127.0.0.1"]

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        host = where[0] if host == b"redis.example" and not options.get("flags") else host
        return known(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    users = opened(engine, stack, f"redis://:pw@redis.example:{port}/3").namespace("users")
    assert users.set("k", "old")
    await_look(first, password="pw")
    where[0] = "127.0.0.2"
    assert becomes_true(lambda: users.get("k") is MISSING)
    assert users.set("k", "new")
    with second.client(db=3, password="pw") as raw:
        assert raw.exists("cachectl:{users}:e:k")
        assert {"cachectl"} <= {one["name"] for one in raw.client_list()}
    assert first.process.poll() is None


@hurried
def test_a_server_that_is_restarted_from_an_old_dump_serves_nothing_of_it(engine, stack, tmp_path):
    """What was removed since the dump is in it, and nobody can tell what that was."""
    port = free_port()
    with redis_server("--dir", str(tmp_path), port=port) as server:
        cache = opened(engine, stack, server.url)
        users = cache.namespace("users")
        users.set("gone", "old")
        await_look(server)
        with server.client() as raw:
            raw.save()
        users.delete("gone")
    with redis_server("--dir", str(tmp_path), port=port) as server:
        with server.client() as raw:
            assert raw.exists("cachectl:{users}:e:gone")
        assert becomes_true(lambda: users.get("gone") is MISSING and cache.status().status == "ok")
        assert users.set("new", 1)
        assert users.get("new") == 1


@hurried
def test_a_server_that_is_restarted_empty_is_told_all_it_has_to_know(engine, stack):
    """Scripts, policies and the names of namespaces; counts go on."""
    port = free_port()
    with redis_server(port=port) as server:
        cache = opened(engine, stack, server.url)
        users = cache.namespace("users", max_entries=5)
        users.set("k", 1)
        users.get("k")
        cache.flush()
        await_look(server)
    with redis_server(port=port) as server:
        assert becomes_true(lambda: bool(users.set("k", 2)) and cache.status().status == "ok")
        assert becomes_true(lambda: users.get("k") == 2)
        with server.client() as raw:
            assert b"users" in raw.smembers("cachectl:namespaces")
            policy = "cachectl:{users}:policy"
            assert becomes_true(lambda: b'"max_entries": 5' in (raw.get(policy) or b""))
        assert cache.stats().namespaces["users"].hits >= 1


@hurried
def test_a_user_with_few_rights_is_followed_too_and_asks_once_for_what_he_may_not(engine, stack):
    """Where a server listens tells it from another, as well as that can be known."""
    servers = Pair(stack, replica=False)
    rights = "on >pw ~cachectl:* +@read +@write +@scripting +@transaction +@connection"
    for server in (servers.first, servers.second):
        with server.client() as raw:
            raw.execute_command("ACL", "SETUSER", "app", *rights.split())
    address = stack.enter_context(leading_to(servers.first))
    url = address.url.replace("redis://", "redis://app:pw@")
    users = opened(engine, stack, url).namespace("users")
    assert users.set("k", "old")
    await_look(servers.first)
    await_look(servers.first)
    with servers.first.client() as raw:
        assert {entry["object"]: entry["count"] for entry in raw.acl_log()} == {"info": 2}
    address.lead_to(servers.second)
    assert becomes_true(lambda: users.get("k") is MISSING)
    assert users.set("k", "new")
