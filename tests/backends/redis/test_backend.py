"""The Redis backend as a whole: what it touches, locks and measures."""

import pytest
from redis.crc import key_slot

from cachectl._backends.redis.backend import RedisBackend
from cachectl._metrics.counters import Batch, Counts
from cachectl._metrics.windows import Window
from cachectl._model.policy import Limits
from cachectl._model.records import Removed, Usage
from cachectl.errors import BackendBusy
from cachectl.testing import Clock
from tests.backends.redis.blocking import blocking
from tests.backends.redis.commands import round_trips
from tests.backends.redis.items import FREE, item
from tests.backends.redis.memory import memory_used
from tests.support.servers import free_port, redis_server


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


def test_a_place_is_server_database_and_prefix_and_holds_no_secret():
    """Whoever logs in; so loads are told of what another cache of this process changes."""

    def place(url: str, prefix: str = "app") -> str:
        return RedisBackend(url=url, prefix=prefix).place

    assert place("redis://me:hunter2@h/1") == place("rediss://:other@h:6379/1")
    assert "hunter2" not in place("redis://me:hunter2@h/1")
    different = {place("redis://h"), place("redis://h/1"), place("redis://h:1"), place("unix:///h")}
    assert len(different | {place("redis://h", "other")}) == 5


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
    blocking(backend, "ns").put([item("a")], FREE, clock())
    blocking(backend, "ns2").put([item("a", namespace="ns2")], FREE, clock())
    backend.counters.add(Batch("a", 1, clock(), {"ns": Counts(hits=1)}))
    blocking(backend, "ns").clear()
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


@pytest.mark.parametrize("ttl", [3600, None])
@pytest.mark.parametrize(
    ("entries", "payload"),
    [(2000, b'{"genre":"house","tempo":120.04}'), (2000, bytes(2048)), (60, bytes(3_000_000))],
    ids=["small JSON", "2 KB vectors", "3 MB images"],
)
def test_memory_bytes_is_within_15_percent(backend, raw, entries, payload, ttl):
    """`memory_bytes` is compared with what the server's memory grew by."""
    store = blocking(backend, "ns")
    store.put([item("warm-up")], FREE, 0)
    store.clear()
    before = memory_used(raw)
    for number in range(entries):
        store.put([item(f"{number:032x}", payload, ttl=ttl)], FREE, 0)
    grown = memory_used(raw) - before
    usage: Usage = backend.usage()["ns"]
    assert usage.entries == entries
    assert usage.memory_bytes == pytest.approx(grown, rel=0.15)


def test_usage_takes_three_round_trips_and_no_longer_for_more_entries(backend, raw, clock):
    """However many namespaces and entries there are."""
    for name in ("a", "b", "c"):
        blocking(backend, name).put(
            [item(f"k{i}", namespace=name) for i in range(1000)], FREE, clock()
        )
    backend.usage()
    raw.config_resetstat()
    assert round_trips(raw, backend.usage) == 3
    assert raw.info("commandstats")["cmdstat_memory|usage"]["calls"] < 3 * 50


def test_the_clock_fixture_is_told_the_time(clock: Clock):
    """It moves only when it is asked to."""
    then = clock()
    clock.advance(1.5)
    assert clock() == then + 1.5
