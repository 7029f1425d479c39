"""What is special to Redis; the contract that all backends keep is in `test_contract.py`."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.stored import GENERATION
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, CleanupStep, Dropped, Removed, Written
from cachectl.errors import BackendRefused, DamagedEntry
from tests.backends.redis.blocking import blocking
from tests.backends.redis.bookkeeping import check_books
from tests.backends.redis.commands import commands, round_trips
from tests.backends.redis.items import FREE, item


def test_get_and_put_are_one_round_trip_each(backend, raw, clock):
    """Also a put that hands over uses, drops what expired and evicts."""
    store = blocking(backend, "ns")
    store.put([item("a", ttl=1, now=clock()), item("b"), item("c")], Limits(2), clock())
    clock.advance(2)
    assert round_trips(raw, lambda: store.get("c", clock())) == 1
    assert round_trips(raw, lambda: store.put([item("d")], Limits(1), clock())) == 1
    assert round_trips(raw, lambda: store.put([item("e"), item("f")], Limits(1), clock())) == 1
    assert [listed.key for listed in store.scan()] == ["f"]


def test_a_put_runs_few_commands(backend, raw, clock):
    """And little more of them for many items: each one costs the server's time."""
    store, limits = blocking(backend, "ns"), Limits(1000, 10**6)

    def put(*keys: str) -> Callable[[], object]:
        items = [item(key, ttl=9, now=clock()) for key in keys]
        return lambda: store.put(items, limits, clock())

    put("first")()
    assert commands(raw, put("a")) <= 10
    assert commands(raw, put("a")) <= 9
    assert commands(raw, put(*(f"k{i}" for i in range(50)))) <= 50 + 10


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
@pytest.mark.parametrize(
    "remove",
    [
        lambda store, keys, _: store.remove(keys),
        lambda store, _, __: store.clear(),
        lambda store, _, __: store.remove_tagged("t"),
        lambda store, _, now: store.cleanup(CleanupRule(now + 9, None, FREE)),
        lambda store, _, now: store.cleanup(CleanupRule(now, now + 9, FREE)),
    ],
    ids=["keys", "clear", "tag", "expired", "idle"],
)
def test_a_removal_runs_few_commands_for_a_batch(backend, raw, clock, remove, eviction):
    """Each is told of all keys at once."""
    store, keys = blocking(backend, "ns"), [f"k{number}" for number in range(BATCH)]
    for number in (BATCH, 0):
        batch = [item(key, ttl=5, now=clock(), tags=["t", "u"]) for key in keys]
        store.put([*batch, item("left")], Limits(eviction=eviction), clock())
        if number:
            remove(store, keys, clock())  # teaches the server the scripts
    assert commands(raw, lambda: remove(store, keys, clock())) <= 80
    check_books(raw, "app:{ns}:")
    assert raw.zcard("app:{ns}:lru") <= 1


def test_evicting_many_runs_few_commands(backend, raw, clock):
    """Also where sizes say how many must go."""
    store = blocking(backend, "ns")
    keys = [f"k{number}" for number in range(2 * BATCH)]
    items = [item(key, bytes(100 + number % 50)) for number, key in enumerate(keys)]
    for limits in (
        Limits(BATCH + 100),
        Limits(max_bytes=sum(len(one.data) for one in items[400:])),
    ):
        store.put(items, FREE, clock())
        store.put([item("k0")], FREE, clock())
        assert commands(raw, lambda limits=limits: store.put([item("k0")], limits, clock())) <= 70
        check_books(raw, "app:{ns}:")
    assert list(raw.zrange("app:{ns}:lru", 0, 1)) == [b"k401", b"k402"]


def test_what_expired_goes_before_what_is_fresh(backend, clock):
    """Also if the last look at what expired is a moment ago."""
    store = blocking(backend, "ns")
    store.put([item("a"), item("b", ttl=0.5, now=clock())], Limits(2), clock())
    clock.advance(0.6)
    assert store.put([item("c")], Limits(2), clock()) == Written(1, 1)
    assert [listed.key for listed in store.scan()] == ["a", "c"]


def test_writing_looks_for_what_expired_once_a_second(backend, clock):
    """A process that replaces the same entries for ever removes the others nevertheless."""
    store = blocking(backend, "ns")
    store.put([item("a"), *(item(f"k{i}", ttl=0.1, now=clock()) for i in range(5))], FREE, clock())
    clock.advance(0.5)
    assert store.put([item("a")], FREE, clock()) == Written(1)
    clock.advance(0.5)
    assert store.put([item("a")], FREE, clock()) == Written(1, 5)


@pytest.mark.parametrize(("condition", "kept"), [(None, b"2"), ("absent", b"1")])
def test_a_key_that_is_written_twice_at_once_counts_once(backend, raw, clock, condition, kept):
    """With its own size, tags and lifetime."""
    store = blocking(backend, "ns")
    twice = [item("a", b"1", ttl=9, now=clock(), tags=["t"]), item("b"), item("a", b"2")]
    store.put(twice, FREE, clock(), condition)
    check_books(raw, "app:{ns}:")
    entry: Any = store.get("a", clock())
    assert bytes(entry.value) == kept


