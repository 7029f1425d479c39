"""The eviction `lrfu` on Redis: its index agree with `cachectl._backends.eviction.lrfu`, and none is ever left over."""

import random
from collections.abc import Callable
from itertools import chain

import pytest
from redis.crc import key_slot

from cachectl._backends.eviction.lrfu import (
    GHOSTS,
)
from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, Removed
from cachectl.testing.plain_lrfu import PlainCache
from tests.backends.redis.blocking import blocking
from tests.backends.redis.bookkeeping import check_books
from tests.backends.redis.commands import round_trips
from tests.backends.redis.items import item
from tests.backends.redis.lrfu_model import (
    BASE,
    FREE,
    PARTS,
    Model,
    check_places,
    forgotten,
    kept,
    keys_of,
    mark,
    up_to,
)
from tests.backends.redis.memory import memory_used
from tests.support.servers import free_port, redis_server


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("filled", [False, True])
def test_random_operations_hold_what_the_algorithm_holds(backend, raw, clock, seed, filled):
    """Limits are exact, and the same keys are in the same parts, whatever is removed between;
    also if a namespace is filled when it is first evicted this way.
    """
    chance, store, model = random.Random(seed), blocking(backend, "ns"), Model()
    limits = up_to(20, 20_000)
    keys = [f"k{int(chance.paretovariate(0.5)) % 60}" for _ in range(4000)]
    if filled:
        model.held = {key: item(key) for key in sorted(set(keys))[:20]}
        model.lrfu.adopt(model.held)
        store.put(list(model.held.values()), Limits(), clock())
        store.put([item("new")], limits, clock())
        model.put([item("new")], limits, clock())

    def put() -> None:
        count = chance.choice([1, 1, 1, 4])
        batch = [
            item(
                key,
                chance.randbytes(chance.choice([50, 500, 5000])),
                now=clock(),
                ttl=chance.choice([None, 5, 50]),
                tags=chance.sample(["a", "b"], chance.randrange(2)),
            )
            for key in dict.fromkeys(chance.choices(keys, k=count))
        ]
        store.put(batch, limits, clock())
        model.put(batch, limits, clock())

    def get() -> None:
        key = chance.choice(keys)
        assert (store.get(key, clock()) is not None) == model.get(key)

    def remove() -> None:
        leaving = chance.sample(keys, 2)
        store.remove(leaving)
        model.remove(leaving)

    def remove_tagged() -> None:
        store.remove_tagged("a")
        model.remove_tagged("a")

    def sweep() -> None:
        rule = CleanupRule(clock(), None, up_to(15))
        store.cleanup(rule)
        model.cleanup(rule)

    def wait() -> None:
        clock.advance(chance.random() * 2)

    rare = [remove, remove_tagged, sweep]
    for _ in range(600):
        chance.choice([get] * 20 + [put] * 20 + [wait] * 4 + rare)()
        forgotten(model)
        assert sorted(keys_of(raw, "lru")) == sorted(model.held)
        assert [raw.zcard(BASE + name) for name in PARTS.values()] == model.sizes()
    check_places(raw)
    share = float(raw.hget(f"{BASE}state", "share"))
    assert share == pytest.approx(model.lrfu.state.share)


def test_a_replayed_trace_hits_as_the_algorithm_does(backend, clock):
    """With a few popular keys, a long tail, and now and then a scan."""
    chance, store, model = random.Random(7), blocking(backend, "ns"), PlainCache(60)
    hits = 0
    for number in range(4000):
        key = f"scan{number}" if number % 500 < 50 else f"{int(chance.paretovariate(0.6))}"
        hit = store.get(key, clock()) is not None
        assert hit == model.get(key)
        hits += hit
        if not hit:
            store.put([item(key)], up_to(60), clock())
            model.set(key)
    assert 1000 < hits < 3500


@pytest.mark.parametrize(("eviction", "stay"), [("lru", 0), ("lrfu", 40)])
def test_one_time_keys_do_not_flush_what_is_used_frequently(backend, clock, eviction, stay):
    store, limits = blocking(backend, "ns"), Limits(100, None, eviction)
    popular = [f"popular{number}" for number in range(40)]
    for _ in range(5):
        for key in popular:
            if store.get(key, clock()) is None:
                store.put([item(key)], limits, clock())
        store.put([item("other")], limits, clock())
    for number in range(1000):
        store.put([item(f"once{number}")], limits, clock())
    assert sum(store.get(key, clock()) is not None for key in popular) == stay


