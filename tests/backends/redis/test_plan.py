"""What a cleanup on Redis would remove is of what is really there."""

import pytest

from cachectl._model.batches import BATCH
from cachectl._model.coroutines import iterate
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import item


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
def test_what_the_server_dropped_is_neither_named_nor_counted(backend, raw, clock, eviction):
    store = blocking(backend, "ns")
    keys = [f"k{number:04}" for number in range(2 * BATCH)]
    limits = Limits(None, None, eviction)
    store.put([item(key) for key in keys], limits, clock())
    for key in keys[::3]:
        store.get(key, clock())
    store.flush()
    store.put([item(key) for key in keys[:100]], limits, clock())
    raw.delete(*(f"app:{{ns}}:e:{key}" for key in keys[:BATCH]))
    there = {listed.key for listed in store.scan()}
    assert there == set(keys[BATCH:])

    def planned(most: int, idle_before: float | None = None) -> set[str]:
        rule = CleanupRule(clock(), idle_before, Limits(most, None, eviction))
        return {one.key for one in iterate(backend.store_for_threads("ns").plan(rule))}

    assert planned(BATCH) == set()
    assert len(planned(BATCH - 10)) == 10
    assert planned(BATCH - 10) < planned(3) < there
    assert len(planned(3)) == BATCH - 3
    assert planned(3, clock() + 60) == there
