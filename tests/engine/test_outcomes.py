"""What became of each value that was to be stored."""

import pytest

from cachectl import Outcome, UsageError, Write
from tests.support.locked import locked
from tests.support.openers import Opener

on_files = pytest.mark.parametrize("opener", ["file"], indirect=True)


@pytest.fixture
def cache(opener: Opener):
    return opener()


def test_a_stored_value_is_the_only_outcome_that_is_true(cache):
    assert cache.namespace("users").set("k", 1) is Outcome.STORED
    assert [bool(outcome) for outcome in Outcome] == [True, False, False, False, False]


def test_a_condition_that_does_not_hold_refuses_the_value(cache):
    users = cache.namespace("users")
    assert users.set("k", 1, xx=True) is Outcome.REFUSED
    assert users.set("k", 1, nx=True) is Outcome.STORED
    assert users.set("k", 2, nx=True) is Outcome.REFUSED
    assert users.set("k", 3, xx=True) is Outcome.STORED
    assert users.get("k") == 3


def test_conditions_that_exclude_each_other_are_refused_before_anything_is_written(cache):
    users = cache.namespace("users")
    with pytest.raises(UsageError):
        users.set("k", 1, nx=True, xx=True)
    assert not users.has("k")


def test_of_many_values_each_has_its_own_outcome(cache):
    users = cache.namespace("users", max_bytes=2_000)
    writes = [Write("a", "small"), Write("b", "x" * 5_000), Write("c", "small")]
    assert users.set_many(writes) == [Outcome.STORED, Outcome.TOO_LARGE, Outcome.STORED]
    assert users.get("b", default=None) is None


def test_a_mapping_of_keys_to_values_can_be_stored(cache):
    users = cache.namespace("users")
    assert users.set_many({"a": 1, "b": None}) == [Outcome.STORED] * 2
    assert users.get("b", default=7) is None


def test_a_disabled_namespace_stores_nothing(cache):
    users = cache.namespace("users", enabled=False)
    assert users.set("k", 1) is Outcome.DISABLED
    assert users.set_many({"a": 1}) == [Outcome.DISABLED]


@on_files
def test_an_application_learns_that_its_backend_did_not_store(opener: Opener):
    users = opener(strict=False).namespace("users")
    users.set("there", 1)
    with locked(opener.directory / "cache.db"):
        assert users.set("k", 1) is Outcome.UNAVAILABLE
        assert users.set_many({"a": 1, "b": 2}) == [Outcome.UNAVAILABLE] * 2