def test_lost_tags_come_back_with_the_next_write(backend, raw, clock):
    """Although the entry itself is as it was."""
    store = blocking(backend, "ns")
    for _ in range(2):
        store.put([item("a", tags=["t"])], FREE, clock())
        found = raw.delete("app:{ns}:tag")
    assert found == 1


def test_a_fresh_connection_costs_one_more_round_trip(redis_server, raw):
    """Nothing but its name is sent before the first command."""
    backend = RedisBackend(url=redis_server.url)
    assert round_trips(raw, backend.check) == 2
    backend.close()


def test_values_outlive_their_ttl_on_the_server_by_a_minute(backend, raw, clock):
    """The engine's clock decides what is fresh; the server only cleans up after a crash."""
    blocking(backend, "ns").put([item("a", ttl=30, now=clock()), item("b")], FREE, clock())
    assert 85_000 < raw.pttl("app:{ns}:e:a") <= 90_000
    assert raw.pttl("app:{ns}:e:b") == -1


@pytest.mark.parametrize("size", [10, 100_000])
def test_large_values_keep_the_same_books_as_small_ones(backend, raw, clock, size):
    """They are set beside the script, in one transaction with it, also if it is not known."""
    store = blocking(backend, "ns")
    raw.script_flush()
    items = [item(f"k{i}", bytes(size), ttl=9, now=clock(), tags=["t"]) for i in range(3)]
    assert store.put(items, Limits(2), clock()) == Written(3, 0, ("k0",))
    stored = len(items[0].data)
    assert raw.strlen("app:{ns}:e:k2") == GENERATION + stored
    assert 0 < raw.pttl("app:{ns}:e:k2") <= 69_000
    assert [(listed.key, listed.size) for listed in store.scan("t")] == [
        ("k1", stored),
        ("k2", stored),
    ]
    assert store.clear() == Removed(2, 2 * stored)


@pytest.mark.parametrize("known", [True, False])
def test_nobody_writes_between_a_large_value_and_its_place_in_the_index(backend, raw, clock, known):
    """The last one is set and indexed in one transaction, also if that took two."""
    store = blocking(backend, "ns")
    store.put([item("a")], FREE, clock())
    if not known:
        raw.script_flush()
    raw.config_resetstat()
    store.put([item("k", bytes(100_000))], FREE, clock())
    told = raw.info("commandstats")
    ran = {name: told.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("exec", "mset")}
    assert ran == ({"exec": 1, "mset": 1} if known else {"exec": 2, "mset": 2})
    assert (told["cmdstat_evalsha"]["calls"], "cmdstat_eval" in told) == (1, not known)


@pytest.mark.parametrize("known", [True, False])
def test_a_large_value_that_could_not_be_indexed_is_not_there(backend, raw, clock, known):
    """It is set before the script that indexes it, whether or not the server knows that."""
    store = blocking(backend, "ns")
    store.put([item("a")], FREE, clock())
    raw.delete("app:{ns}:lru")
    raw.set("app:{ns}:lru", "foreign")
    if not known:
        raw.script_flush()
    with pytest.raises(BackendRefused):
        store.put([item("k", bytes(100_000))], FREE, clock())
    assert not raw.exists("app:{ns}:e:k")
    assert store.get("k", clock()) is None


@pytest.mark.parametrize("seed", range(6))
def test_no_operation_leaks_bookkeeping(backend, raw, clock, seed):
    """Random operations keep the books straight, and clearing leaves no key but the names."""
    chance, store, keys = random.Random(seed), blocking(backend, "ns"), [f"k{i}" for i in range(30)]

    def put() -> None:
        batch = [
            item(
                key,
                chance.randbytes(chance.choice([5, 50, 40_000])),
                now=clock(),
                ttl=chance.choice([None, 5, 50]),
                tags=chance.sample(["a", "ab", "b c"], chance.randrange(3)),
            )
            for key in chance.choices(keys, k=chance.choice([1, 1, 8]))
        ]
        limits = Limits(chance.choice([None, 10, 20]), chance.choice([None, 30_000, 90_000]))
        store.put(batch, limits, clock(), chance.choice([None, "absent", "present"]))

    operations: list[Callable[[], object]] = [
        put, put, put,
        lambda: store.get(chance.choice(keys), clock()),
        lambda: store.remove(chance.sample(keys, 3)),
        lambda: store.remove_expired(chance.choice(keys), clock()),
        lambda: store.remove_tagged(chance.choice(["a", "ab", "b c"])),
        lambda: store.cleanup(CleanupRule(clock(), clock() - 20, Limits(15, None))),
        lambda: clock.advance(chance.random() * 4),
    ]  # fmt: skip
    for _ in range(40):
        for operation in chance.choices(operations, k=8):
            operation()
        check_books(raw, "app:{ns}:")
    store.clear()
    assert raw.keys() in ([], [b"app:namespaces"])


