"""What is special to Redis; the contract that all backends keep is in `test_contract.py`."""

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from redis.crc import key_slot

from cachectl._backends.redis.backend import RedisBackend
from cachectl._metrics.counters import Batch, Counts
from cachectl._metrics.windows import RINGS, Window
from cachectl._model.batches import BATCH
from cachectl._model.entry import NEVER, Entry
from cachectl._model.envelope import pack
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, Item, Removed, Usage, Written
from cachectl.errors import BackendBusy, DamagedEntry
from tests.conftest import Clock
from tests.support.servers import Server, free_port, redis_server

FREE = Limits()


def item(key, payload=b"value", *, now=0.0, ttl=None, tags=(), namespace="ns") -> Item:
    entry = Entry(None, 3, now, NEVER if ttl is None else now + ttl, 0, 0, tuple(tags), 0)
    return Item(key, entry, pack(namespace, key, entry, payload), 0)


@pytest.fixture
def backend(redis_url: str) -> Iterator[RedisBackend]:
    opened = RedisBackend(url=redis_url, prefix="app")
    yield opened
    opened.close()


@pytest.fixture
def raw(redis_server: Server, redis_url: str):
    with redis_server.client() as client:
        yield client


def reads(raw) -> int:
    """Requests the server has read so far, this one included: commands of a script are none."""
    return int(raw.info("stats")["total_reads_processed"])


def round_trips(raw, operation) -> int:
    before = reads(raw)
    operation()
    return reads(raw) - before - 1


def test_get_and_put_are_one_round_trip_each(backend, raw, clock):
    """Also a put that hands over uses, drops what expired and evicts."""
    store = backend.store("ns")
    store.put([item("a", ttl=1, now=clock()), item("b"), item("c")], Limits(2), clock())
    clock.advance(2)
    assert round_trips(raw, lambda: store.get("c", clock())) == 1
    assert round_trips(raw, lambda: store.put([item("d")], Limits(1), clock())) == 1
    assert round_trips(raw, lambda: store.put([item("e"), item("f")], Limits(1), clock())) == 1
    assert [listed.key for listed in store.scan()] == ["f"]


def commands(raw, operation) -> int:
    """How many commands the server runs for an operation, those of its scripts included."""
    raw.config_resetstat()
    operation()
    return sum(stats["calls"] for stats in raw.info("commandstats").values()) - 1


def test_a_put_runs_few_commands(backend, raw, clock):
    """And little more of them for many items: each one costs the server's time."""
    store, limits = backend.store("ns"), Limits(1000, 10**6)

    def put(*keys: str) -> Callable[[], object]:
        items = [item(key, ttl=9, now=clock()) for key in keys]
        return lambda: store.put(items, limits, clock())

    put("first")()
    assert commands(raw, put("a")) <= 10
    assert commands(raw, put("a")) <= 8
    assert commands(raw, put(*(f"k{i}" for i in range(50)))) <= 50 + 9


def test_what_expired_goes_before_what_is_fresh(backend, clock):
    """Also if the last look at what expired is a moment ago."""
    store = backend.store("ns")
    store.put([item("a"), item("b", ttl=0.5, now=clock())], Limits(2), clock())
    clock.advance(0.6)
    assert store.put([item("c")], Limits(2), clock()) == Written(1, 1)
    assert [listed.key for listed in store.scan()] == ["a", "c"]


def test_writing_looks_for_what_expired_once_a_second(backend, clock):
    """A process that replaces the same entries for ever removes the others nevertheless."""
    store = backend.store("ns")
    store.put([item("a"), *(item(f"k{i}", ttl=0.1, now=clock()) for i in range(5))], FREE, clock())
    clock.advance(0.5)
    assert store.put([item("a")], FREE, clock()) == Written(1)
    clock.advance(0.5)
    assert store.put([item("a")], FREE, clock()) == Written(1, 5)


@pytest.mark.parametrize(("condition", "kept"), [(None, b"2"), ("absent", b"1")])
def test_a_key_that_is_written_twice_at_once_counts_once(backend, raw, clock, condition, kept):
    """With its own size, tags and lifetime."""
    store = backend.store("ns")
    twice = [item("a", b"1", ttl=9, now=clock(), tags=["t"]), item("b"), item("a", b"2")]
    store.put(twice, FREE, clock(), condition)
    check_books(raw, "app:{ns}:")
    entry = store.get("a", clock())
    assert entry is not None
    assert bytes(entry.value) == kept


def test_lost_tags_come_back_with_the_next_write(backend, raw, clock):
    """Although the entry itself is as it was."""
    store = backend.store("ns")
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
    backend.store("ns").put([item("a", ttl=30, now=clock()), item("b")], FREE, clock())
    assert 85_000 < raw.pttl("app:{ns}:e:a") <= 90_000
    assert raw.pttl("app:{ns}:e:b") == -1


