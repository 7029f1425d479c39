"""Why lookups miss, counted by reason: the reasons add up to the misses."""

from collections.abc import Callable
from typing import Any

import pytest

from cachectl import Event, EventKind, MissReason
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract


def missed(users: Namespace) -> dict[str, int]:
    """Return the reasons for which lookups missed, and how often each did."""
    figures = users.stats()
    assert sum(figures.missed.values()) == figures.misses
    return {reason: count for reason, count in figures.missed.items() if count}


class MissesContract(Contract):
    """Says of each miss why it is one, as far as the process knows."""

    @pytest.fixture
    def space(self, cache: Cache) -> Namespace:
        return cache.namespace("users", ttl=100.0)

    def test_what_was_never_stored_is_absent(self, space: Namespace) -> None:
        for _ in range(3):
            space.get("k")
        assert missed(space) == {"absent": 3}

    def test_what_has_expired_is_expired_also_once_it_is_removed(
        self, cache: Cache, space: Namespace, clock: Clock
    ) -> None:
        for key in "abc":
            space.set(key, key)
        clock.advance(100)
        space.get("a")
        space.get("a")
        cache.cleanup()
        space.get("b")
        space.set("c", "again")
        space.get("c")
        assert missed(space) == {"expired": 3}

    @pytest.mark.parametrize("limit", [{"max_entries": 2}, {"max_bytes": 400}])
    def test_what_a_limit_removed_is_evicted_until_it_is_stored_again(
        self, cache: Cache, limit: dict[str, Any]
    ) -> None:
        users = cache.namespace("users", **limit)
        for key in "abc":
            users.set(key, "x" * 150)
        users.get("a")
        users.get("a")
        users.set("a", "x" * 150)
        users.get("a")
        users.get("d")
        assert missed(users) == {"evicted": 2, "absent": 1}

    def test_what_a_cleanup_evicted_is_evicted(self, cache: Cache, space: Namespace) -> None:
        for key in "abc":
            space.set(key, key)
        cache.cleanup("users", max_entries=1)
        for key in "abc":
            space.get(key)
        assert missed(space) == {"evicted": 2}

    @pytest.mark.parametrize("policy", [{}, {"max_entries": 10}], ids=["no limit", "limit"])
    @pytest.mark.parametrize("how", ["delete", "delete_many", "clear", "invalidate"])
    def test_what_someone_removed_is_invalidated(
        self, cache: Cache, how: str, policy: dict[str, Any]
    ) -> None:
        users = cache.namespace("users", **policy)
        users.set_many([Write("a", 1, tags=("t",)), Write("b", 2, tags=("t",))])
        removals: dict[str, Callable[[], object]] = {
            "delete": lambda: [users.delete("a"), users.delete("b")],
            "delete_many": lambda: users.delete_many(["a", "b"]),
            "clear": users.clear,
            "invalidate": lambda: users.invalidate(tag="t"),
        }
        removals[how]()
        for key in "abc":
            users.get(key)
        assert missed(users) == {"invalidated": 2, "absent": 1}

    @pytest.mark.parametrize("how", ["delete_many", "clear", "invalidate"])
    def test_what_was_gone_before_a_removal_went_otherwise(self, cache: Cache, how: str) -> None:
        users = cache.namespace("users", max_entries=2)
        for key in "abc":
            users.set(key, key, tags=("t",))
        removals: dict[str, Callable[[], object]] = {
            "delete_many": lambda: users.delete_many(list("abcd")),
            "clear": users.clear,
            "invalidate": lambda: users.invalidate(tag="t"),
        }
        removals[how]()
        for key in "abcd":
            users.get(key)
        assert missed(users) == {"evicted": 1, "invalidated": 2, "absent": 1}

    def test_a_load_counts_for_what_its_lookup_found(self, space: Namespace, clock: Clock) -> None:
        space.get_or_load("k", lambda: 1)
        clock.advance(100)
        space.get_or_load("k", lambda: 2)
        space.delete("k")
        space.get_or_load("k", lambda: 3)
        assert missed(space) == {"absent": 1, "expired": 1, "invalidated": 1}

    def test_a_bypass_is_a_miss_of_its_own(self, space: Namespace) -> None:
        space.set("k", 1)
        for _ in range(2):
            space.get_or_load("k", lambda: 2, bypass=True)
        assert space.get("k") == 2
        assert missed(space) == {"bypassed": 2}

    def test_a_key_that_was_stored_again_is_missed_for_what_came_last(
        self, space: Namespace, clock: Clock
    ) -> None:
        space.set("k", 1)
        space.delete("k")
        space.set("k", 2, ttl=5)
        clock.advance(5)
        space.get("k")
        assert missed(space) == {"expired": 1}

    def test_listeners_are_told_the_reason_that_is_counted(
        self, cache: Cache, space: Namespace
    ) -> None:
        events: list[Event] = []
        space.set("k", 1)
        space.delete("k")
        end = cache.observe(events.append)
        space.get("k")
        space.get("other")
        space.get_or_load("k", lambda: 2, bypass=True)
        end()
        told = [event.reason for event in events if event.kind is EventKind.MISS]
        assert told == [MissReason.INVALIDATED, MissReason.ABSENT, MissReason.BYPASSED]

    def test_the_reasons_of_a_window_add_up_as_well(
        self, cache: Cache, space: Namespace, clock: Clock
    ) -> None:
        space.set("k", 1)
        space.get("absent")
        cache.flush()
        clock.advance(7200)
        space.get("k")
        space.get("other")
        figures = cache.stats(since="1h")
        assert figures.namespaces["users"].missed["expired"] == 1
        assert (figures.totals.misses, sum(figures.totals.missed.values())) == (2, 2)
        assert sum(cache.stats().totals.missed.values()) == 3
