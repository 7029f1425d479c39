"""What is noted beside the counts: which keys are missed most, and how long things take."""

from time import sleep
from typing import Final

import pytest

from cachectl._engine.cache import Cache
from cachectl._metrics.sketches import KEYS
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.opener import Opener

HOUR: Final = 3600


class Ticking(Clock):
    """A clock that moves on by a millisecond whenever it is asked."""

    def __call__(self) -> float:
        self.advance(0.001)
        return self.now


class DetailsContract(Contract):
    """Names the keys that are missed most, and tells how long lookups and loads take."""

    def test_the_keys_that_are_missed_most_come_first_with_how_often(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("hit", 1)
        for key, times in (("a", 3), ("b", 5), ("c", 1), ("hit", 9), ("d", 3)):
            for _ in range(times):
                users.get(key)
        assert users.top_misses() == [("b", 5), ("a", 3), ("d", 3), ("c", 1)]
        assert [missed.key for missed in users.top_misses(2)] == ["b", "a"]
        details = cache.stats("users", details=True).details
        assert {**details}.keys() == {"users"}
        assert list(details["users"].top_misses) == users.top_misses()

    def test_loads_are_misses_of_their_key_and_bypasses_are_not(self, cache: Cache) -> None:
        users = cache.namespace("users", ttl=None)
        for _ in range(2):
            users.get_or_load("k", lambda: 1)
            users.get_or_load("always", lambda: 1, bypass=True)
        assert users.top_misses() == [("k", 1)]

    def test_keys_of_a_hashed_namespace_stay_hashed(self, cache: Cache) -> None:
        users = cache.namespace("users", keys="hashed")
        users.get("secret")
        users.get_or_load("secret", lambda: 1)
        assert users.top_misses() == [(users.stored_key("secret"), 2)]

    def test_they_are_those_of_a_window(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users")
        clock.now = 20_000 * 24.0 * HOUR
        users.get("before")
        cache.flush()
        clock.advance(5 * HOUR)
        users.get("within")
        report = cache.stats("users", since="1h", details=True)
        assert list(report.details["users"].top_misses) == [("within", 1)]
        assert report.details["users"].since == clock() - HOUR
        assert len(users.top_misses()) == 2
        clock.advance(9 * 24 * HOUR)
        assert users.top_misses() == []

    def test_of_many_keys_those_that_are_missed_most_are_kept_exactly(self, cache: Cache) -> None:
        users = cache.namespace("users")
        expected = [(f"hot {number:02}", 60 - number) for number in range(12)]
        for turn in range(60):
            for key, times in expected:
                if turn < times:
                    users.get(key)
            for number in range(30):
                users.get(f"cold {turn} {number}")
            if turn % 20 == 19:
                cache.flush()
        assert users.top_misses(12) == expected
        assert len(users.top_misses(10_000)) <= KEYS

    def test_a_key_that_comes_late_is_found_among_many_that_came_once(self, cache: Cache) -> None:
        users = cache.namespace("users")
        for turn in range(12):
            for number in range(100):
                users.get(f"{turn} {number}")
            cache.flush()
        for turn in range(12, 24):
            for number in range(100):
                users.get(f"{turn} {number}")
            users.get("zz")
            users.get("zz")
            cache.flush()
        (top,) = users.top_misses(1)
        assert top == ("zz", 24)

    def test_all_loads_are_measured_within_two_percent(self, cache: Cache) -> None:
        users = cache.namespace("users")
        took = []
        for number in range(20):
            users.get_or_load(f"{number}", lambda: sleep(0.003))
            entry = users.peek(f"{number}")
            assert entry is not None
            took.append(entry.load_us / 1e6)
        load = cache.stats("users", details=True).details["users"].latency["load"]
        assert load.measured == 20
        assert load.p50 == pytest.approx(sorted(took)[9], rel=0.021)
        assert load.p99 == pytest.approx(sorted(took)[18], rel=0.021)
        users.get_or_load("0", lambda: 1, bypass=True)
        assert cache.stats("users", details=True).details["users"].latency["load"].measured == 21

    def test_some_hits_and_misses_are_measured(self, opener: Opener) -> None:
        opener._clock = Ticking(20_000 * 24.0 * HOUR)
        cache = opener()
        users = cache.namespace("users", ttl=None)
        users.set("k", 1)
        cache.flush()
        for _ in range(500):
            users.get("k")
            users.get("absent")
        cache.flush()  # 10 of the next thousand are measured
        for _ in range(500):
            users.get("k")
            users.get("absent")
        latency = cache.stats("users", details=True).details["users"].latency
        measured = latency["hit"].measured, latency["miss"].measured
        assert min(measured) >= 5
        assert sum(measured) <= 15
        assert latency["hit"].p50 == pytest.approx(0.001, rel=0.5)
        assert latency["load"] == (None, None, 0)

    def test_a_namespace_without_metrics_notes_nothing(self, cache: Cache) -> None:
        users = cache.namespace("users", metrics=False)
        cache.flush()
        users.get("k")
        users.get_or_load("k", lambda: 1)
        cache.flush()
        details = cache.stats("users", details=True).details["users"]
        assert list(details.top_misses) == []
        assert {each.measured for each in details.latency.values()} == {0}
