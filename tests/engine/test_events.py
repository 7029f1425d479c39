"""Observation: listeners hear of every hit, miss, set and eviction, with its key and its reason."""

import logging
import sqlite3
from contextlib import closing

import pytest

from cachectl import MISSING, Event, EventKind, MissReason
from cachectl._engine.cache import Cache
from cachectl.testing import Clock
from tests.support.openers import Opener

in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)
on_files = pytest.mark.parametrize("opener", ["file"], indirect=True)
HIT, MISS, SET, EVICTION = EventKind


@pytest.fixture
def cache(opener: Opener) -> Cache:
    return opener()


def heard(cache: Cache) -> list[Event]:
    """Return a list that grows with every event from now on."""
    events: list[Event] = []
    cache.observe(events.append)
    return events


def test_hits_misses_and_sets_are_told_with_their_keys(cache, clock: Clock):
    users = cache.namespace("users", ttl=10.0)
    events = heard(cache)
    users.set("ann", {"age": 7})
    users.get("ann")
    users.get("bob")
    clock.advance(10)
    users.get("ann")
    size = events[0].size
    assert events == [
        Event(SET, "users", "ann", size),
        Event(HIT, "users", "ann", size),
        Event(MISS, "users", "bob", reason=MissReason.ABSENT),
        Event(MISS, "users", "ann", reason=MissReason.EXPIRED),
    ]
    assert size is not None
    assert size > 0


def test_an_eviction_is_told_with_the_key_that_went(cache):
    users = cache.namespace("users", max_entries=2)
    events = heard(cache)
    for key in "abc":
        users.set(key, key)
    assert events[-1] == Event(EVICTION, "users", "a")
    users.set_many(dict.fromkeys("defg", 1))
    evicted = {event.key for event in events if event.kind is EVICTION}
    assert evicted == {*"abcde"}


def test_what_a_cleanup_evicts_is_told_and_what_has_expired_is_not(cache, clock: Clock):
    users = cache.namespace("users", ttl=None)
    users.set("expired", 1, ttl=5)
    users.set("idle", 1)
    clock.advance(10)
    users.set("oldest", 1)
    users.set("newest", 1)
    events = heard(cache)
    cache.cleanup("users", older_than=5, max_entries=1)
    assert [(event.kind, event.key) for event in events] == [
        (EVICTION, "idle"),
        (EVICTION, "oldest"),
    ]


def test_a_disabled_namespace_misses_for_that_reason_and_counts_nothing(cache):
    users = cache.namespace("users", enabled=False)
    events = heard(cache)
    assert users.get("k") is MISSING
    assert events == [Event(MISS, "users", "k", reason=MissReason.DISABLED)]
    assert users.stats().misses == 0


@on_files
def test_a_damaged_entry_and_a_backend_in_trouble_are_reasons_to_miss(opener: Opener):
    with opener() as cache:
        cache.namespace("users").set("k", "v")
    with closing(sqlite3.connect(opener.directory / "cache.db", isolation_level=None)) as other:
        other.execute("UPDATE entries SET value = 'no bytes'")
        cache = opener(strict=False, file__timeout="0.1s")
        events = heard(cache)
        cache.namespace("users").get("k")
        cache.close()
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        cache = opener(strict=False, file__timeout="0.1s")
        more = heard(cache)
        cache.namespace("users").get("k")
    assert [event.reason for event in [*events, *more]] == [MissReason.DAMAGED, MissReason.ERROR]


@in_memory
def test_events_are_told_also_where_nothing_is_counted(cache):
    users = cache.namespace("users", metrics=False)
    events = heard(cache)
    users.get("k")
    assert [event.kind for event in events] == [MISS]
    assert users.stats().misses == 0


@in_memory
def test_a_listener_that_has_ended_hears_no_more(cache):
    users = cache.namespace("users")
    events: list[Event] = []
    end = cache.observe(events.append)
    users.get("k")
    end()
    users.get("k")
    assert len(events) == 1


@in_memory
def test_what_a_listener_raises_is_logged_and_reaches_nobody(cache, caplog):
    users = cache.namespace("users")
    events: list[Event] = []
    cache.observe(lambda event: 1 / 0)
    cache.observe(events.append)
    assert users.get("k", default=7) == 7
    assert len(events) == 1
    assert "a listener of events failed" in caplog.text


@in_memory
def test_a_listener_that_uses_the_cache_is_not_told_of_that(cache):
    users = cache.namespace("users")
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        users.set(f"seen-{event.key}", 1)

    cache.observe(listen)
    users.get("k")
    assert [event.key for event in events] == ["k"]
    assert users.has("seen-k")


@in_memory
def test_lookups_are_logged_without_keys_where_the_log_is_asked_for_details(opener, caplog):
    caplog.set_level(logging.DEBUG)
    users = opener().namespace("users")
    users.get("secret")
    users.set("secret", 1)
    users.get("secret")
    assert caplog.messages == [
        "get users: miss",
        "set users: 1 stored, 0 evicted",
        "get users: hit",
    ]


def test_lookups_are_logged_from_when_debug_is_enabled_until_it_is_disabled(
    opener: Opener, caplog: pytest.LogCaptureFixture
):
    cache = opener()
    users = cache.namespace("users")
    events = heard(cache)
    for level, logged in ((logging.INFO, 0), (logging.DEBUG, 1), (logging.INFO, 1)):
        with caplog.at_level(level, "cachectl"):
            cache.flush()
            users.get("k")
            assert caplog.messages.count("get users: miss") == logged
    assert len(events) == 3
