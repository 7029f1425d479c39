"""Listings on Redis: complete, whatever is used meanwhile."""

from itertools import pairwise

from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.batches import BATCH
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
