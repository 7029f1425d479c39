"""What is wrong with a Redis: only where nothing can be had of it does an application leave it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import redis

from cachectl import MISSING, AsyncCache, BackendRefused, BackendUnavailable, Cache, Status
from cachectl.errors import ErrorKind
from cachectl.testing import Clock
from tests.support.network import scripted
from tests.support.openers import settings
from tests.support.processes import wait_until
from tests.support.servers import Server, redis_server

SECRET = "hunter2"


@contextmanager
def opened(url: str, clock: Clock, **options: bool) -> Iterator[Cache]:
    made = Cache.of(settings("redis", redis__url=url, redis__timeout=0.5), clock=clock, **options)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with redis_server() as running:
        yield running


@pytest.fixture
def raw(server: Server) -> Iterator[redis.Redis]:
    with server.client() as client:
        yield client


def as_user(server: Server, raw: redis.Redis, *rules: str) -> str:
    """Return the URL for a user with all rights but for these."""
    raw.execute_command("ACL", "SETUSER", "app", "reset", "on", f">{SECRET}", "~*", "+@all", *rules)
    return server.url.replace("://", f"://app:{SECRET}@")


def fill(server: Server, clock: Clock) -> None:
    with opened(server.url, clock, strict=True) as cache:
        for number in range(10):
            cache.namespace("users").set(f"k{number}", number, tags=[f"t{number}"])


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def answering(reply: str) -> Callable[[list[bytes]], bytes]:
    return lambda command: f"-{reply}\r\n".encode()


@pytest.mark.parametrize(
    ("rule", "refused"), [("-@scripting", "EVALSHA"), ("-set", "a script"), ("-zadd", "a script")]
)
def test_a_command_that_is_not_permitted_is_no_outage(server, raw, clock, caplog, rule, refused):
    """Lookups go on on Redis; the calls that are refused are spared, counted, and told of once."""
    fill(server, clock)
    with opened(as_user(server, raw, rule), clock) as cache:
        users, others = cache.namespace("users"), cache.namespace("others")
        for _ in range(5):
            assert users.get("k1") == 1
            assert not users.set("new", 1)
            assert not others.set("new", 1)
            assert users.get_or_load("new", lambda: 7) == 7
            cache._core.counting.flusher.flush()
            clock.advance(1)
        status = cache.status()
        assert (status.status, status.active_backend) == ("refusing", "redis")
        assert (status.kind, status.fallback_entries) == ("permission", 0)
        assert status.since == clock() - 5
        told = warnings(caplog)
        assert [text for text in told if refused in text] == told
        assert len(told) == 1
        assert "its ACL needs ~cachectl:* +@read +@write +@scripting" in told[0]
        assert SECRET not in caplog.text

        raw.execute_command("ACL", "SETUSER", "app", "+@all")
        assert users.set("new", 1)
        assert users.get("new") == 1
        figures = cache.stats().namespaces["users"]
        assert (figures.hits, figures.misses, figures.errors) == (6, 5, 10)
        clock.advance(60)
        assert cache.status().status == "ok"
        cache.flush()
        raw.execute_command("ACL", "SETUSER", "app", "-@scripting")
        assert not users.set("new", 2)
        assert len(warnings(caplog)) == 2


def test_a_removal_that_is_not_permitted_raises(server, raw, clock, caplog):
    """It would be there still, whoever is told that it is gone."""
    fill(server, clock)
    with opened(as_user(server, raw, "-unlink"), clock) as cache:
        users = cache.namespace("users")
        for remove in (
            lambda: users.delete("k1"),
            lambda: users.invalidate(tag="t1"),
            users.clear,
        ):
            with pytest.raises(BackendRefused, match="does not permit") as refused:
                remove()
            assert refused.value.kind == "permission"
        assert users.get("k1") == 1
        assert cache.status().active_backend == "redis"


def test_what_only_measures_is_done_without(server, raw, clock, caplog):
    fill(server, clock)
    with opened(as_user(server, raw, "-memory"), clock) as cache:
        assert cache.stats().namespaces["users"].memory_bytes is None
        assert cache.status().status == "ok"
    assert not warnings(caplog)


def test_the_rights_that_a_message_names_are_enough(server, raw, clock, caplog):
    rules = "reset on >hunter2 ~cachectl:* +@read +@write +@scripting +@transaction +@connection"
    raw.execute_command("ACL", "SETUSER", "app", *rules.split())
    url = server.url.replace("://", f"://app:{SECRET}@")
    with opened(url, clock, strict=True) as cache, opened(url, clock) as application:
        for each in (cache, application):
            users = each.namespace("users", max_entries=5, eviction="lrfu")
            assert users.set("large", b"x" * 50_000, tags=["t"], ttl="1h")
            assert users.get_or_load("load", lambda: 1) == 1
            users.set_many({str(number): number for number in range(20)})
            assert len(list(users.entries())) == 5
            each.flush()
            users.invalidate(tag="t")
            users.delete("19")
            each.cleanup()
            users.clear()
            assert each.status().status == "ok"
            assert each.stats().namespaces["users"].sets
        assert cache.forget("users")
    assert not warnings(caplog)


def test_a_full_server_serves_and_removes_and_refuses_what_is_new(server, raw, clock, caplog):
    fill(server, clock)
    raw.config_set("maxmemory-policy", "noeviction")
    raw.config_set("maxmemory", 1)
    with opened(server.url, clock) as cache:
        users = cache.namespace("users")
        for _ in range(5):
            assert users.get("k1") == 1
            assert not users.set("new", 1)
            assert users.get_or_load("other", lambda: 7) == 7
            cache._core.counting.flusher.flush()
            clock.advance(1)
        assert len(list(users.entries())) == 10
        assert users.delete("k2")
        assert users.invalidate(tag="t3").entries == 1
        assert sum(each.entries for each in cache.cleanup(max_entries=5).evicted.values()) == 3
        status = cache.status()
        assert (status.status, status.active_backend, status.kind) == ("refusing", "redis", "full")
        assert users.clear().entries == 5
        told = warnings(caplog)
        assert len(told) == 1
        assert "is full" in told[0]
    with opened(server.url, clock, strict=True) as cache:
        figures = cache.stats().namespaces[
            "users"
        ]  # written where there is no room, as they are few
        assert (figures.hits, figures.misses, figures.errors) == (5, 5, 10)
        with pytest.raises(BackendRefused) as refused:
            cache.namespace("users").set("new", 1)
        assert refused.value.kind == "full"


def test_a_wrong_password_is_no_outage_that_ends_by_itself(clock, caplog):
    """Memory stands in, the status says why, and the server is not asked once a second."""
    with redis_server("--requirepass", "another") as server:
        url = server.url.replace("://", f"://:{SECRET}@")
        with opened(url, clock) as cache, server.client(password="another") as raw:
            users = cache.namespace("users")
            assert users.set("k", 1)
            assert users.get("k") == 1
            status = cache.status()
            assert (status.status, status.kind) == ("fallback_only", "misconfigured")
            assert "rejected the password" in str(status.last_error)
            before = raw.info("stats")["total_connections_received"]
            for _ in range(20):
                users.get("k")
                cache.status()
                cache.stats()
                cache._core.counting.flusher.flush()
                clock.advance(1)
            assert raw.info("stats")["total_connections_received"] == before
            clock.advance(10)
            with pytest.raises(BackendUnavailable) as away:
                cache.flush()
            assert away.value.kind == "misconfigured"
            assert raw.info("stats")["total_connections_received"] == before + 1
            raw.config_set("requirepass", SECRET)
            clock.advance(30)
            cache.flush()
            assert cache.status().status == "ok"
            away_text, back_text = warnings(caplog)
            assert "(misconfigured)" in away_text
            assert "is back" in back_text
        assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("database", "rules"), [(99, ()), (1, ("-select",))], ids=["no such database", "not permitted"]
)
def test_a_database_that_is_not_to_be_had_is_misconfigured(server, raw, clock, database, rules):
    url = as_user(server, raw, *rules).replace("db=0", f"db={database}")
    with opened(url, clock) as cache:
        assert cache.namespace("users").set("k", 1)
        assert cache.status().kind == "misconfigured"
        assert cache.status().active_backend == "memory"
    with opened(url, clock, strict=True) as cache, pytest.raises(BackendUnavailable) as refused:
        cache.namespace("users").get("k")
    assert refused.value.kind == "misconfigured"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("LOADING Redis is loading the dataset in memory", "loading"),
        ("MASTERDOWN Link with MASTER is down", "failover"),
        ("CLUSTERDOWN The cluster is down", "failover"),
        ("BUSY Redis is busy running a script", "busy"),
        ("NOAUTH Authentication required.", "misconfigured"),
        ("ERR max number of clients reached", "outage"),
    ],
    ids=lambda value: value.split()[0],
)
def test_memory_stands_in_where_nothing_can_be_had(clock, caplog, reply: str, kind: ErrorKind):
    with (
        scripted(answering(reply)) as (url, _),
        opened(url, clock) as cache,
    ):
        users = cache.namespace("users")
        assert users.set("k", 1)
        assert users.get("k") == 1
        status = cache.status()
        assert (status.status, status.kind) == ("fallback_only", kind)
        assert f"({kind})" in warnings(caplog)[0]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("NOREPLICAS Not enough good replicas to write.", "failover"),
        ("MISCONF Redis is configured to save RDB snapshots", "misconfigured"),
        ("READONLY You can't write against a read only replica.", "failover"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "full"),
        ("NOPERM this user has no permissions to run the 'get' command", "permission"),
        ("NOPERM User hunter2 has no permissions to run the 'get' command", "permission"),
        ("NOPERM No permissions to access a key", "permission"),
        ("WRONGTYPE Operation against a key", "foreign"),
        ("ERR hunter2 something else", "unexpected"),
    ],
)
def test_what_a_call_is_refused_concerns_that_call_alone(
    clock, caplog, reply: str, kind: ErrorKind
):
    with (
        scripted(answering(reply)) as (url, _),
        opened(url, clock) as cache,
    ):
        users = cache.namespace("users")
        assert not users.set("k", 1)
        assert users.get("k") is MISSING
        status = cache.status()
        assert (status.active_backend, status.status, status.kind) == ("redis", "refusing", kind)
        assert SECRET not in caplog.text


def test_an_application_waits_in_memory_until_a_server_has_loaded_its_data(clock, tmp_path):
    with redis_server("--dir", str(tmp_path)) as server, server.client() as raw:
        fill(server, clock)
        raw.eval("for i = 1, 1500 do redis.call('SET', 'k' .. i, i) end", 0)
        raw.save()
    slowly = "--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"
    with (
        redis_server("--dir", str(tmp_path), *slowly) as loading,
        opened(loading.url, clock) as cache,
    ):
        users = cache.namespace("users")
        assert users.get("k1") is MISSING
        assert (cache.status().status, cache.status().kind) == ("fallback_only", "loading")

        def is_back() -> bool:
            with suppress(BackendUnavailable):
                cache.flush()
            return cache.status().status == "ok"

        wait_until(is_back)
        assert users.get("k1") == 1


def test_what_an_outage_turns_into_is_told_once(clock, caplog):
    """A server that starts anew, and then wants a password."""
    with (
        scripted(answering("LOADING")) as (url, talker),
        opened(url, clock) as cache,
    ):
        cache.namespace("users").get("k")
        for reply, kind in (("LOADING", "loading"), ("NOAUTH", "misconfigured")):
            talker.answer = answering(reply)
            for _ in range(3):
                with pytest.raises(BackendUnavailable):
                    cache.flush()
            status = cache.status()
            assert (status.kind, status.since) == (kind, clock())
        first, second = warnings(caplog)
        assert "working from memory (loading)" in first
        assert "away still (misconfigured)" in second


def test_redis_is_not_returned_to_while_it_refuses_the_removals_of_an_outage(server, raw, clock):
    """What was removed meanwhile would be served again."""
    fill(server, clock)
    with opened(as_user(server, raw), clock) as cache:
        users = cache.namespace("users")
        assert users.get("k1") == 1
        raw.execute_command("ACL", "SETUSER", "app", "resetpass", ">another")
        raw.execute_command("CLIENT", "KILL", "USER", "app")
        users.get("k2")
        users.get("k2")
        assert users.delete_many(["k1"]).entries == 0
        raw.execute_command("ACL", "SETUSER", "app", f">{SECRET}", "-unlink")
        clock.advance(30)
        with pytest.raises(BackendRefused):
            cache.flush()
        status = cache.status()
        assert (status.status, status.kind) == ("fallback_only", "permission")
        assert users.get("k1") is MISSING
        raw.execute_command("ACL", "SETUSER", "app", "+unlink")
        cache.flush()
        assert cache.status().status == "ok"
        assert users.get("k1") is MISSING
        assert users.get("k2") == 2


def test_tasks_are_told_apart_what_is_wrong_as_well(server, raw, clock, caplog):
    """Also where a connection is refused to all of an event loop."""
    fill(server, clock)
    url = as_user(server, raw, "-set")
    wrong = url.replace(SECRET, "another")

    async def use(of: str) -> tuple[object, bool, Status]:
        made = settings("redis", redis__url=of)
        async with AsyncCache.of(made, clock=clock) as cache:
            users = cache.namespace("users")
            found = await users.get("k1")
            stored = bool(await users.set("new", 1))
            return found, stored, await cache.status()

    found, stored, status = asyncio.run(use(url))
    assert (found, stored) == (1, False)
    assert (status.active_backend, status.kind) == ("redis", "permission")
    found, stored, status = asyncio.run(use(wrong))
    assert (found, stored) == (MISSING, True)
    assert (status.active_backend, status.kind) == ("memory", "misconfigured")
    assert SECRET not in caplog.text
