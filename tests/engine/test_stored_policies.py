"""What an application sets of policies in its code is kept beside the entries, for others to follow."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from redis import Redis

from cachectl import Cache, Policy
from cachectl._config import load
from cachectl._engine.compose import open_backend
from tests.support.openers import SHARED, Opener, empty_place

DAY = 86_400.0


class Tool:
    """Opens the cache of an application as the tool does: another configuration, the same place."""

    def __init__(self, opener: Opener, clock) -> None:
        self._opener = opener
        self._clock = clock
        self._opened: list[Cache] = []

    def __call__(self, **environ: str) -> Cache:
        given: dict[str, Any] = self._opener.settings
        settings = load(
            environ={"HOME": "/nonexistent", **environ},
            backend=given["backend"],
            url=given.get("redis.url"),
            directory=given.get("file.directory"),
        )
        backend = open_backend(settings, clock=self._clock, strict=True)
        self._opened.append(Cache(backend, settings, clock=self._clock, strict=True, follows=True))
        return self._opened[-1]

    def close(self) -> None:
        for cache in self._opened:
            cache.close()


@pytest.fixture(params=SHARED)
def opener(request, clock) -> Iterator[Opener]:
    opener = Opener(empty_place(request), clock)
    yield opener
    opener.close()


@pytest.fixture
def tool(opener, clock) -> Iterator[Tool]:
    tool = Tool(opener, clock)
    yield tool
    tool.close()


def stored_in(cache: Cache) -> dict[str, str]:
    backend: Any = cache._core.backend
    return dict(backend.stored_policies())


def store_in(cache: Cache, namespace: str, text: str) -> None:
    backend: Any = cache._core.backend
    backend.store_policy(namespace, text)


def test_the_tool_follows_what_an_application_sets_in_its_code(opener: Opener, tool: Tool):
    """Limits, TTL, eviction, and whether keys are hashed."""
    application = opener(strict=False)
    namespace = application.namespace("a", ttl="7d", max_entries=10, keys="hashed", eviction="lrfu")
    namespace.set("k", "value")
    application.flush()

    found = tool()
    figures = found.stats().namespaces["a"]
    assert (figures.ttl, figures.max_entries, figures.max_bytes) == (7 * DAY, 10, None)
    assert figures.policy_from == "application"
    policy = Policy(ttl=7 * DAY, max_entries=10, keys="hashed", eviction="lrfu")
    assert found.namespace("a").policy == found.policy("a") == policy
    assert found.namespace("a").get("k") == "value"
    assert found.stats().totals.policy_from is None


def test_the_configuration_of_a_namespace_goes_before_it_and_the_defaults_do_not(opener, tool):
    application = opener(strict=False, namespaces__b__max_entries=8)
    for name in "ab":
        application.namespace(name, ttl="7d").set("k", "value")
    application.namespace("a", max_entries=10)
    application.namespace("c").set("k", "value")
    application.flush()

    figures = tool(
        CACHECTL_DEFAULTS__TTL="2h", CACHECTL_NAMESPACES__A__MAX_ENTRIES="4"
    ).stats().namespaces  # fmt: skip
    said = {name: (one.ttl, one.max_entries, one.policy_from) for name, one in figures.items()}
    assert said == {
        "a": (7 * DAY, 4, "configuration, application"),
        "b": (7 * DAY, 8, "application"),  # also of what was said when the cache was opened
        "c": (7_200.0, None, "defaults"),
    }


def test_a_cleanup_of_others_holds_the_limits_of_an_application(opener, tool):
    """The tool's, and that of an application which does not use the namespace."""
    application = opener(strict=False)
    namespace = application.namespace("a")
    namespace.set_many({str(key): key for key in range(10)})
    application.namespace("a", max_entries=7)
    application.flush()

    assert tool().plan_cleanup().dry_run().evicted["a"].entries == 3
    assert opener(strict=False).cleanup().evicted["a"].entries == 3
    application.namespace("a", max_entries=5)
    application.flush()
    assert tool().cleanup().evicted["a"].entries == 2


