"""Listings on Redis: complete, whatever is used meanwhile."""

from itertools import pairwise

from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import FREE, item


def test_a_scan_sees_all_that_stays_even_if_it_is_used_meanwhile(backend, clock):
    """What moves to the end of the order is seen once, wherever the scan was."""
    store = blocking(backend, "ns")
    keys = [f"k{i:04}" for i in range(3 * BATCH)]
    store.put([item(key) for key in keys], FREE, clock())
    seen: list[str] = []
    for listed in store.scan():
        if len(seen) in {1, BATCH + 1}:  # used: one seen already, one still to come
            store.get(keys[0], clock())
            store.get(keys[-1], clock())
            store.flush()
        seen.append(listed.key)
    assert sorted(seen) == keys


def test_a_scan_sees_what_leaves_the_window_before_it_is_reached(backend, clock):
    """What is written by others moves it to the main segment, which had been read."""
    store, limits = blocking(backend, "ns"), Limits(None, None, "lrfu")
    keys = [f"k{number:04}" for number in range(4 * BATCH)]
    store.put([item(key) for key in keys], FREE, clock())
    for number in range(2):  # which the first ones leave the window for, and are used then
        store.put([item(f"{number}-{one}") for one in range(BATCH)], limits, clock())
    for key in keys[: 2 * BATCH]:
        store.get(key, clock())
    store.flush()
    seen: list[str] = []
    for listed in store.scan():
        seen.append(listed.key)
        if len(seen) == 1:
            store.remove(keys[2 * BATCH : 3 * BATCH])
            store.put([item(f"new{number}") for number in range(BATCH // 2)], limits, clock())
    there = {*keys[: 2 * BATCH], *keys[3 * BATCH :]}
    assert there <= set(seen)
    assert len(set(seen)) == len(seen)


def test_a_scan_survives_equal_stamps(backend, redis_url, clock):
    """Processes whose clocks agree to the microsecond do not hide each other's entries."""
    others = [RedisBackend(url=redis_url, prefix="app") for _ in range(3)]
    for number, other in enumerate(others):
        items = [item(f"{number}-{i}") for i in range(BATCH)]
        blocking(other, "ns").put(items, FREE, clock())
        other.close()
    listed = list(blocking(backend, "ns").scan())
    assert len({entry.key for entry in listed}) == len(listed) == 3 * BATCH
    assert all(one.used_at <= two.used_at for one, two in pairwise(listed))
