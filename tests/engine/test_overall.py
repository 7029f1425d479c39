"""Limits over all namespaces together; what every backend does is in the contract."""

import asyncio

import pytest

from cachectl import AsyncCache, Cache, Limits
from cachectl._model.batches import BATCH
from cachectl.testing import Clock
from tests.support.openers import SHARED, Opener


def keys(cache: Cache, name: str) -> list[str]:
    return sorted(info.key for info in cache.namespace(name).entries())


def test_the_thread_of_an_application_holds_them(opener: Opener, clock: Clock):
    """Each second, without anybody's asking; but not where nothing was written."""
    cache = opener(strict=False, max_entries=3)
    assert cache.limits == Limits(3, None)
    for number in range(5):
        cache.namespace("ab"[number % 2]).set(str(number), number)
        clock.advance(1)
    cache._core.counting.flusher.flush()
    assert keys(cache, "a") + keys(cache, "b") == ["2", "4", "3"]


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_they_hold_for_what_other_processes_wrote_and_used(opener: Opener, clock: Clock):
    first, second = opener(strict=False), opener(strict=False, max_entries=4)
    for number in range(4):
        first.namespace("a").set(str(number), number)
        clock.advance(1)
    first.namespace("a").get("0")
    first.flush()
    second.flush()
    assert len(keys(first, "a")) == 4
    second.namespace("b").set("new", 1)
    second.namespace("b").set("newer", 1)
    second.flush()
    assert keys(first, "a") == ["0", "3"]
    assert first.stats().namespaces["a"].evictions == 2


def test_of_namespaces_that_are_used_in_turn_each_gives_its_share(opener: Opener, clock: Clock):
    cache = opener(max_entries=90)
    names = [f"n{number}" for number in range(30)]
    for number in range(40):
        for name in names:
            cache.namespace(name).set(str(number), number)
            clock.advance(0.01)
    cache.flush()
    left = {name: keys(cache, name) for name in names}
    assert left == {name: ["37", "38", "39"] for name in names}


def test_more_than_one_step_removes_goes_in_several(opener: Opener, clock: Clock):
    cache = opener(max_entries=10)
    cache.namespace("a").set_many({str(number): number for number in range(3 * BATCH)})
    clock.advance(1)
    cache.namespace("b").set_many({str(number): number for number in range(5)})
    cache.flush()
    held = {name: one.entries for name, one in cache.stats().namespaces.items()}
    assert held == {"a": 5, "b": 5}


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_a_clock_that_was_set_back_stops_nothing(opener: Opener, clock: Clock):
    cache = opener(max_entries=2)
    for number in range(6):
        cache.namespace("ab"[number % 2]).set(str(number), number)
        clock.advance(-10 if number == 2 else 1)
    cache.flush()
    assert cache.stats().totals.entries == 2


def test_they_may_be_given_when_a_cache_is_opened(tmp_path):
    """Before the environment and the file."""
    config = tmp_path / "cachectl.toml"
    config.write_text('max_bytes = "1MiB"\nmax_entries = 7\nbackend = "memory"\n')
    with Cache.open(config) as cache:
        assert cache.limits == Limits(7, 2**20)
    with Cache.open(config, max_bytes="2KiB", settings={"memory.publish": False}) as cache:
        assert cache.limits == Limits(7, 2048)

    async def of_tasks() -> Limits:
        async with AsyncCache.open(config, max_entries=3) as cache:
            return cache.limits

    assert asyncio.run(of_tasks()) == Limits(3, 2**20)