def test_it_is_stored_once_and_where_anything_was_written_and_differs(opener, tool):
    """Neither by opening nor by a lookup, and again when the application says something else."""
    application = opener(strict=False)
    namespace = application.namespace("a", ttl="7d")
    namespace.get("k")
    application.flush()
    assert stored_in(application) == {}

    namespace.set("k", "v")
    application.flush()
    assert json.loads(stored_in(application)["a"]) == {"ttl": 7 * DAY}

    store_in(application, "a", "{}")
    namespace.set("k", "v")
    application.flush()
    assert stored_in(application)["a"] == "{}"

    application.namespace("a", max_entries=5, enabled=True)
    application.flush()
    assert json.loads(stored_in(application)["a"]) == {"max_entries": 5, "ttl": 7 * DAY}

    tool().namespace("a").set("other", "v")  # and who says nothing changes nothing
    opener(strict=False).namespace("a").set("other", "v")
    assert json.loads(stored_in(application)["a"]) == {"max_entries": 5, "ttl": 7 * DAY}


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[1]", "[" * 60_000, '{"ttl": -3}', '{"colour": "red"}', '{"ttl": ["7d"]}',
     '{"max_entries": 1e99, "eviction": "fifo"}', '{"x": "' + "x" * 100_000 + '"}'],
)  # fmt: skip
def test_what_is_no_policy_is_left_out_and_said_once(opener, tool, caplog, text):
    application = opener(strict=False)
    application.namespace("a").set("k", "v")
    application.flush()
    for name in ("a", "\x1b[31m", ""):
        store_in(application, name, text)

    found = tool()
    with caplog.at_level(logging.WARNING, logger="cachectl"):
        assert found.namespace("a").get("k") == "v"
        assert found.stats().namespaces["a"].ttl == found.stats().namespaces["a"].ttl == 3600.0
    assert {record.getMessage()[:12] for record in caplog.records} == {"namespace a:"}
    assert len(caplog.records) == len({record.getMessage() for record in caplog.records})


def test_of_a_policy_that_is_partly_known_the_known_part_holds(opener, tool):
    """Later versions may have more settings."""
    application = opener(strict=False)
    application.namespace("a").set("k", "v")
    application.flush()
    store_in(application, "a", '{"colour": "red", "max_entries": 3, "enabled": false}')
    assert tool().namespace("a").policy == Policy(max_entries=3)


def test_a_clear_keeps_it_and_who_forgets_the_namespace_forgets_it(opener, tool):
    application = opener(strict=False)
    namespace = application.namespace("a", max_entries=10)
    namespace.set_many({str(key): key for key in range(10)})
    application.flush()
    namespace.clear()
    assert "a" in stored_in(application)
    assert tool().forget("a")
    assert stored_in(application) == {}


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_where_policies_cannot_be_kept_everything_else_goes_on(opener, tool, caplog):
    """Something else stands in their place: that is said once, and counts are written all the same."""
    application = opener(strict=False)
    namespace = application.namespace("a", ttl="7d")
    namespace.set("k", "v")
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection:
        connection.execute("CREATE TABLE policies(colour TEXT)")
    for _ in range(3):
        application.flush()
    assert caplog.text.count("the policies that are set in code cannot be stored") == 1
    assert application.stats().namespaces["a"].sets == 1
    assert tool().namespace("a").get("k") == "v"
    assert application.status().status == "ok"


@pytest.mark.parametrize("opener", ["redis"], indirect=True)
def test_what_stands_in_the_place_of_a_policy_is_none(opener, tool, redis_url):
    application = opener(strict=False)
    application.namespace("a").set("k", "v")
    application.namespace("b", ttl="7d").set("k", "v")
    with Redis.from_url(redis_url) as raw:
        raw.rpush("cachectl:{a}:policy", "of others")
        raw.rpush("cachectl:{b}:policy", "of others")
    application.flush()
    figures = tool().stats().namespaces
    assert [figures[name].ttl for name in "ab"] == [3600, 7 * DAY]


@pytest.mark.parametrize("opener", ["redis"], indirect=True)
def test_a_user_with_the_keys_of_namespaces_alone_may_store_it(opener, tool, redis_url):
    """It is in the key space of its namespace: no permission is needed that was not needed before."""
    with Redis.from_url(redis_url) as raw:
        raw.execute_command(
            "ACL", "SETUSER", "app", "on", ">pw", "+@all", "~cachectl:{*", "~cachectl:namespaces"
        )  # fmt: skip
        application = opener(
            strict=False, redis__url=redis_url.replace("unix://", "unix://app:pw@")
        )  # fmt: skip
        application.namespace("a", ttl="7d").set("k", "v")
        application.flush()
        assert application.status().status == "ok"
        raw.execute_command("ACL", "DELUSER", "app")
    assert tool().stats().namespaces["a"].ttl == 7 * DAY


def test_limits_over_all_namespaces_that_are_set_in_code_are_followed_as_well(opener, tool):
    """By the tool's statistics and cleanup; the configuration goes before them."""
    application = opener(strict=False, max_entries=6, max_bytes="1MiB")
    for name in "ab":
        application.namespace(name).set_many({str(key): key for key in range(5)})
    application.flush()
    other = opener(strict=False)
    other.namespace("c").set_many({str(key): key for key in range(5)})

    totals = tool().stats().totals
    assert (totals.entries, totals.max_entries, totals.max_bytes) == (11, 6, 2**20)
    assert tool(CACHECTL_MAX_ENTRIES="none").cleanup().removed().entries == 0
    assert tool(CACHECTL_MAX_ENTRIES="4").plan_cleanup().dry_run().removed().entries == 7
    assert tool().cleanup().removed().entries == 5
    assert json.loads(stored_in(application)["*"]) == {"max_bytes": 2**20, "max_entries": 6}