@pytest.mark.parametrize("size", [10, 100_000])
def test_large_values_keep_the_same_books_as_small_ones(backend, raw, clock, size):
    """They are set beside the script, in one transaction with it, also if it is not known."""
    store = backend.store("ns")
    raw.script_flush()
    items = [item(f"k{i}", bytes(size), ttl=9, now=clock(), tags=["t"]) for i in range(3)]
    assert store.put(items, Limits(2), clock()) == Written(3, 0, ("k0",))
    stored = len(items[0].data)
    assert raw.strlen("app:{ns}:e:k2") == stored
    assert 0 < raw.pttl("app:{ns}:e:k2") <= 69_000
    assert [(listed.key, listed.size) for listed in store.scan("t")] == [
        ("k1", stored),
        ("k2", stored),
    ]
    assert store.clear() == Removed(2, 2 * stored)


def check_books(raw, base: str) -> None:
    """Every key of the bookkeeping tells the same story."""
    lru = set(raw.zrange(f"{base}lru", 0, -1))
    meta = {key: told.split(b"\0") for key, told in raw.hgetall(f"{base}meta").items()}
    sizes = {key: int(size) for key, (size, *_) in meta.items()}
    assert set(sizes) == lru
    assert set(raw.zrange(f"{base}exp", 0, -1)) <= lru
    assert {key.removeprefix(f"{base}e:".encode()) for key in raw.keys(f"{base}e:*")} == lru
    assert all(raw.strlen(f"{base}e:".encode() + key) == size for key, size in sizes.items())
    assert int(raw.hget(f"{base}sum", "bytes") or 0) == sum(sizes.values())
    assert set(raw.zrange(f"{base}tag", 0, -1)) == {
        tag + b"\0" + key for key, (_, *tags) in meta.items() for tag in tags
    }


@pytest.mark.parametrize("seed", range(6))
def test_no_operation_leaks_bookkeeping(backend, raw, clock, seed):
    """Random operations keep the books straight, and clearing leaves no key but the names."""
    chance, store, keys = random.Random(seed), backend.store("ns"), [f"k{i}" for i in range(30)]

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
    """No single script removes more than a batch, however many there are to go."""
    store = backend.store("ns")
    store.put([item(f"k{i}") for i in range(4 * BATCH)], FREE, clock())
    raw.config_resetstat()
    assert store.put([item("last")], Limits(10), clock()).evicted == tuple(
        f"k{i}" for i in range(4 * BATCH - 9)
    )
    assert raw.info("commandstats")["cmdstat_evalsha"]["calls"] >= 4
    assert raw.zcard("app:{ns}:lru") == 10


def test_what_the_server_dropped_is_forgotten(backend, raw, clock):
    """A value that ran out on the server is a miss, is not listed, and goes with the next sweep."""
    store = backend.store("ns")
    store.put([item("a", ttl=5, now=clock()), item("b")], FREE, clock())
    raw.delete("app:{ns}:e:a", "app:{ns}:e:b")
    assert store.get("a", clock()) is None
    assert list(store.scan()) == []
    assert store.cleanup(CleanupRule(clock() + 6, None, FREE)).expired.entries == 1
    assert store.put([item("b")], FREE, clock(), "present") == Written()
    assert store.put([item("b")], FREE, clock(), "absent") == Written(1)
    assert store.clear().entries == 1


def test_lost_books_are_opened_anew(backend, raw, clock):
    """If the server itself evicted the sizes or the order, limits hold again afterwards."""
    store = backend.store("ns")
    store.put([item(f"k{i}", ttl=5, now=clock()) for i in range(5)], FREE, clock())
    raw.delete("app:{ns}:lru", "app:{ns}:meta")
    store.put([item("new")], Limits(1, 1000), clock())
    assert store.get("new", clock()) is not None
    while store.cleanup(CleanupRule(clock() + 6, None, FREE))[:2] != ((0, 0), (0, 0)):
        pass
    store.clear()
    assert raw.keys() == [b"app:namespaces"]


def test_a_value_of_another_type_is_damaged(backend, raw, clock):
    """Whatever somebody else put under a key of ours, reading it never fails otherwise."""
    store = backend.store("ns")
    store.put([item("a"), item("b")], FREE, clock())
    raw.delete("app:{ns}:e:a")
    raw.rpush("app:{ns}:e:a", "list")
    raw.set("app:{ns}:e:b", "not an envelope")
    for key in "ab":
        with pytest.raises(DamagedEntry):
            store.get(key, clock())
    assert {listed.key: listed.entry for listed in store.scan()} == {"a": None, "b": None}
    assert store.remove(["a", "b"]).entries == 2


