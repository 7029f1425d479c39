"""What backends do that several caches and processes share."""

import pytest

from cachectl import MISSING, BackendBusy
from cachectl._backends.eviction.lrfu import GHOSTS
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.contract.eviction import held, ordered
from cachectl.testing.contract.segments import SegmentsContract
from cachectl.testing.opener import Opener
from cachectl.testing.processes import finish, start

WORKERS = 4
REASONS = ("absent", "evicted", "invalidated")
WRITER = """
from random import Random
cache = open_cache(strict=True)
users = cache.namespace("users", ttl="none", eviction="lrfu", max_entries=40)
chance = Random(int(sys.argv[2]))
most = 0
for number in range(400):
    key = str(int(120 * chance.random() ** 2))
    found = users.get(key)
    assert found in (MISSING, key * 10), found
    if found is MISSING: users.set(key, key * 10, tags=[key[0]])
    if number % 40 == 39: users.delete(key)
    if number % 100 == 99: users.invalidate(tag="7")
    if number % 10 == 0: most = max(most, cache.usage()["users"].entries)
cache.close()
assert most <= 40, most
"""

CHANGER = """
with open_cache(strict=True) as cache:
    users = cache.namespace("users")
    if sys.argv[2] == "delete": users.delete("k")
    if sys.argv[2] == "invalidate": users.invalidate(tag="t")
    if sys.argv[2] == "clear": users.clear()
    if sys.argv[2] == "set": users.set("k", "new")
"""


class SharedContract(Contract):
    """Two caches with the same settings are one place."""

    def test_counters_outlive_the_processes_that_counted(self, opener: Opener) -> None:
        for _ in range(3):
            with opener() as cache:
                cache.namespace("users").get("k")
        assert opener().stats().namespaces["users"].misses == 3

    def test_the_keys_that_several_caches_miss_are_added_up(self, opener: Opener) -> None:
        caches = [opener() for _ in range(2)]
        for cache in caches:
            for _ in range(3):
                cache.namespace("users").get("k")
            cache.flush()
        assert caches[0].namespace("users").top_misses() == [("k", 6)]

    def test_reasons_add_up_whoever_removed_what_is_missed(self, opener: Opener) -> None:
        one, other = opener(), opener()
        limited = [cache.namespace("users", max_entries=1, ttl=None) for cache in (one, other)]
        limited[0].set("a", 1)
        limited[1].set("b", 2)  # evicts it
        free = [cache.namespace("images", ttl=None) for cache in (one, other)]
        free[0].set("a", 1)
        free[1].clear()
        for users in (*limited, *free):
            users.get("a")
        for cache in (one, other):
            cache.flush()
        figures = one.stats()
        assert [figures.namespaces["users"].missed[reason] for reason in REASONS] == [0, 2, 0]
        assert [figures.namespaces["images"].missed[reason] for reason in REASONS] == [1, 0, 1]
        assert (figures.totals.misses, sum(figures.totals.missed.values())) == (4, 4)

    def test_two_caches_over_one_place_share_entries_counters_and_locks(
        self, opener: Opener
    ) -> None:
        one, other = opener(), opener()
        one.namespace("users").set("k", "v", tags=["t"])
        assert other.namespace("users").get("k") == "v"
        other.flush()
        assert one.stats().namespaces["users"].hits == 1
        with one._core.backend.lock("cleanup"), pytest.raises(BackendBusy):
            other.cleanup()
        assert other.namespace("users").invalidate(tag="t").entries == 1
        assert one.namespace("users").get("k") is MISSING

    def test_what_is_removed_everywhere_is_also_what_others_stored(self, opener: Opener) -> None:
        one, other = opener(), opener()
        users, jobs = one.namespace("users"), one.namespace("jobs")
        users.set("k", "v", tags=["t"])
        jobs.set("k", "v")
        assert other.invalidate(tag="t").entries == 1
        assert users.get("k") is MISSING
        assert other.clear().entries == 1
        assert jobs.get("k") is MISSING

    def test_a_read_of_one_process_saves_an_entry_from_the_limit_of_another(
        self, opener: Opener, clock: Clock
    ) -> None:
        one, other = opener(), opener()
        users = one.namespace("users", max_entries=2)
        users.set("a", 1)
        users.set("b", 2)
        clock.advance(1)
        other.namespace("users").get("a")
        other.flush()
        clock.advance(1)
        users.set("c", 3)
        assert [listed.key for listed in users.entries()] == ["a", "c"]

    @pytest.mark.parametrize("size", [10, 2_000_000])
    @pytest.mark.parametrize("change", ["delete", "invalidate", "clear", "set"])
    def test_what_another_process_changes_during_a_load_is_not_brought_back(
        self, opener: Opener, change: str, size: int
    ) -> None:
        users = opener().namespace("users")

        def loader() -> bytes:
            finish(start(CHANGER, opener.settings, arguments=[change]))
            return bytes(size)

        assert users.get_or_load("k", loader, tags=["t"]) == bytes(size)
        assert users.get("k") == ("new" if change == "set" else MISSING)


class SharedLrfuContract(SegmentsContract):
    """Two caches with the same settings are one place, and entries go in one order."""

    def test_two_caches_over_one_place_share_the_order(self, opener: Opener) -> None:
        one, other = opener(), opener()
        users, same_users = ordered(one, max_entries=20), ordered(other, max_entries=20)
        for number in range(30):
            users.set("read by the other", 1)
            users.set(f"{number}", number)
            assert same_users.get("read by the other") == 1
            other.flush()
        for number in range(200):
            (users, same_users)[number % 2].set(f"scan{number}", number)
        assert same_users.get("read by the other") == 1
        assert len(held(one)) == 20
        assert sum(self.segment_sizes(opener, one, "users")[:2]) == 20

    def test_processes_that_write_at_once_keep_the_limits(self, opener: Opener) -> None:
        workers = [start(WRITER, opener.settings, arguments=[f"{n}"]) for n in range(WORKERS)]
        for worker in workers:
            finish(worker)
        cache = opener()
        figures = cache.stats().namespaces["users"]
        assert figures.hits + figures.misses == WORKERS * 400
        assert len(held(cache)) == figures.entries <= 40
        in_window, in_main, *left = self.segment_sizes(opener, cache, "users")
        assert in_window + in_main == figures.entries
        assert sum(left) <= GHOSTS * 40
