"""What a server drops by itself, and what is deleted by hand: nothing comes back, figures stay true."""

import random

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.stored import GENERATION
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, CleanupStep, Dropped, Removed
from tests.backends.redis.blocking import blocking
from tests.backends.redis.bookkeeping import check_books
from tests.backends.redis.items import FREE, item

PARTS = ("gen", "lru", "meta", "exp", "tag", "loads")
KEYS = [f"k{number}" for number in range(20)]


def filled(backend, clock):
    store = blocking(backend, "ns")
    store.put([item(key, ttl=60, now=clock(), tags=["t"]) for key in KEYS], FREE, clock())
    return store


def served(store, clock) -> list[str]:
    return [key for key in KEYS if store.get(key, clock()) is not None]


@pytest.mark.parametrize("lost", [(part,) for part in PARTS] + [PARTS, ("lru", "meta")])
@pytest.mark.parametrize("removal", ["clear", "invalidate", "remove"])
def test_a_removal_is_final_whatever_part_of_the_index_is_lost(backend, raw, clock, lost, removal):
    """Also once others have written and used entries in between, and afterwards."""
    store = filled(backend, clock)
    raw.delete(*(f"app:{{ns}}:{part}" for part in lost))
    if removal == "clear":
        store.clear()
    elif removal == "invalidate":
        store.remove_tagged("t")
    else:
        store.remove(KEYS)
    assert served(store, clock) == []
    store.put([item("other", tags=["u"])], FREE, clock())
    store.flush()
    assert served(store, clock) == []
    assert store.get("other", clock()) is not None


@pytest.mark.parametrize("part", ["gen", "lru", "meta", "tag"])
def test_what_an_index_does_not_name_is_not_served_for_long(backend, raw, clock, part):
    """Whoever writes or hands over uses finds out about the loss, and all begins anew."""
    store = filled(backend, clock)
    raw.delete(f"app:{{ns}}:{part}")
    store.look()
    assert served(store, clock) == []
    store.put([item("k0")], FREE, clock())
    assert served(store, clock) == ["k0"]
    assert backend.usage()["ns"].entries == 1


def test_lost_expiries_cost_nothing(backend, raw, clock):
    """Values are dropped by the server, and found gone."""
    store = filled(backend, clock)
    raw.delete("app:{ns}:exp")
    store.look()
    assert served(store, clock) == KEYS


def test_no_value_is_of_a_generation_that_is_not_the_newest(backend, raw, clock):
    """What an ended generation left is no entry: not for a lookup, a listing, a condition or a count."""
    store = filled(backend, clock)
    raw.delete("app:{ns}:gen")
    store.put([item("other")], FREE, clock())
    assert [listed.key for listed in store.scan()] == ["other"]
    assert store.remove(["k0"]) == Removed()
    assert store.put([item("k1")], FREE, clock(), "present").stored == 0
    assert store.put([item("k1")], FREE, clock(), "absent").stored == 1


def test_what_a_lost_index_left_goes_with_the_next_cleanup(backend, raw, clock):
    """It walks over all keys for that, once, and touches those of others not at all."""
    store = filled(backend, clock)
    raw.set("app:{ns}x:e:a", "foreign")
    raw.set("other:{ns}:e:a", "foreign")
    raw.delete("app:{ns}:lru")
    clock.advance(1)
    store.put([item("other")], FREE, clock())
    assert len(raw.keys("app:{ns}:e:*")) == len(KEYS) + 1
    backend.compact()
    assert raw.keys("app:{ns}:e:*") == [b"app:{ns}:e:other"]
    assert raw.exists("app:{ns}x:e:a", "other:{ns}:e:a") == 2
    raw.config_resetstat()
    backend.compact()
    assert "cmdstat_scan" not in raw.info("commandstats")


def test_values_from_before_generations_are_misses(backend, raw, clock):
    """And so are those of a generation that ended, not damage."""
    store = filled(backend, clock)
    value = raw.get("app:{ns}:e:k0")
    raw.set("app:{ns}:e:k0", value[GENERATION:])
    raw.set("app:{ns}:e:k1", bytes(GENERATION) + value[GENERATION:])
    assert served(store, clock) == KEYS[2:]


def test_limits_are_about_what_is_there(backend, raw, clock):
    """Six entries of which the server dropped three: none of the others has to go for four."""
    store = blocking(backend, "ns")
    store.put([item(f"k{number}") for number in range(6)], Limits(6), clock())
    raw.delete("app:{ns}:e:k1", "app:{ns}:e:k3", "app:{ns}:e:k5")
    written = store.put([item("new")], Limits(6), clock())
    assert (written.stored, written.evicted, written.dropped) == (1, (), 3)
    assert [listed.key for listed in store.scan()] == ["k0", "k2", "k4", "new"]