def test_a_scan_sees_all_that_stays_even_if_it_is_used_meanwhile(backend, clock):
    """What moves to the end of the order is seen once, wherever the scan was."""
    store = backend.store("ns")
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
        other.store("ns").put(items, FREE, clock())
        other.close()
    listed = list(backend.store("ns").scan())
    assert len({entry.key for entry in listed}) == len(listed) == 3 * BATCH
    assert all(one.used_at <= two.used_at for one, two in pairwise(listed))


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
        store = backend.store("ns")
        store.put([item("a", ttl=1, tags=["t"]), item("b"), item("c", bytes(50_000))], FREE, 0)
        store.put([item("d")], Limits(2), 5)
        assert [listed.key for listed in store.scan()] == ["c", "d"]
        assert store.remove(["c"]).entries == 1
        assert store.remove_tagged("t") == Removed()
        assert backend.usage()["ns"].entries == 1
        backend.counters.add(Batch("me", 1, clock(), {"ns": Counts(hits=1)}))
        assert backend.counters.read(Window.last(60, clock()))["ns"].hits == 1
        assert store.clear().entries == 1
        backend.close()


def test_counters_are_added_exactly_once(backend, raw, clock):
    """A batch that is sent again after a lost reply changes nothing; another client's does."""
    counts = {"ns": Counts(hits=3, last_hit_us=50), "other": Counts(misses=1)}
    for client, sequence in [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("a", 1)]:
        backend.counters.add(Batch(client, sequence, clock(), counts))
    read = backend.counters.read(Window(None, None, clock()))
    assert read == {"ns": Counts(hits=9, last_hit_us=50), "other": Counts(misses=3)}
    assert 0 < raw.ttl("app:{ns}:seen:a") <= 86_400


def test_counter_buckets_end_with_their_ring(backend, raw, clock):
    """Buckets expire on the server a bucket after their ring has moved on; totals never do."""
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}))
    for ring in RINGS:
        left = raw.ttl(f"app:{{ns}}:c:{ring.width}:{ring.bucket(clock())}")
        assert ring.span < left <= ring.span + ring.width
    assert raw.ttl("app:{ns}:c") == -1


def test_clear_leaves_everything_else(backend, raw, clock):
    """Neighbours under the same prefix, and counters, are not the namespace's entries."""
    foreign = {
        "app": "1",
        "app:x": "2",
        "app:{ns}": "3",
        "app:{ns}x:e:a": "4",
        "other:{ns}:e:a": "5",
    }
    raw.mset(foreign)
    backend.store("ns").put([item("a")], FREE, clock())
    backend.store("ns2").put([item("a", namespace="ns2")], FREE, clock())
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}))
    backend.store("ns").clear()
    assert raw.mget(foreign) == [value.encode() for value in foreign.values()]
    assert raw.exists("app:{ns2}:e:a", "app:{ns}:c") == 2


def test_a_lock_is_one_holders_and_is_given_back(backend, raw, redis_url):
    """It has a lease, in case its holder dies, and an expired one is not another's to end."""
    other = RedisBackend(url=redis_url, prefix="app")
    with backend.lock("cleanup"):
        assert 25_000 < raw.pttl("app:lock:cleanup") <= 30_000
        with pytest.raises(BackendBusy, match="cleanup"), other.lock("cleanup"):
            pass
        raw.delete("app:lock:cleanup")
        with other.lock("cleanup"):
            held = raw.get("app:lock:cleanup")
        raw.set("app:lock:cleanup", held)
    assert raw.get("app:lock:cleanup") == held
    other.close()


def memory_used(raw) -> int:
    """Bytes the server uses for data: without buffers of clients, once all is really freed."""
    while raw.info("memory")["lazyfree_pending_objects"]:
        pass
    memory = raw.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"])


@pytest.mark.parametrize("ttl", [3600, None])
@pytest.mark.parametrize(
    ("entries", "payload"),
    [(2000, b'{"genre":"house","tempo":120.04}'), (2000, bytes(2048)), (60, bytes(3_000_000))],
    ids=["small JSON", "2 KB vectors", "3 MB images"],
)
def test_memory_bytes_is_within_15_percent(backend, raw, entries, payload, ttl):
    """`memory_bytes` is compared with what the server's memory grew by."""
    store = backend.store("ns")
    store.put([item("warm-up")], FREE, 0)
    store.clear()
    before = memory_used(raw)
    for number in range(entries):
        store.put([item(f"{number:032x}", payload, ttl=ttl)], FREE, 0)
    grown = memory_used(raw) - before
    usage: Usage = backend.usage()["ns"]
    assert usage.entries == entries
    assert usage.memory_bytes == pytest.approx(grown, rel=0.15)


def test_usage_takes_two_round_trips_and_no_longer_for_more_entries(backend, raw, clock):
    """However many namespaces and entries there are."""
    for name in ("a", "b", "c"):
        backend.store(name).put([item(f"k{i}", namespace=name) for i in range(1000)], FREE, clock())
    backend.usage()
    raw.config_resetstat()
    assert round_trips(raw, backend.usage) == 2
    assert raw.info("commandstats")["cmdstat_memory|usage"]["calls"] < 3 * 30


def test_the_clock_fixture_is_told_the_time(clock: Clock):
    """It moves only when it is asked to."""
    then = clock()
    clock.advance(1.5)
    assert clock() == then + 1.5
