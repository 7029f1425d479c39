"""What every backend does: entries, lifetimes, limits. A new backend runs all of this."""

import pytest

from cachectl import MISSING
from cachectl._engine.cache import Cache
from cachectl._model.batches import BATCH
from cachectl._model.outcome import Outcome
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.lookups import found

ODD_KEYS = [
    "k", "k" * 1024, "é" * 512, "a/b", "../../etc/passwd", "nul\0nul", "*", "a[b]?", "a b\n", "{x}",
    "\x1b[2J", "\u202eabc", "%s", "'; DROP TABLE Cache; --", "0", "users/1",
]  # fmt: skip


class EntriesContract(Contract):
    """Entries, lifetimes and limits."""

    def test_a_value_comes_back_and_what_was_never_set_is_missing(self, cache: Cache) -> None:
        users = cache.namespace("users")
        assert users.get("ann") is MISSING
        assert users.get("ann", default=7) == 7
        assert users.set("ann", {"age": 7})
        assert users.get("ann") == {"age": 7}

    def test_a_cached_none_is_a_value(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("ann", None)
        assert users.get("ann", default=7) is None

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_any_string_up_to_1_kib_is_a_key_of_its_own(self, cache: Cache, key: str) -> None:
        users = cache.namespace("users")
        users.set("other", "other", tags=["t"])
        users.set(key, key, tags=["t"])
        assert users.get(key) == key
        assert {listed.key for listed in users.entries()} == {key, "other"}
        assert {listed.key for listed in users.entries("t")} == {key, "other"}
        assert users.delete(key)
        assert not users.delete(key)
        assert users.get(key) is MISSING
        assert users.get("other") == "other"

    def test_an_entry_is_fresh_until_its_ttl_to_the_edge(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users", ttl=10.0)
        users.set("ann", 1)
        users.set("bob", 2, ttl="1m")
        users.set("eve", 3, ttl="none")
        clock.advance(9.999)
        assert users.has("ann")
        assert users.get("ann") == 1
        clock.advance(0.001)
        assert not users.has("ann")
        assert users.get("ann") is MISSING
        clock.advance(50)
        assert users.get("bob") is MISSING
        clock.advance(10_000_000)
        assert users.get("eve") == 3

    def test_a_label_stands_beside_a_key(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("none", 1, tags=["t"])
        users.set("set", 1, tags=["t"], label="ann · Kiel")
        users.set_many([Write("many", 1, label="one of many")])
        users.get_or_load("loaded", int, label="loaded")
        labels = {info.key: info.entry.label for info in users.entries() if info.entry}
        assert labels == {
            "none": "", "set": "ann · Kiel", "many": "one of many", "loaded": "loaded",
        }  # fmt: skip
        one, other = users.peek("set"), users.peek("none")
        assert one is not None
        assert other is not None
        assert (one.tags, one.label, one.value) == (("t",), "ann · Kiel", 1)
        assert one.size == other.size + len("\0ann · Kiel\0".encode())
        assert [info.key for info in users.entries("t")] == ["none", "set"]

    @pytest.mark.parametrize("policy", [{"labels": False}, {"keys": "hashed"}])
    def test_a_namespace_may_have_no_labels(self, cache: Cache, policy: dict[str, object]) -> None:
        users = cache.namespace("users", **policy)  # type: ignore[arg-type]
        users.set("k", 1, label="ann")
        users.get_or_load("loaded", int, label="loaded")
        assert {info.entry.label for info in users.entries() if info.entry} == {""}
        cache.namespace("users", labels=True)
        users.set("k", 1, label="ann")
        assert sorted(info.entry.label for info in users.entries() if info.entry) == ["", "ann"]

    def test_an_expired_entry_is_counted_once(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users", ttl=10.0)
        for key in ("read", "overwritten", "swept"):
            users.set(key, 1)
        clock.advance(10)
        for _ in range(3):
            assert users.get("read") is MISSING
        users.set("overwritten", 2)
        cache.cleanup()
        cache.cleanup()
        figures = cache.stats().namespaces["users"]
        assert (figures.expired, figures.misses, figures.entries) == (3, 3, 1)

    def test_a_write_now_and_then_removes_what_has_expired(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users", ttl="none")
        users.set("forgotten", 1, ttl="1s")
        for key in ("a", "b"):  # about once a second: not each write
            clock.advance(2)
            users.set(key, key)
        assert {listed.key for listed in users.entries()} == {"a", "b"}
        figures = cache.stats().namespaces["users"]
        assert (figures.expired, figures.entries) == (1, 2)

    def test_an_expired_entry_is_nobodys_to_hit_but_may_be_looked_at(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users", ttl=10.0)
        users.set("ann", "a")
        clock.advance(11)
        assert found(users.peek("ann")).value == "a"
        assert found(users.peek("ann")).expires_at <= clock()

    def test_max_entries_removes_the_least_recently_used(self, cache: Cache) -> None:
        users = cache.namespace("users", max_entries=3)
        for key in "abc":
            users.set(key, key)
        users.get("a")  # the clock stands still, and yet this counts as use
        users.set("d", "d")
        assert [users.get(key) for key in "abcd"] == ["a", MISSING, "c", "d"]
        assert cache.stats().namespaces["users"].evictions == 1

    def test_max_bytes_removes_the_least_recently_used(self, cache: Cache) -> None:
        users = cache.namespace("users")
        users.set("probe", "x" * 1000)
        size = next(users.entries()).size
        users.clear()
        users = cache.namespace("users", max_bytes=3 * size)
        for key in "abc":
            users.set(key, "x" * 1000)
        users.get("a")
        users.set("d", "x" * 1000)
        assert [listed.key for listed in users.entries()] == ["c", "a", "d"]
        users.set("e", "x" * 1010)
        assert [listed.key for listed in users.entries()] == ["d", "e"]
        assert cache.stats().namespaces["users"].bytes <= 3 * size

    def test_a_value_over_max_bytes_is_not_stored_and_takes_nothing_with_it(
        self, cache: Cache
    ) -> None:
        users = cache.namespace("users", max_bytes=2000)
        users.set("ann", "x" * 1000)
        assert not users.set("eve", "x" * 2000)
        assert users.get("eve") is MISSING
        assert users.get("ann") == "x" * 1000
        assert not users.set("ann", "x" * 2000, nx=True)
        assert users.get("ann") == "x" * 1000
        assert not users.set("ann", "x" * 2000)
        assert users.get("ann") is MISSING  # the old value would be a wrong answer now

    def test_limits_hold_for_many_at_once(self, cache: Cache) -> None:
        users = cache.namespace("users", max_entries=10)
        many = 2 * BATCH + 3
        assert all(users.set_many(Write(f"{i}", i) for i in range(many)))
        assert [listed.key for listed in users.entries()] == [
            f"{i}" for i in range(many - 10, many)
        ]
        figures = cache.stats().namespaces["users"]
        assert (figures.sets, figures.evictions, figures.entries) == (many, many - 10, 10)

    def test_nx_writes_only_what_is_absent_and_xx_only_what_is_there(
        self, cache: Cache, clock: Clock
    ) -> None:
        users = cache.namespace("users", ttl=10.0)
        assert not users.set("ann", 1, xx=True)
        assert users.set("ann", 2, nx=True)
        assert not users.set("ann", 3, nx=True)
        assert users.set("ann", 4, xx=True)
        assert users.get("ann") == 4
        clock.advance(10)
        assert not users.set("ann", 5, xx=True)
        assert users.set("ann", 6, nx=True)
        assert users.get("ann") == 6
        assert cache.stats().namespaces["users"].sets == 3

    def test_conditions_hold_for_large_values_as_well(self, cache: Cache) -> None:
        """Values over a megabyte take another way on files and on Redis."""
        users = cache.namespace("users")
        large, other = b"x" * 2_000_000, b"y" * 2_000_000
        assert not users.set("ann", large, xx=True)
        assert users.set("ann", large, nx=True)
        assert not users.set("ann", other, nx=True)
        assert users.get("ann") == large
        assert users.set("ann", other, xx=True)
        assert users.get("ann") == other

    def test_overwriting_adjusts_size_tags_and_lifetime(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users")
        users.set("ann", b"x" * 2_000_000, tags=["old"], ttl=10)
        users.set("ann", "short", tags=["new"], ttl=100)
        clock.advance(50)
        assert users.get("ann") == "short"
        assert not list(users.entries("old"))
        assert users.invalidate(tag="old").entries == 0
        (listed,) = users.entries("new")
        figures = cache.stats().namespaces["users"]
        assert (figures.entries, figures.bytes) == (1, listed.size)
        users.set("ann", "short", ttl="none")
        clock.advance(100)
        cache.cleanup()
        assert users.get("ann") == "short"

    def test_set_many_stores_each_with_its_own_settings(self, cache: Cache, clock: Clock) -> None:
        users = cache.namespace("users")
        writes = [Write("a", 1, ttl="5s"), Write("b", "2", tags=["t"]), Write("b", "3", cost=0.5)]
        assert users.set_many(writes) == [Outcome.STORED] * 3
        assert not list(users.entries("t"))
        assert users.get("b") == "3"
        clock.advance(5)
        assert users.get("a") is MISSING
        assert cache.stats().namespaces["users"].saved_cost == 0.5

    @pytest.mark.parametrize("tag", [None, "t"])
    def test_a_listing_visits_each_entry_once_and_ends_whatever_is_read_meanwhile(
        self, cache: Cache, tag: str | None
    ) -> None:
        users = cache.namespace("users", ttl="none")
        keys = [f"{number:04}" for number in range(2 * BATCH + 1)]
        users.set_many(Write(key, 1, tags=["t"]) for key in keys)
        seen: list[str] = []
        for listed in users.entries(tag):
            seen.append(listed.key)
            assert len(seen) <= len(keys)
            users.get(listed.key)
            if len(seen) % (BATCH // 2) == 1:
                for key in keys:
                    users.get(key)
                cache.flush()
        assert sorted(seen) == keys