def test_every_operation_is_one_round_trip(backend, raw, clock):
    """Also a put that takes over a namespace, and one that hands over uses and evicts."""
    store = blocking(backend, "ns")
    store.put([item(f"k{i}") for i in range(5)], Limits(5), clock())
    store.put([item("warm-up")], FREE, clock())
    store.put([item("warm-up")], Limits(5), clock())
    store.get("k4", clock())
    store.flush()
    store.get("k4", clock())
    assert round_trips(raw, lambda: store.put([item("k5")], up_to(4), clock())) == 1
    assert kept(raw)
    assert round_trips(raw, lambda: store.get("k5", clock())) == 1
    assert round_trips(raw, store.flush) == 1


@pytest.mark.parametrize("seed", range(4))
def test_no_operation_leaves_a_rank_without_entry(backend, redis_url, raw, clock, seed):
    """Nor an entry without rank, by whatever process and order it is evicted."""
    chance, keys = random.Random(seed), [f"k{i}" for i in range(30)]
    other = RedisBackend(url=redis_url, prefix="app")
    stores = [blocking(backend, "ns"), blocking(other, "ns")]

    def put(eviction: str) -> None:
        limits = Limits(chance.choice([None, 10, 20]), chance.choice([None, 3000]), eviction)
        batch = [
            item(key, bytes(50), now=clock(), ttl=chance.choice([None, 5]), tags=["t"])
            for key in chance.choices(keys, k=chance.choice([1, 1, 8]))
        ]
        chance.choice(stores).put(batch, limits, clock(), chance.choice([None, "absent"]))

    def sweep(eviction: str) -> None:
        limits = Limits(chance.choice([None, 8]), None, eviction)
        chance.choice(stores).cleanup(CleanupRule(clock(), clock() - 20, limits))

    others: list[Callable[[str], object]] = [
        lambda _: chance.choice(stores).get(chance.choice(keys), clock()),
        lambda _: chance.choice(stores).flush(),
        lambda _: chance.choice(stores).remove(chance.sample(keys, 2)),
        lambda _: chance.choice(stores).remove_expired(chance.choice(keys), clock()),
        lambda _: clock.advance(chance.random() * 3),
    ]
    for step in range(300):
        chance.choice([put, put, sweep, *others, *others])("lrfu")
        if step % 100 == 50:
            put("lru")
        if step % 100 == 99:
            stores[0].remove_tagged("t")
        check_books(raw, BASE)
        if raw.exists(f"{BASE}state"):
            check_places(raw)
        else:
            assert kept(raw) == []
    other.close()
    stores[0].clear()
    assert raw.keys() == [b"app:namespaces"]


def test_a_filled_namespace_changes_over_and_back(backend, raw, clock):
    """What was there is in the window, least recently used first; going back, places are gone."""
    store = blocking(backend, "ns")
    store.put([item(f"k{i:02}") for i in range(20)], Limits(20), clock())
    store.get("k00", clock())
    assert kept(raw) == []
    store.put([item("new")], up_to(19), clock())
    assert keys_of(raw, "lru") == [*(f"k{i:02}" for i in range(3, 20)), "k00", "new"]
    assert keys_of(raw, "main") == ["k03"]
    assert keys_of(raw, "window") == keys_of(raw, "lru")[1:]
    store.put([item("k03")], up_to(19), clock())
    check_places(raw)
    assert keys_of(raw, "window")[-1] == "k03"
    store.put([item("newer")], Limits(19), clock())
    assert kept(raw) == []
    assert keys_of(raw, "lru") == [
        *(f"k{i:02}" for i in range(5, 20)),
        "k00",
        "new",
        "k03",
        "newer",
    ]


def test_many_entries_are_taken_over_by_few_commands(backend, raw, clock):
    """However many: nothing else is served meanwhile."""
    store = blocking(backend, "ns")
    store.put([item(f"k{i}") for i in range(4 * BATCH)], Limits(), clock())
    raw.config_resetstat()
    store.put([item("new")], FREE, clock())
    commands = raw.info("commandstats").values()
    assert sum(command["calls"] for command in commands) < 50
    check_places(raw)


