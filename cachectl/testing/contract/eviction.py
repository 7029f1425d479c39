"""What backends do where entries go by recency and frequency: limits, order, no leaks."""

import threading
from collections.abc import Callable
from random import Random
from typing import Any, Literal

import pytest

from cachectl import MISSING
from cachectl._backends.eviction.lrfu import GHOSTS
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.batches import BATCH
from cachectl._model.outcome import Outcome
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.eviction_stateful import LrfuStatefulContract
from cachectl.testing.opener import Opener
from cachectl.testing.plain_lrfu import PlainCache

WORKERS = 4
LARGE = b"x" * 1_500_000


def ordered(cache: Cache, **policy: Any) -> Namespace:
    return cache.namespace("users", **{"ttl": "none", "eviction": "lrfu", **policy})


def held(cache: Cache) -> set[str]:
    return {listed.key for listed in cache.namespace("users").entries()}


def keys_of(users: Namespace, tag: str | None = None) -> list[str]:
    return [listed.key for listed in users.entries(tag)]


def trace(requests: int, seed: int) -> list[str]:
    """Popular keys as by Zipf's law, and now and then a scan of keys that come only once."""
    chance = Random(seed)
    weights = [1 / rank for rank in range(1, 401)]
    keys: list[str] = []
    while len(keys) < requests:
        keys += map(str, chance.choices(range(400), weights, k=150))
        keys += [f"scan{len(keys) + number}" for number in range(60)]
    return keys[:requests]


def after(seconds: float, clock: Clock, removal: Callable[[], object]) -> None:
    """Do something later."""
    clock.advance(seconds)
    removal()


REMOVALS: dict[str, Callable[[Cache, Namespace, Clock], object]] = {
    "delete": lambda cache, users, clock: [users.delete(key) for key in held(cache)],
    "delete_many": lambda cache, users, clock: users.delete_many(held(cache)),
    "clear": lambda cache, users, clock: users.clear(),
    "invalidate": lambda cache, users, clock: users.invalidate(tag="t"),
    "expire": lambda cache, users, clock: after(60, clock, cache.cleanup),
    "expired get": lambda cache, users, clock: after(
        60, clock, lambda: [users.get(key) for key in held(cache)]
    ),
    "idle": lambda cache, users, clock: after(9, clock, lambda: cache.cleanup(older_than="5s")),
    "limit": lambda cache, users, clock: cache.cleanup(max_entries=0),
}


