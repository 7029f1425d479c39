"""What is summed with every change is what a recount finds."""

import random
from sys import getsizeof

import pytest

from cachectl._backends.memory.node import weight
from cachectl._backends.memory.store import MemoryStore
from cachectl._model.entry import NEVER, Entry
from cachectl._model.policy import Eviction, Limits
from cachectl._model.records import CleanupRule, Item


def item(chance: random.Random, now: float) -> Item:
    size = chance.randrange(50, 500)
    tags = tuple(sorted({f"t{chance.randrange(40)}" for _ in range(chance.randrange(4))}))
    expires_at = chance.choice([NEVER, now + chance.random() * 50])
    entry = Entry("value", 2, now, expires_at, 0, 0, tags, size)
    return Item(f"k{chance.randrange(300)}", entry, b"", size)


def change(store: MemoryStore, chance: random.Random, now: float, limits: Limits) -> None:
    match chance.randrange(12):
        case 0:
            store.remove([f"k{chance.randrange(300)}" for _ in range(20)])
        case 1:
            store.remove_tagged(f"t{chance.randrange(40)}")
        case 2:
            store.cleanup(CleanupRule(now, now - 30, limits))
        case 3:
            store.get(f"k{chance.randrange(300)}", now)
        case _:
            store.put([item(chance, now)], limits, now)


def recounted(store: MemoryStore) -> tuple[int, int, int, int]:
    """Return bytes, memory of the entries, of the tags, and of places that were left."""
    nodes = store._nodes
    tagged = store._tags._tags.values()
    places = sum(getsizeof(key) for run in store._expiries._runs for _, key in run)
    waiting = sum(getsizeof(node.key) for node in nodes.values() if node.run is not None)
    return (
        sum(node.size for node in nodes.values()),
        sum(map(weight, nodes.values())),
        sum(48 + getsizeof(each.name) + getsizeof(each.keys) for each in tagged),
        places - waiting,
    )


def summed(store: MemoryStore) -> tuple[int, int, int, int]:
    return store._bytes, store._memory, store._tags._of_tags, store._expiries._left_behind


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
def test_sums_are_those_of_a_recount(eviction: Eviction):
    store, chance, now = MemoryStore(), random.Random(2), 0.0
    for _ in range(8000):
        now += chance.random() / 5
        change(store, chance, now, Limits(200, 40_000, eviction))
        assert summed(store) == recounted(store)
    assert len(store._tags) > 10
    assert sum(run.held for run in store._expiries._runs) == sum(
        node.expires_at != NEVER for node in store._nodes.values()
    )
    store.clear()
    store.put([], Limits(), now + 1000)
    assert (summed(store), len(store._tags), len(store._expiries)) == ((0, 0, 0, 0), 0, 0)
