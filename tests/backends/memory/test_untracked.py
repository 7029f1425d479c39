"""The collector looks at no entry in memory, however many there are."""

import gc

import pytest

from cachectl import Cache
from tests.support.openers import settings


@pytest.mark.parametrize(("eviction", "objects"), [("lru", 0), ("lrfu", 1)])
def test_the_collector_tracks_at_most_one_object_for_an_entry_of_text(eviction, objects):
    """None, but for the rank that `lrfu` gives it."""
    with Cache.of(settings("memory", memory__publish=False), strict=True) as cache:
        users = cache.namespace("users", ttl="1h", eviction=eviction)
        tracked = []
        for part in range(3):
            for number in range(1000):
                users.set(f"{part}:{number}", "text", cost=0.5 * (number % 2), label="who")
            gc.collect()
            tracked.append(len(gc.get_objects()))
        assert tracked[2] - tracked[1] < 1000 * objects + 100
