"""The eviction index on Redis, after the server or somebody else has damaged it."""

from collections.abc import Callable

import pytest

from cachectl._model.records import CleanupRule, Written
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import item
from tests.backends.redis.lrfu_model import (
    BASE,
    FREE,
    PLACES,
    check_places,
    keys_of,
    up_to,
)


@pytest.mark.parametrize("removal", ["remove", "remove_expired", "remove_tagged", "clear", "sweep"])
def test_an_emptied_namespace_leaves_no_key(backend, raw, clock, removal):
    """Not even what is remembered of evicted entries."""
    store = blocking(backend, "ns")
    for number in range(10):
        store.put([item(f"k{number}", now=clock(), ttl=5, tags=["t"])], up_to(1), clock())
    store.get("k9", clock())
    assert raw.zcard(f"{BASE}window-ghosts") > 0
    clock.advance(5)
    removals: dict[str, Callable[[], object]] = {
        "remove": lambda: store.remove(["k9"]),
        "remove_expired": lambda: store.remove_expired("k9", clock()),
        "remove_tagged": lambda: store.remove_tagged("t"),
        "clear": store.clear,
        "sweep": lambda: store.cleanup(CleanupRule(clock(), None, FREE)),
    }
    removals[removal]()
    store.flush()
    assert raw.keys() == [b"app:namespaces"]
    assert store.put([item("large", bytes(900))], up_to(1, 500), clock()) == Written(
        1, 0, ("large",)
    )
    assert raw.keys() == [b"app:namespaces"]


@pytest.mark.parametrize("name", PLACES)
def test_lost_ranks_are_made_again(backend, raw, clock, name):
    """If the server itself evicted a key of ours, limits hold again with the next write."""
    store = blocking(backend, "ns")
    for number in range(30):
        store.put([item(f"k{number}")], up_to(20), clock())
    raw.delete(BASE + name)
    for number in range(30, 90):
        store.put([item(f"k{number}")], up_to(20), clock())
        assert raw.zcard(f"{BASE}lru") == 20
    assert set(keys_of(raw, "window") + keys_of(raw, "main")) == set(keys_of(raw, "lru"))
    store.clear()
    assert raw.keys() == [b"app:namespaces"]


@pytest.mark.parametrize("name", ["lru", "window"])
def test_uses_do_not_depend_on_ranks_that_are_lost(backend, raw, clock, name):
    """Handing them over makes index anew, or clears away what is of no entry any more."""
    store = blocking(backend, "ns")
    for number in range(9):
        store.put([item(f"k{number}")], FREE, clock())
    store.get("k8", clock())
    raw.delete(BASE + name)
    store.flush()
    check_places(raw)
    assert bool(raw.exists(f"{BASE}state")) == bool(raw.exists(f"{BASE}lru"))


def test_nonsense_in_the_state_is_not_believed(backend, raw, clock):
    store = blocking(backend, "ns")
    for nonsense in ("", "word", "nan", "inf", "-1e300"):
        for field in ("clock", "share", "evictions"):
            store.put([item(f"{field}{nonsense}")], up_to(3), clock())
            raw.hset(f"{BASE}state", field, nonsense)
            for key in raw.hkeys(f"{BASE}score"):
                raw.hset(f"{BASE}score", key, nonsense)
            store.put([item("new")], up_to(3), clock())
            check_places(raw)
    assert raw.zcard(f"{BASE}lru") == 3


@pytest.mark.parametrize("name", ["window", "main", "score", "state"])
@pytest.mark.parametrize("planted", [None, "nan", "text"])
def test_a_listing_needs_no_ranks(backend, raw, clock, name, planted):
    """Where they are lost, or somebody else's, it goes by use."""
    store = blocking(backend, "ns")
    keys = [f"k{number}" for number in range(30)]
    for key in keys:
        store.put([item(key)], FREE, clock())
    if planted == "nan" and name in ("score", "state"):
        for field in raw.hkeys(BASE + name):
            raw.hset(BASE + name, field, planted)
    else:
        raw.delete(BASE + name)
        if planted:
            raw.set(BASE + name, planted)
    assert sorted(listed.key for listed in store.scan()) == sorted(keys)


@pytest.mark.parametrize("name", PLACES)
def test_clearing_removes_what_another_type_was_put_under(backend, raw, clock, name):
    store = blocking(backend, "ns")
    store.put([item("a"), item("b")], FREE, clock())
    raw.delete(BASE + name)
    raw.set(BASE + name, "planted")
    assert backend.usage()["ns"].memory_bytes is None
    assert store.clear().entries == 2
    assert raw.keys() == [b"app:namespaces"]
