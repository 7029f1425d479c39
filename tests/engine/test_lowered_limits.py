"""Limits that were lowered: who writes next does not pay for all that is too much now."""

import pytest

from cachectl import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.batches import BATCH
from cachectl.testing import Clock
from tests.support.openers import Opener

HELD = 4 * BATCH
LIMIT = 10


@pytest.fixture(params=["lru", "lrfu"])
def cache(request, opener: Opener, clock: Clock) -> Cache:
    """One with a namespace that holds much more than it may from now on."""
    cache = opener(strict=False)
    users = cache.namespace("users", eviction=request.param)
    users.set_many({str(number): number for number in range(HELD)})
    clock.advance(1)
    cache.namespace("users", max_entries=LIMIT)
    return cache


def entries(cache: Cache) -> int:
    return cache.usage("users")["users"].entries


@pytest.fixture
def users(cache: Cache) -> Namespace:
    return cache.namespace("users")


def test_they_hold_after_the_next_flush(cache: Cache, users: Namespace):
    """What is there is counted until then, and what goes when it goes."""
    users.set("new", 1)
    left = entries(cache)
    assert users.stats().evictions == HELD + 1 - left

    cache.flush()
    assert entries(cache) == LIMIT
    assert users.get("new") == 1
    assert users.stats().evictions == HELD + 1 - LIMIT


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_a_write_evicts_a_bounded_number_and_the_next_goes_on(cache: Cache, users: Namespace):
    for written in range(1, 4):
        users.set(f"new{written}", 1)
        assert entries(cache) == HELD - written * BATCH

    users.set_many({f"more{number}": 1 for number in range(20)})
    assert entries(cache) == LIMIT
    assert users.get("more19") == 1
