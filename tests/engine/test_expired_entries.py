"""What has expired and is not removed yet is a figure of its own, beside what is held in all."""

import pytest

from cachectl._model.records import MOST_EXPIRED
from tests.support.openers import SHARED, Opener


def expired(cache, name: str = "a") -> tuple[int, int | None]:
    figures = cache.stats().namespaces[name]
    return figures.entries, figures.expired_entries


def test_entries_that_have_expired_are_told_from_fresh_ones(opener: Opener, clock):
    """Also of what was replaced, or does not expire; by namespace and in total."""
    cache = opener()
    a, b = cache.namespace("a"), cache.namespace("b")
    a.set_many({str(key): key for key in range(40)})
    for key in range(5):
        a.set(f"lasting {key}", key, ttl="none")
    clock.advance(1800)
    for key in range(30, 40):
        a.set(str(key), "replaced")
    b.set("k", "v")
    assert expired(cache) == (45, 0)

    clock.advance(1800)
    assert expired(cache) == (45, 30)
    assert expired(cache, "b") == (1, 0)
    assert cache.stats().totals.expired_entries == 30
    assert cache.usage()["a"].expired_entries == 30
    assert cache.stats("a").totals.expired_entries == 30

    cache.cleanup()
    assert expired(cache) == (15, 0)
    clock.advance(1800)
    a.clear()
    assert expired(cache) == (0, 0)
    assert expired(cache, "b") == (1, 1)


def test_of_many_it_says_at_least(opener: Opener, clock):
    """Files and memory look at a bounded number; Redis counts without looking at any."""
    cache = opener()
    cache.namespace("a", ttl=1).set_many({str(key): 0 for key in range(MOST_EXPIRED + 5)})
    clock.advance(2)
    most = MOST_EXPIRED + (5 if opener.backend == "redis" else 0)
    assert expired(cache) == (MOST_EXPIRED + 5, most)


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_a_cache_for_tasks_and_one_behind_which_memory_stands_say_the_same(opener: Opener, clock):
    cache = opener(strict=False)
    cache.namespace("a", ttl=1).set_many({"1": 1, "2": 2})
    clock.advance(2)
    cache.namespace("a").set("3", 3, ttl=60)
    entries, stale = expired(cache)
    assert stale == entries - 1


def test_nothing_is_held_of_an_unknown_namespace(opener: Opener):
    figures = opener().stats("unknown").namespaces["unknown"]
    assert (figures.entries, figures.expired_entries) == (0, 0)
