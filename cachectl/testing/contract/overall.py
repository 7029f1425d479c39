"""Limits over all namespaces together: the least recently used of any namespace goes."""

import pytest

from cachectl._engine.cache import Cache
from cachectl._metrics.events import Event, EventKind
from cachectl._model.policy import Eviction
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.opener import Opener


def held(cache: Cache, *names: str) -> dict[str, set[str]]:
    return {name: {listed.key for listed in cache.namespace(name).entries()} for name in names}


def fill(cache: Cache, clock: Clock, keys: str) -> None:
    """Store a key in the namespace that is its first letter, one a second."""
    for key in keys.split():
        assert cache.namespace(key[0]).set(key, "x" * 100)
        clock.advance(1)


class OverallContract(Contract):
    """Holds limits over all namespaces."""

    def test_the_least_recently_used_of_any_namespace_goes(
        self, opener: Opener, clock: Clock
    ) -> None:
        """Within a flush, which a cache of an application does once a second; reads count as use."""
        cache = opener(max_entries=5)
        told: list[Event] = []
        cache.observe(told.append)
        fill(cache, clock, "a1 b1 a2 c1 b2 a3 c2 c3")
        cache.namespace("a").get("a1")
        cache.flush()
        assert held(cache, *"abc") == {"a": {"a1", "a3"}, "b": {"b2"}, "c": {"c2", "c3"}}
        assert sorted(event.key for event in told if event.kind is EventKind.EVICTION) == [
            "a2",
            "b1",
            "c1",
        ]
        report = cache.stats()
        assert {name: one.evictions for name, one in report.namespaces.items()} == {
            "a": 1, "b": 1, "c": 1,
        }  # fmt: skip
        totals = report.totals
        assert (totals.entries, totals.max_entries, totals.max_bytes) == (5, 5, None)
        assert cache.stats("a").totals.max_entries is None

    def test_bytes_of_all_namespaces_together_are_limited(
        self, opener: Opener, clock: Clock
    ) -> None:
        size = self._size_of_one(opener, clock)
        cache = opener(max_bytes=3 * size + size // 2)
        fill(cache, clock, "a1 b1 a2 b2 c1")
        cache.flush()
        assert held(cache, *"abc") == {"a": {"a2"}, "b": {"b2"}, "c": {"c1"}}
        assert cache.stats().totals.bytes == 3 * size

    def _size_of_one(self, opener: Opener, clock: Clock) -> int:
        cache = opener()
        fill(cache, clock, "a1")
        size = cache.stats().totals.bytes
        cache.clear()
        return size

    def test_what_has_expired_goes_before_what_is_fresh(self, opener: Opener, clock: Clock) -> None:
        cache = opener(max_entries=3)
        fill(cache, clock, "a1")
        cache.namespace("b", ttl=5).set_many({"b1": 1, "b2": 2})
        fill(cache, clock, "a2")
        clock.advance(10)
        cache.flush()
        report = cache.stats().namespaces
        assert held(cache, *"ab") == {"a": {"a1", "a2"}, "b": set()}
        assert (report["b"].expired, report["a"].evictions + report["b"].evictions) == (2, 0)

    @pytest.mark.parametrize("eviction", ["lru", "lrfu"])
    def test_a_cleanup_is_exact_and_its_dry_run_tells_what_it_removes(
        self, opener: Opener, cache: Cache, clock: Clock, eviction: Eviction
    ) -> None:
        """After what has expired, and is over the limits of its own namespace."""
        if eviction not in cache._core.backend.evictions:
            pytest.skip("it has no such eviction")
        cache = opener(max_entries=300)
        a, b = cache.namespace("a", max_entries=500), cache.namespace("b", eviction=eviction)
        for number in range(400):
            a.set(f"a{number}", number)
            b.set(f"b{number}", number)
            cache.namespace("c", ttl=60 if number < 50 else 7200).set(f"c{number}", number)
            clock.advance(1)
        cache.namespace("a", max_entries=390)
        told = cache.plan_cleanup().dry_run()
        assert cache.stats().totals.entries > 300
        done = cache.plan_cleanup().run()
        assert (told.expired, told.evicted) == (done.expired, done.evicted)
        assert done.finished
        left = held(cache, *"abc")
        assert left == {name: {f"{name}{number}" for number in range(300, 400)} for name in "abc"}
        assert cache.cleanup().removed().entries == 0

    def test_the_cleanup_of_one_namespace_leaves_the_others_alone(
        self, opener: Opener, clock: Clock
    ) -> None:
        cache = opener(max_entries=2)
        fill(cache, clock, "a1 a2 b1 b2")
        assert cache.plan_cleanup().dry_run(["b"]).removed().entries == 0
        assert cache.cleanup("b").removed().entries == 0
        assert cache.cleanup().removed().entries == 2
        assert held(cache, *"ab") == {"a": set(), "b": {"b1", "b2"}}

    def test_without_a_limit_nothing_goes(self, opener: Opener, clock: Clock) -> None:
        cache = opener(max_entries="none")
        fill(cache, clock, "a1 b1")
        cache.flush()
        assert cache.stats().totals.entries == 2
