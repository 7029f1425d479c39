"""What every backend counts: exactly, over windows, and in agreement with what it lists."""

import pytest

from cachectl._engine.cache import Cache
from cachectl._metrics.counters import SUMMED, Batch, Counts
from cachectl._metrics.windows import RINGS, Ring, Window
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.lookups import found

DAY = 86_400


class CountersContract(Contract):
    """Counts exactly, over windows, and in agreement with what is listed."""

    def test_every_lookup_write_and_removal_is_counted(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users", max_entries=3, ttl=100.0)
        for key in "abcd":
            users.set(key, key, cost=0.25)  # one eviction
        for key in "abc":
            users.get(key)  # one miss, two hits
        users.delete("c")
        clock.advance(100)
        users.get("b")  # one miss, one expired
        figures = cache.stats().namespaces["users"]
        assert (figures.sets, figures.evictions, figures.hits, figures.misses) == (4, 1, 2, 2)
        assert (figures.invalidated, figures.expired, figures.errors) == (1, 1, 0)
        assert figures.saved_cost == 0.5
        assert figures.last_hit_at == clock() - 100
        assert figures.hit_rate == 0.5

    def test_money_is_added_up_without_losing_a_micro_dollar(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("k", 1, cost=0.1)
        users.set("tiny", 1, cost="0.000001")
        for _ in range(10):
            users.get("k")
        for _ in range(3):
            users.get("tiny")
        assert cache.stats().namespaces["users"].saved_cost == 1.000003

    def test_what_costs_less_than_a_micro_dollar_is_added_up_as_exactly(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("token", 1, cost="0.00000006")
        users.set("mixed", 1, cost="0.0000015")
        for _ in range(50):
            users.get("token")
        for _ in range(3):
            users.get("mixed")
        assert cache.stats().namespaces["users"].saved_cost == 0.0000075
        assert cache.stats().totals.saved_cost == 0.0000075
        assert found(users.peek("token")).dollars == 0.00000006

    def test_seconds_saved_are_those_that_the_load_took(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.get_or_load("k", lambda: sum(range(200_000)))
        took = found(users.peek("k")).load_us
        assert took > 0
        for _ in range(3):
            users.get_or_load("k", lambda: None)
        figures = cache.stats().namespaces["users"]
        assert figures.saved_seconds == pytest.approx(3 * took / 1e6)
        assert (figures.hits, figures.misses, figures.sets) == (3, 1, 1)

    def test_seconds_saved_may_be_told_when_a_value_is_stored(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("k", 1, load_seconds=2.5)
        users.set("k", 1, load_seconds=1.5, xx=True)
        users.get("k")
        users.get("k")
        assert cache.stats().namespaces["users"].saved_seconds == 3.0

    def test_a_rate_without_lookups_is_unknown(self, cache: Cache) -> None:
        cache.namespace("users").set("k", 1)
        figures = cache.stats()
        assert figures.namespaces["users"].hit_rate is None
        assert figures.totals.hit_rate is None

    def test_a_window_ends_now_also_if_the_clock_was_set_back(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users")
        clock.advance(1800)
        users.get("ahead")
        cache.flush()
        clock.advance(-1800)
        users.get("now")
        cache.flush()
        for since, misses in (("15m", 1), ("1d", 1), (None, 2)):
            assert cache.stats(since=since).namespaces["users"].misses == misses

    @pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"{ring.span}s")
    def test_a_window_holds_what_was_counted_within_it(
        self, cache: Cache, clock: Clock, ring: Ring
    ) -> None:
        users = cache.namespace("users")
        clock.now = 20_000 * float(DAY)
        users.get("before")
        cache.flush()
        clock.advance(ring.span + ring.width)
        for _ in range(4):
            users.get("within")
            cache.flush()
            clock.advance(ring.span // 4)
        clock.advance(-1)
        figures = cache.stats(since=float(ring.span))
        assert figures.namespaces["users"].misses == 4
        start = found(figures.window.start)
        assert start <= clock() - ring.span < start + ring.width
        assert cache.stats().namespaces["users"].misses == 5

    def test_windows_of_different_lengths_agree_with_the_clock(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users")
        clock.now = 20_000 * float(DAY)
        for hours in (0, 1, 5, 30, 24 * 20):
            now = clock.now
            clock.now = now - hours * 3600
            users.get("k")
            cache.flush()
            clock.now = now
        counted = [
            cache.stats(since=since).totals.misses for since in ("30m", "2h", "6h", "3d", "30d")
        ]
        assert counted == [1, 2, 3, 4, 5]

    def test_every_counter_is_kept_and_last_hit_is_the_latest(self, cache: Cache) -> None:
        counters = cache._core.backend.counters
        moved = Counts(**{name: at for at, name in enumerate(SUMMED, 1)}, last_hit_us=5_000)
        counters.add(Batch("client", 1, 1_000_000.0, {"users": moved}))
        earlier = Counts(**dict.fromkeys(SUMMED, 7), last_hit_us=4_000)
        counters.add(Batch("client", 2, 1_000_001.0, {"users": earlier, "other": Counts(hits=1)}))
        kept = counters.read(Window.last(None, 1_000_002.0))
        assert kept["users"] == moved.plus(earlier)
        assert kept["users"].last_hit_us == 5_000
        assert kept["other"] == Counts(hits=1)
        assert counters.read(Window.last(3600, 1_000_002.0))["users"] == moved.plus(earlier)

    def test_large_sums_stay_exact(self, cache: Cache) -> None:
        counters = cache._core.backend.counters
        counters.add(Batch("client", 1, 1_000_000.0, {"users": Counts(saved_us=2**53)}))
        counters.add(Batch("client", 2, 1_000_000.0, {"users": Counts(saved_us=1)}))
        assert counters.read(Window.last(None, 1_000_002.0))["users"].saved_us == 2**53 + 1

    def test_figures_equal_what_is_listed(self, cache: Cache, clock: Clock) -> None:
        for name, count in (("users", 40), ("images", 3)):
            cache.namespace(name).set_many(
                Write(f"k{i}", "x" * i * 30, tags=["t"] * (i % 2)) for i in range(count)
            )
        cache.namespace("images").set("large", b"x" * 2_000_000)
        cache.namespace("users").delete("k7")
        figures = cache.stats()
        for name in ("users", "images"):
            listed = list(cache.namespace(name).entries())
            held = figures.namespaces[name]
            assert (held.entries, held.bytes) == (len(listed), sum(item.size for item in listed))
            assert held.memory_bytes is None or held.memory_bytes > held.bytes * 0.9
        assert figures.totals.entries == 39 + 4
        assert figures.totals.bytes == sum(n.bytes for n in figures.namespaces.values())

    def test_what_is_said_of_some_namespaces_is_what_is_said_of_them_among_all(
        self, cache: Cache
    ) -> None:
        for name in ("users", "images", "empty"):
            cache.namespace(name).set("k", name)
            cache.namespace(name).get("k")
        cache.namespace("empty").delete("k")
        cache.flush()
        for names in (("users",), ("images", "empty"), ("users", "absent")):
            usage, figures = cache.usage(), cache.stats()
            assert cache.usage(*names) == {name: usage[name] for name in names if name in usage}
            some = cache.stats(*names)
            for name in names:
                if name in figures.namespaces:
                    assert some.namespaces[name] == figures.namespaces[name]
            assert list(some.unknown) == [name for name in names if name == "absent"]

    def test_a_namespace_without_metrics_counts_nothing(self, cache: Cache) -> None:
        users = cache.namespace("users", metrics=False)
        users.set("k", 1)
        users.get("k")
        figures = cache.stats().namespaces["users"]
        assert (figures.entries, figures.hits, figures.sets) == (1, 0, 0)

    def test_a_disabled_namespace_keeps_nothing(self, cache: Cache) -> None:
        users = cache.namespace("users", enabled=False)
        assert not users.set("k", 1)
        assert users.get("k", default=0) == 0
        assert [users.get_or_load("k", lambda: 2) for _ in range(2)] == [2, 2]
        assert list(users.entries()) == []