def test_a_lowered_limit_is_reached_in_short_steps(backend, raw, clock):
    """No single script removes more than a batch, and a write waits for one: what it leaves goes with
    the next ones, or with a cleanup, which then does not look for all entries first.
    """
    store, limits = blocking(backend, "ns"), Limits(10)
    keys = [f"k{number}" for number in range(4 * BATCH)]
    store.put([item(key) for key in keys], FREE, clock())
    raw.config_resetstat()
    assert store.put([item("last")], limits, clock()).evicted == tuple(keys[:BATCH])
    assert store.put([item("last")], limits, clock()).evicted == ()
    assert store.put([item("new")], limits, clock()).evicted == tuple(keys[BATCH : 2 * BATCH])
    rule, evicted = CleanupRule(clock(), None, limits), list[str]()
    while not (step := store.cleanup(rule)).did_nothing:
        evicted += step.evicted_keys
    assert evicted == keys[2 * BATCH : -8]
    told = raw.info("commandstats")
    assert (told["cmdstat_evalsha"]["calls"], "cmdstat_zscan" in told) == (3 + 3, False)


def test_what_the_server_dropped_is_forgotten(backend, raw, clock):
    """A value that is gone from the server is a miss, is not listed, and removed by nobody."""
    store = blocking(backend, "ns")
    store.put([item("a", ttl=5, now=clock()), item("b")], FREE, clock())
    raw.delete("app:{ns}:e:a", "app:{ns}:e:b")
    assert store.get("a", clock()) is None
    assert list(store.scan()) == []
    assert store.cleanup(CleanupRule(clock() + 6, None, FREE)) == CleanupStep(dropped=Dropped(1, 1))
    assert store.put([item("b")], FREE, clock(), "present") == Written()
    assert store.put([item("b")], FREE, clock(), "absent") == Written(1)
    assert store.clear().entries == 1


def test_lost_books_are_opened_anew(backend, raw, clock):
    """If the server itself evicted the sizes or the order, limits hold again afterwards."""
    store = blocking(backend, "ns")
    store.put([item(f"k{i}", ttl=5, now=clock()) for i in range(5)], FREE, clock())
    raw.delete("app:{ns}:lru", "app:{ns}:meta")
    store.put([item("new")], Limits(1, 1000), clock())
    assert store.get("new", clock()) is not None
    while not store.cleanup(CleanupRule(clock() + 6, None, FREE)).did_nothing:
        pass
    store.clear()
    backend.compact()
    assert raw.keys() == [b"app:namespaces"]


def test_a_value_of_another_type_is_damaged(backend, raw, clock):
    """Whatever somebody else put under a key of ours, reading it never fails otherwise."""
    store = blocking(backend, "ns")
    store.put([item("a"), item("b")], FREE, clock())
    raw.delete("app:{ns}:e:a")
    raw.rpush("app:{ns}:e:a", "list")
    raw.set("app:{ns}:e:b", "not an envelope")
    for key in "ab":
        with pytest.raises(DamagedEntry):
            store.get(key, clock())
    assert {listed.key: listed.entry for listed in store.scan()} == {"a": None, "b": None}
    assert store.remove(["a", "b"]).entries == 2


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
def test_many_items_that_have_little_in_common_are_written_in_one_transaction(
    backend, raw, clock, eviction
):
    """Each with its own size, expiry and tags, also if it replaces another; but not what is over a limit."""
    store, limits = blocking(backend, "ns"), Limits(max_bytes=100_000, eviction=eviction)
    store.put([item("k0")], limits, clock())  # teaches the server the script
    for size in (100, 200):
        items = [
            item(
                f"k{number}",
                bytes(size + number % 7),
                ttl=(None, 10, 20)[number % 3],
                now=clock(),
                tags=[f"t{number % 2}"],
            )
            for number in range(100)
        ]
        raw.config_resetstat()
        written = store.put([*items, item("large", bytes(200_000))], limits, clock())
        assert (written.stored, written.evicted) == (101, ("large",))
        assert raw.info("commandstats")["cmdstat_exec"]["calls"] == 1
        check_books(raw, "app:{ns}:")
    listed = {info.key: (info.size, info.entry.tags) for info in store.scan() if info.entry}
    assert listed == {one.key: (len(one.data), one.entry.tags) for one in items}
    lifetimes = [raw.ttl(f"app:{{ns}}:e:k{number}") for number in range(3)]
    assert lifetimes[0] == -1
    assert 60 < lifetimes[1] <= 70 < lifetimes[2] <= 80


def test_many_writes_revoke_the_leases_of_their_keys(backend, clock):
    store = blocking(backend, "ns")
    lease, other = store.lease("k7", (), clock()), store.lease("other", (), clock())
    store.put([item(f"k{number}", bytes(100)) for number in range(100)], FREE, clock())
    assert store.put([item("k7")], FREE, clock(), lease).stored == 0
    assert store.put([item("other")], FREE, clock(), other).stored == 1