def test_a_lowered_limit_is_reached_in_short_steps(backend, raw, clock):
    """No single script removes more than a batch, however many there are to go."""
    store, rule = blocking(backend, "ns"), CleanupRule(clock(), None, up_to(10))
    store.put([item(f"k{i}") for i in range(4 * BATCH)], FREE, clock())
    evicted = [store.put([item("last")], up_to(10), clock()).evicted]
    while not (step := store.cleanup(rule)).did_nothing:
        evicted.append(step.evicted_keys)
    assert [len({*keys}) for keys in evicted] == [BATCH, BATCH, BATCH, BATCH - 9]
    assert len({*chain.from_iterable(evicted)}) == 4 * BATCH - 9
    assert raw.zcard(f"{BASE}lru") == 10
    check_places(raw)


def test_no_more_is_remembered_than_was_promised(backend, raw, clock):
    chance, store = random.Random(1), blocking(backend, "ns")
    for _ in range(1500):
        key = f"{int(chance.paretovariate(0.4))}"
        if store.get(key, clock()) is None:
            store.put([item(key)], up_to(30), clock())
        left = raw.zcard(f"{BASE}window-ghosts") + raw.zcard(f"{BASE}main-ghosts")
        assert left <= GHOSTS * raw.zcard(f"{BASE}lru")
    assert left == GHOSTS * 30
    check_places(raw)


def test_uses_of_a_process_that_only_reads_count(backend, redis_url, raw, clock):
    """It need not know how the namespace is evicted."""
    store = blocking(backend, "ns")
    for number in range(20):
        store.put([item(f"k{number:02}")], up_to(20), clock())
    reader = RedisBackend(url=redis_url, prefix="app")
    lowest, oldest = keys_of(raw, "main")[0], keys_of(raw, "window")[0]
    clock.advance(1)
    for key in (lowest, oldest):
        blocking(reader, "ns").get(key, clock())
    blocking(reader, "ns").flush()
    assert keys_of(raw, "main")[-1] == lowest
    assert keys_of(raw, "window")[-1] == oldest
    assert raw.hget(f"{BASE}score", mark(oldest)).startswith(b"+")
    reader.close()


def test_uses_are_credited_once_however_many_calls_a_write_takes(backend, raw, clock):
    """Large values are written by a call each."""
    scores = []
    for name, items in [("ns", 1), ("ns2", 4)]:
        store = blocking(backend, name)
        for number in range(20):
            store.put([item(f"k{number}", namespace=name)], up_to(40), clock())
        store.get("k0", clock())
        large = [item(f"large{i}", bytes(40_000), namespace=name) for i in range(items)]
        store.put(large, up_to(40), clock())
        scores.append(raw.zscore(f"app:{{{name}}}:main", "k0"))
    assert scores[0] == scores[1] > 1


def test_every_script_stays_in_one_hash_slot(clock):
    """On a cluster node that owns but two slots, everything works: no script leaves its slot."""
    port = free_port()
    names = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
    with redis_server(*names, port=port) as server, server.client() as raw:
        slots = {key_slot(b"app:{ns}:lru"), key_slot(b"app:namespaces")}
        raw.execute_command("CLUSTER", "ADDSLOTS", *slots)
        while raw.execute_command("CLUSTER", "INFO").find(b"cluster_state:ok") < 0:
            pass
        backend = RedisBackend(url=server.url, prefix="app")
        store = blocking(backend, "ns")
        store.put([item("a"), item("b"), item("c")], Limits(), 0)
        store.get("b", 0)
        store.put([item("d"), item("a")], up_to(3), 0)
        store.get("d", 0)
        store.flush()
        assert store.cleanup(CleanupRule(0, None, up_to(1))).evicted.entries == 2
        assert backend.usage()["ns"].entries == 1
        assert store.clear() == Removed(1, len(item("d").data))
        backend.close()


@pytest.mark.parametrize("entries", [2000, 6000])
def test_memory_bytes_is_within_15_percent(backend, raw, entries):
    """`memory_bytes` is compared with what the server's memory grew by, history included."""
    store = blocking(backend, "ns")
    store.put([item("warm-up")], FREE, 0)
    store.clear()
    before = memory_used(raw)
    payload = b'{"genre":"house","tempo":120.04}'
    for start in range(0, 4 * entries, 100):
        batch = [item(f"{number:032x}", payload) for number in range(start, start + 100)]
        store.put(batch, up_to(entries), 0)
    grown = memory_used(raw) - before
    assert backend.usage()["ns"].memory_bytes == pytest.approx(grown, rel=0.15)
