"""Namespaces: policies, what an application is spared, and what is written to the log."""

import logging
import sqlite3
from datetime import timedelta

import pytest

from cachectl import MISSING, BackendError, Cache, InvalidKey
from cachectl._model.outcome import Outcome
from cachectl.testing import Clock
from tests.support.locked import locked
from tests.support.openers import Opener, settings

in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)
on_files = pytest.mark.parametrize("opener", ["file"], indirect=True)


@in_memory
def test_a_namespace_is_a_view(opener: Opener):
    cache = opener()
    assert cache.namespace("users") is cache.namespace("users")
    cache.namespace("users").set("k", 1)
    changed = cache.namespace("users", max_entries=1)
    assert changed.get("k") == 1
    assert cache.namespace("users").policy.max_entries == 1


@in_memory
def test_policies_come_from_the_configuration(opener: Opener, clock: Clock):
    cache = Cache.of(
        settings(
            "memory",
            memory__publish=False,
            defaults={"ttl": "1m"},
            namespaces={"enso": {"ttl": "2m", "max_entries": 2, "key_decimals": 1}},
        ),
        clock=clock,
        strict=True,
    )
    enso, other = cache.namespace("enso"), cache.namespace("other")
    for namespace in (enso, other):
        for key in "abc":
            namespace.set(key, key)
    assert enso.key({"tempo": 1.04}) == enso.key({"tempo": 1.0})
    assert other.key({"tempo": 1.04}) != other.key({"tempo": 1.0})
    clock.advance(60)
    assert [enso.get(key) for key in "abc"] == [MISSING, "b", "c"]
    assert [other.get(key) for key in "abc"] == [MISSING] * 3
    figures = cache.stats()
    assert figures.namespaces["enso"].max_entries == 2
    assert (figures.namespaces["enso"].ttl, figures.namespaces["other"].ttl) == (120, 60)
    cache.close()


@in_memory
@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "é", "a" * 65, "a\n", None])
def test_what_cannot_name_a_namespace_is_refused(opener: Opener, name):
    with pytest.raises(InvalidKey):
        opener().namespace(name)


@in_memory
@pytest.mark.parametrize("ttl", [90, "90s", "1m30s", timedelta(seconds=90)])
def test_lifetimes_are_written_in_many_ways(opener: Opener, clock: Clock, ttl):
    users = opener().namespace("users")
    users.set("k", 1, ttl=ttl)
    entry = users.peek("k")
    assert entry is not None
    assert entry.expires_at == clock() + 90


def damage(opener: Opener) -> None:
    connection = sqlite3.connect(opener.directory / "cache.db")
    with connection:
        connection.execute("UPDATE entries SET value = substr(value, 1, length(value) - 1)")
    connection.close()


@on_files
@pytest.mark.parametrize("strict", [True, False])
def test_a_damaged_entry_is_a_miss_an_error_and_loaded_again(opener: Opener, strict):
    cache = opener(strict=strict)
    users = cache.namespace("users")
    users.set("k", "value")
    damage(opener)
    assert users.get("k", default="d") == "d"
    assert users.get_or_load("k", lambda: "fresh") == "fresh"
    assert users.get("k") == "fresh"
    figures = cache.stats().namespaces["users"]
    assert (figures.hits, figures.misses, figures.errors) == (1, 2, 2)
    assert figures.missed["damaged"] == 2


@on_files
def test_an_application_is_spared_what_befalls_its_backend(opener: Opener):
    users = opener(strict=False).namespace("users")
    users.set("there", 1)
    with locked(opener.directory / "cache.db"):
        assert users.get("k") is MISSING
        assert users.set("k", 1) is Outcome.UNAVAILABLE
        assert users.get_or_load("k", lambda: "fresh") == "fresh"
        with pytest.raises(BackendError):  # it must know that something is still there
            users.delete("there")
    assert users.set("k", 1) is Outcome.STORED
    assert users.get("k") == 1


def test_the_log_holds_no_keys_and_no_values(opener: Opener, caplog):
    caplog.set_level(logging.DEBUG)
    cache = opener(strict=False)
    users = cache.namespace("users", max_bytes=5000)
    users.set("token-hunter2", "secret-hunter2", tags=["hunter2"])
    users.set("large-hunter2", "hunter2" * 1000)
    users.get("token-hunter2")
    users.get_or_load("other-hunter2", lambda: "hunter2")
    users.invalidate(tag="hunter2")
    users.delete("token-hunter2")
    cache.cleanup()
    cache.close()
    assert "set users" in caplog.text
    assert "hunter2" not in caplog.text


@in_memory
def test_missing_is_nothing_else(opener: Opener):
    assert not MISSING
    assert repr(MISSING) == "MISSING"
    assert MISSING != None  # noqa: E711