def test_a_cleanup_knows_what_is_there(backend, raw, clock):
    """Among thousands: what the server dropped is no part of what a limit must remove."""
    store = blocking(backend, "ns")
    keys = [f"k{number}" for number in range(3 * BATCH)]
    store.put([item(key) for key in keys], FREE, clock())
    gone = random.Random(1).sample(keys, 2 * BATCH)
    raw.delete(*(f"app:{{ns}}:e:{key}" for key in gone))
    rule = CleanupRule(clock(), None, Limits(BATCH))
    steps = [store.cleanup(rule)]
    while not steps[-1].did_nothing:
        steps.append(store.cleanup(rule))
    assert steps == [CleanupStep(dropped=Dropped(0, 2 * BATCH)), CleanupStep()]
    assert {listed.key for listed in store.scan()} == {*keys} - {*gone}
    check_books(raw, "app:{ns}:")


def test_writing_finds_out_what_is_gone(backend, raw, clock):
    """About once a second it looks at some, and at more while many of them are gone."""
    store = blocking(backend, "ns")
    keys = [f"k{number}" for number in range(2 * BATCH)]
    store.put([item(key) for key in keys], FREE, clock())
    raw.delete(*(f"app:{{ns}}:e:{key}" for key in keys))
    dropped = 0
    for _ in range(30):
        clock.advance(1)
        dropped += store.put([item("new")], FREE, clock()).dropped
    assert dropped == len(keys)


@pytest.mark.parametrize(("entries", "gone"), [(300, 100), (5000, 3500), (5000, 100)])
def test_figures_are_about_what_is_there(backend, raw, clock, entries, gone):
    """Counted where there are few, and otherwise no further off than they say."""
    store = blocking(backend, "ns")
    keys = [f"k{number}" for number in range(entries)]
    store.put([item(key) for key in keys], FREE, clock())
    raw.delete(*(f"app:{{ns}}:e:{key}" for key in random.Random(2).sample(keys, gone)))
    usage = backend.usage()["ns"]
    left, size = entries - gone, len(item("k0").data)
    assert abs(usage.entries - left) <= max(1, 2 * usage.uncertainty * usage.entries)
    assert usage.bytes == pytest.approx(usage.entries * size, rel=0.01)
    assert usage.uncertainty < 0.2
    assert (usage.uncertainty == 0) == (entries <= 400)


def test_what_expired_and_is_gone_is_in_no_figure(backend, raw, clock):
    """A minute after their TTL the server has dropped them; nobody removed them."""
    store = blocking(backend, "ns")
    keys = [f"k{number}" for number in range(50)]
    store.put([item(key, ttl=1, now=clock()) for key in keys], FREE, clock())
    store.put([item(f"p{number}") for number in range(10)], FREE, clock())
    raw.delete(*(f"app:{{ns}}:e:{key}" for key in keys))
    assert backend.usage()["ns"].entries == 10
    step = store.cleanup(CleanupRule(clock() + 64, None, FREE))
    assert (step.expired, step.dropped) == (Removed(), Dropped(50, 0))
    assert store.clear().entries == 10


def test_a_namespace_of_which_nothing_is_left_is_forgotten(backend, raw, clock):
    """What an index still names is not there."""
    filled(backend, clock)
    raw.delete(*(f"app:{{ns}}:e:{key}" for key in KEYS))
    assert backend.forget("ns", clock())
    assert raw.keys("app:{ns}:*") == []


def test_a_lost_list_of_names_hides_no_namespace_from_a_removal(redis_url, raw, clock):
    """Those are found by their generations, once: from then on the list is known to be complete."""
    writer, other = (RedisBackend(url=redis_url, prefix="app") for _ in range(2))
    for name in ("ns", "ns2"):
        blocking(writer, name).put([item("a", namespace=name)], FREE, clock())
    raw.delete("app:namespaces")
    blocking(other, "ns3").put([item("a", namespace="ns3")], FREE, clock())
    assert sorted(other.find_namespaces(remember=True)) == ["ns", "ns2", "ns3"]
    raw.config_resetstat()
    assert sorted(writer.find_namespaces(remember=True)) == ["ns", "ns2", "ns3"]
    assert "cmdstat_scan" not in raw.info("commandstats")
    for backend in (writer, other):
        backend.close()
