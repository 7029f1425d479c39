"""What every backend removes and lists: what was named, and nothing beside it."""

from collections.abc import Callable
from typing import Any

import pytest

from cachectl import MISSING, BackendBusy, UsageError
from cachectl._engine.cache import Cache
from cachectl._model.batches import BATCH
from cachectl._model.records import Removed
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.lookups import found
from cachectl.testing.opener import Opener

NEIGHBOURS = ("users", "usersAbc", "users-2", "user", "users:1", "Users", "users.")


class RemovalContract(Contract):
    """Removes and lists what was named, and nothing beside it."""

    @pytest.mark.parametrize("operation", ["clear", "delete", "invalidate", "cleanup", "evict"])
    def test_removing_touches_only_its_own_namespace(self, cache: Cache, operation: str) -> None:
        for name in NEIGHBOURS:
            cache.namespace(name).set("k", name, tags=["t"])
        users = cache.namespace("users", max_entries=1)
        removing: dict[str, Callable[[], object]] = {
            "clear": users.clear,
            "delete": lambda: users.delete("k"),
            "invalidate": lambda: users.invalidate(tag="t"),
            "cleanup": lambda: cache.cleanup("users", older_than=1e-6, max_entries=0),
            "evict": lambda: users.set("other", 1),
        }
        removing[operation]()
        assert users.get("k") is MISSING
        for name in NEIGHBOURS[1:]:
            assert cache.namespace(name).get("k") == name

    def test_invalidate_removes_what_carries_the_tag(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("a", 1, tags=["org:4", "vip"])
        users.set("b", 2, tags=["org:42"])
        users.set("c", 3, tags=["org:4", "org:42"])
        users.set("d", 4)
        removed = users.invalidate(tag="org:4")
        assert removed.entries == 2
        assert {listed.key for listed in users.entries()} == {"b", "d"}
        assert cache.stats().namespaces["users"].invalidated == 2

    def test_a_tag_is_invalidated_in_all_namespaces(self, cache: Cache) -> None:
        for name in ("a", "b"):
            cache.namespace(name).set_many([Write("1", 1, tags=["t"]), Write("2", 2)])
        cache.namespace("c").set("3", 3)
        removed = cache.invalidate(tag="t")
        assert removed.entries == 2
        assert removed.bytes > 0
        assert [cache.namespace(name).get("1") for name in "ab"] == [MISSING, MISSING]
        assert [cache.namespace(name).get("2") for name in "ab"] == [2, 2]
        assert cache.namespace("c").get("3") == 3
        assert cache.stats().totals.invalidated == 2
        with pytest.raises(UsageError):
            cache.invalidate(tag="")

    def test_a_whole_cache_is_cleared(self, cache: Cache) -> None:
        for name in NEIGHBOURS:
            cache.namespace(name).set("k", name)
        assert cache.clear().entries == len(NEIGHBOURS)
        assert cache.clear() == Removed()
        assert not any(used.entries for used in cache.usage().values())
        assert cache.stats().totals.sets == len(NEIGHBOURS)

    def test_many_entries_are_tagged_listed_and_removed(self, cache: Cache) -> None:
        users = cache.namespace("users")
        many = BATCH * 2 + 1
        users.set_many(
            Write(f"k{i}", i, tags=["all"] if i % 2 else ["all", "even"]) for i in range(many)
        )
        assert len(list(users.entries("all"))) == many
        assert users.invalidate(tag="even").entries == BATCH + 1
        listed = list(users.entries())
        assert users.delete_many(item.key for item in listed) == (
            BATCH,
            sum(i.size for i in listed),
        )
        assert cache.stats().namespaces["users"].bytes == 0

    def test_entries_are_listed_least_recently_used_first(self, cache: Cache) -> None:
        users = cache.namespace("users")
        many = BATCH + 10
        users.set_many(Write(f"{i}", i) for i in range(many))
        users.get("0")
        users.get("5")
        cache.flush()
        expected = [str(i) for i in range(many) if i not in (0, 5)] + ["0", "5"]
        assert [listed.key for listed in users.entries()] == expected

    def test_looking_moves_nothing(self, cache: Cache) -> None:
        users = cache.namespace("users")
        for key in "abc":
            users.set(key, key, tags=["t"])
        before = cache.stats()
        assert found(users.peek("a")).value == "a"
        assert users.peek("nothing") is None
        for listed in users.entries("t"):
            assert found(listed.entry).tags == ("t",)
        assert cache.stats() == before
        assert [listed.key for listed in users.entries()] == ["a", "b", "c"]

    def test_a_listing_survives_what_others_remove_and_write_meanwhile(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set_many(Write(f"{i}", i) for i in range(3 * BATCH))
        listing = users.entries()
        seen = {next(listing).key}
        users.delete_many(str(i) for i in range(BATCH, 2 * BATCH))
        users.set("new", 1)
        seen.update(listed.key for listed in listing)
        assert seen >= {str(i) for i in (*range(BATCH), *range(2 * BATCH, 3 * BATCH))}

    def test_cleanup_removes_what_expired_was_idle_or_is_over_limits(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users", ttl=100.0)
        users.set("expired", 1, ttl=51)
        users.set("idle", 2)
        clock.advance(50)
        for key in ("a", "b", "c"):
            users.set(key, key)
        clock.advance(1)
        options: dict[str, Any] = {"older_than": "30s", "max_entries": 2}
        foretold = cache.plan_cleanup(**options).dry_run()
        assert {listed.key for listed in users.entries()} == {"expired", "idle", "a", "b", "c"}
        report = cache.cleanup(**options)
        assert (report.expired, report.evicted, report.finished) == (
            foretold.expired, foretold.evicted, foretold.finished,
        )  # fmt: skip
        assert (report.expired["users"].entries, report.evicted["users"].entries) == (1, 2)
        assert [listed.key for listed in users.entries()] == ["b", "c"]
        assert cache.cleanup(**options).removed().entries == 0

    def test_cleanup_holds_bytes_and_counts_many(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users", ttl=None)
        many = 2 * BATCH + 7
        users.set_many(Write(f"e{i}", i, ttl="1s") for i in range(many))
        users.set_many(Write(f"k{i}", "x" * 100) for i in range(many))
        clock.advance(1)
        size = list(users.entries())[-1].size
        limit = 10 * size
        foretold = cache.plan_cleanup(max_bytes=limit).dry_run()
        report = cache.cleanup(max_bytes=limit)
        assert report == foretold
        assert report.expired["users"].entries + report.evicted["users"].entries == 2 * many - 10
        figures = cache.stats().namespaces["users"]
        assert (figures.entries, figures.bytes) == (10, limit)

    def test_a_cleanup_without_time_left_says_so(self, cache: Cache) -> None:
        cache.namespace("users").set("k", 1)
        report = cache.cleanup(older_than="1s", deadline=0)
        assert not report.finished
        assert cache.namespace("users").get("k") == 1

    def test_a_cleanup_of_nothing_is_finished(self, cache: Cache) -> None:
        assert cache.cleanup().finished

    def test_only_one_holds_a_lock(self, opener: Opener) -> None:
        cache = opener()
        cache.namespace("users").set("k", 1)
        backend = cache._core.backend
        with backend.lock("cleanup"):
            with pytest.raises(BackendBusy):
                cache.cleanup()
            with backend.lock("another"):
                pass
        assert cache.cleanup().finished
