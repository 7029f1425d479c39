"""The collector looks at no entry in memory, however many there are."""

import gc
import weakref

import pytest

from cachectl import Cache
from cachectl._backends.memory.store import MemoryStore
from cachectl._model.entry import NEVER, Entry
from cachectl._model.policy import Limits
from cachectl._model.records import Item
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


class Cyclic:
    """A value that refers to itself, and to the store that holds it."""

    def __init__(self, store: MemoryStore) -> None:
        self.me = self
        self.store = store


@pytest.mark.parametrize("is_cleared", [False, True])
def test_a_value_in_a_cycle_is_freed_once_it_is_removed(is_cleared):
    """Nothing else that the collector does not see refers to it."""
    store = MemoryStore()
    value = Cyclic(store)
    watched = weakref.ref(value)
    entry = Entry(value, 1, 0.0, NEVER, 0, 0, (), 10)
    store.put([Item("key", entry, b"", 10)], Limits(None, None, "lru"), 1.0)
    del value, entry
    gc.collect()
    assert watched() is not None

    if is_cleared:
        store.clear()
    else:
        store.remove(["key"])
    del store
    gc.collect()
    assert watched() is None