class LrfuContract(LrfuStatefulContract):
    """Entries go by recency and frequency: limits, order, no leaks."""

    @pytest.mark.parametrize(
        "limits", [{"max_entries": 10}, {"max_bytes": 3000}, {"max_entries": 12, "max_bytes": 3000}]
    )
    def test_limits_hold_after_every_write_and_what_was_written_is_there(
        self, cache: Cache, limits: dict[str, int]
    ) -> None:
        users, chance = ordered(cache, **limits), Random(1)
        most = users.policy.limits
        for number, key in enumerate(trace(250, seed=2)):
            value = f"{number}" * chance.randrange(1, 200)
            if users.get(key) is not MISSING and chance.random() < 0.5:
                continue
            assert users.set(key, value)
            assert users.get(key) == value
            usage = cache.usage()["users"]
            assert not most.exceeded(usage.entries, usage.bytes)
        assert len(held(cache)) == cache.usage()["users"].entries > 4

    def test_limits_hold_for_many_at_once_and_the_last_one_stays(
        self, opener: Opener, cache: Cache
    ) -> None:
        users = ordered(cache, max_entries=10)
        many = 2 * BATCH + 3
        assert users.set_many({f"{i}": i for i in range(many)}) == [Outcome.STORED] * many
        figures = cache.stats().namespaces["users"]
        assert (figures.sets, figures.evictions, figures.entries) == (many, many - 10, 10)
        assert users.get(f"{many - 1}") == many - 1
        assert sum(self.segment_sizes(opener, cache, "users")[:2]) == 10

    def test_what_was_written_once_goes_oldest_first_from_the_first_write_on(
        self, cache: Cache
    ) -> None:
        users = ordered(cache, max_entries=3)
        for number, key in enumerate("abcdefg"):
            users.set(key, number)
            assert held(cache) == set("abcdefg"[max(0, number - 2) : number + 1])

    @pytest.mark.parametrize(("eviction", "least", "most"), [("lrfu", 20, 20), ("lru", 0, 0)])
    def test_a_scan_flushes_what_is_used_often_from_lru_alone(
        self, cache: Cache, eviction: str, least: int, most: int
    ) -> None:
        users = ordered(cache, max_entries=50, eviction=eviction)
        popular = {f"popular{number}" for number in range(20)}
        for number in range(100):
            for key in popular if number % 10 == 0 else ():
                if users.get(key) is MISSING:
                    users.set(key, key)
            users.set(f"once{number}", number)
        for number in range(500):
            users.set(f"scan{number}", number)
        assert least <= len(popular & held(cache)) <= most

    def test_every_backend_hits_as_the_algorithm_alone_does(
        self, opener: Opener, cache: Cache
    ) -> None:
        users, plain = ordered(cache, max_entries=100), PlainCache(100)
        keys = trace(3000, seed=3)
        hits = expected = 0
        for key in keys:
            if users.get(key) is MISSING:
                users.set(key, key)
            else:
                hits += 1
            if plain.get(key):
                expected += 1
            else:
                plain.set(key)
        assert 0.3 < expected / len(keys) < 0.6
        assert hits / len(keys) == pytest.approx(expected / len(keys), abs=0.005)
        assert self.segment_sizes(opener, cache, "users") == pytest.approx(
            plain.index.sizes(), abs=20
        )

    def test_a_listing_is_in_the_order_in_which_a_limit_removes(self, cache: Cache) -> None:
        users = ordered(cache, max_entries=400)
        for key in trace(2500, seed=6):
            if users.get(key) is MISSING:
                users.set(key, key, tags=["t"] if len(key) % 2 else [])
        cache.flush()
        order, tagged = keys_of(users), keys_of(users, "t")
        assert tagged == [key for key in order if len(key) % 2]
        assert len(order) == 400
        for most in (399, 250, 40, 1):
            cache.cleanup("users", max_entries=most)
            assert set(keys_of(users)) == set(order[-most:])

    @pytest.mark.parametrize(("last", "other"), [("lrfu", "lru"), ("lru", "lrfu")])
    def test_what_a_namespace_was_last_written_with_decides_until_it_is_written(
        self, cache: Cache, last: Literal["lru", "lrfu"], other: Literal["lru", "lrfu"]
    ) -> None:
        users = ordered(cache, max_entries=30)
        for key in trace(600, seed=7):
            if users.get(key) is MISSING:
                users.set(key, key)
        cache.namespace("users", eviction=last).set("new", 1)
        before = keys_of(users)
        users = cache.namespace("users", eviction=other)
        assert keys_of(users) == before
        plan = cache.plan_cleanup(max_entries=12)
        foretold = plan.dry_run(["users"])
        assert plan.run(["users"]) == foretold
        assert set(keys_of(users)) == set(before[-12:])
        users.set("newer", 1)
        assert len(keys_of(users)) == 13

    @pytest.mark.parametrize("tag", [None, "t"])
    def test_a_listing_by_rank_visits_each_once_whatever_is_read_and_written_meanwhile(
        self, cache: Cache, tag: str | None
    ) -> None:
        users, keys = ordered(cache), [f"{number:04}" for number in range(2 * BATCH + 1)]
        users.set_many(Write(key, 1, tags=["t"]) for key in keys)
        for key in keys[::3]:
            users.get(key)
        cache.flush()
        for number in range(BATCH):  # which lets many leave the window
            users.set(f"{number:04}", 2, tags=["t"])
        seen: list[str] = []
        for listed in users.entries(tag):
            seen.append(listed.key)
            assert len(seen) <= 2 * len(keys)
            users.get(listed.key)
            if len(seen) % (BATCH // 2) == 1:
                users.set(keys[-len(seen) // 2], 3, tags=["t"])
                users.set(f"new{len(seen)}", 3)
                for key in keys[:: len(seen) % 7 + 1]:
                    users.get(key)
                cache.flush()
        assert sorted(key for key in seen if not key.startswith("new")) == keys

    @pytest.mark.parametrize("removal", REMOVALS)
    def test_removing_everything_leaves_no_place_of_what_was_held(
        self, opener: Opener, cache: Cache, clock: Clock, removal: str
    ) -> None:
        users = ordered(cache, max_entries=30)
        for key in trace(200, seed=4):
            if users.get(key) is MISSING:
                users.set(key, key, tags=["t"], ttl=60)
        assert sum(self.segment_sizes(opener, cache, "users")[:2]) == 30
        REMOVALS[removal](cache, users, clock)
        assert held(cache) == set()
        in_window, in_main, *left = self.segment_sizes(opener, cache, "users")
        assert (in_window, in_main) == (0, 0)
        assert sum(left) <= (0 if removal == "limit" else GHOSTS * 30)
        for number in range(100):
            users.set(f"new{number}", number)
        in_window, in_main, *left = self.segment_sizes(opener, cache, "users")
        assert in_window + in_main == len(held(cache)) == 30
        assert sum(left) <= GHOSTS * 30

    def test_overwriting_and_removing_some_keep_one_place_for_each(
        self, opener: Opener, cache: Cache, clock: Clock
    ) -> None:
        users, chance = ordered(cache, max_entries=40), Random(5)
        for number in range(600):
            key = f"{chance.randrange(80)}"
            tags = [f"t{chance.randrange(5)}"] if number % 3 == 0 else []
            users.set(key, LARGE if number % 100 == 50 else number, tags=tags, ttl=30 + number % 50)
            clock.advance(0.2)
            if number % 20 == 19:
                users.delete(f"{chance.randrange(80)}")
            if number % 50 == 49:
                users.invalidate(tag=f"t{chance.randrange(5)}")
            if number % 25 == 24:
                sizes = self.segment_sizes(opener, cache, "users")
                assert sum(sizes[:2]) == len(held(cache)) == cache.usage()["users"].entries
                assert sum(sizes[2:]) <= GHOSTS * 40

    def test_changing_the_eviction_keeps_every_entry_and_the_limits(
        self, opener: Opener, cache: Cache
    ) -> None:
        users = ordered(cache, max_entries=20, eviction="lru")
        users.set_many(Write(f"{i}", i) for i in range(20))
        users.get("0")
        for eviction in ("lrfu", "lru", "lrfu", "lru"):
            users = ordered(cache, eviction=eviction)
            before = held(cache)
            users.set("0", "again")
            assert held(cache) == before
            assert sum(self.segment_sizes(opener, cache, "users")) == (
                20 if eviction == "lrfu" else 0
            )
            users.set(f"new for {eviction}", 1)
            assert users.get("0") == "again"
            assert len(held(cache)) == cache.usage()["users"].entries == 20
        assert [users.get(key) for key in ("1", "19")] == [MISSING, 19]

    def test_a_lowered_limit_is_held_also_where_what_was_written_first_was_too_large(
        self, cache: Cache
    ) -> None:
        users = ordered(cache, eviction="lru")
        users.set("a", "x" * 100)
        users.set("b", "x" * 200)
        users = ordered(cache, eviction="lru", max_bytes=250)
        assert not users.set("c", "x" * 300)
        users.set("b", "x" * 90)  # which is less than before
        assert cache.usage()["users"].bytes <= 250

    def test_what_had_no_order_goes_least_recently_used_first(self, cache: Cache) -> None:
        users = ordered(cache, max_entries=4, eviction="lru")
        for key in "abcd":
            users.set(key, key)
        users.get("a")
        ordered(cache).set("e", "e")
        assert held(cache) == {"a", "c", "d", "e"}

    def test_neighbours_with_another_eviction_are_not_touched(
        self, opener: Opener, cache: Cache
    ) -> None:
        users, others = ordered(cache, max_entries=5), cache.namespace("users2", ttl="none")
        same = cache.namespace("users.", ttl="none", eviction="lrfu", max_entries=5)
        for number in range(30):
            for namespace in (users, others, same):
                namespace.set(f"{number}", number)
        users.clear()
        assert [len(list(one.entries())) for one in (users, others, same)] == [0, 30, 5]
        assert sum(self.segment_sizes(opener, cache, "users.")) == 5 + GHOSTS * 5

    def test_cleanup_holds_lowered_limits_and_the_history_follows(
        self, opener: Opener, cache: Cache
    ) -> None:
        users = ordered(cache)
        users.set_many(Write(f"{i}", "x" * 100) for i in range(1200))
        users.get("0")
        report = cache.cleanup(max_entries=10)
        assert report.evicted["users"].entries == 1190
        assert len(held(cache)) == cache.usage()["users"].entries == 10
        users = ordered(cache, max_entries=10)
        users.set_many(Write(f"new{i}", i) for i in range(1300))
        assert len(held(cache)) == 10
        assert sum(self.segment_sizes(opener, cache, "users")) <= 10 + GHOSTS * 10

    def test_threads_that_write_at_once_keep_the_limits(self, opener: Opener, cache: Cache) -> None:
        users = ordered(cache, max_entries=30)
        wrong: list[object] = []

        def work(seed: int) -> None:
            chance = Random(seed)
            for number in range(150):
                key = f"{int(90 * chance.random() ** 2)}"
                found = users.get(key)
                if found is MISSING:
                    users.set(key, key * 10)
                elif found != key * 10:
                    wrong.append(found)
                if number % 50 == 49:
                    users.delete(key)
                if number % 10 == 0 and cache.usage()["users"].entries > 30:
                    wrong.append("too many")

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        figures = cache.stats().namespaces["users"]
        assert figures.hits + figures.misses == WORKERS * 150
        assert (
            sum(self.segment_sizes(opener, cache, "users")[:2])
            == figures.entries
            == len(held(cache))
        )
