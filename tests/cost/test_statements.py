"""What operations on files cost: statements, and pages written to SQLite's log."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from cachectl import MISSING
from cachectl._admin.clear import ClearPlan
from cachectl._engine.namespace import Namespace
from cachectl._model.coroutines import run
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule
from cachectl._model.write import Write
from tests.cost.conftest import Trace
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

CLEANED: Final[dict[str, dict[str, Any]]] = {
    "expiring": {"ttl": 10}, "lasting": {"ttl": "none"}, "leased": {}, "idle": {}, "over": {},
}  # fmt: skip
_FRAME: Final = 24 + 4096
"""Bytes of a page in the log, with its own header: https://sqlite.org/walformat.html."""


def filled(opener: Opener, trace: Trace, keys: Iterable[object], **policy: Any) -> Namespace:
    """Return a namespace that was written to and read just now; nothing of that is traced."""
    cache = opener()
    namespace = cache.namespace("a", **policy)
    for key in keys:
        namespace.set(str(key), "value")
    namespace.get("absent")
    cache.flush()
    trace.clear()
    return namespace


def test_a_lookup_is_one_select_whether_it_hits_or_misses(opener, trace):
    """No transaction, and no write: neither of the use, nor of the count, nor of the time."""
    namespace = filled(opener, trace, ["k"])

    assert namespace.get("k") == "value"
    assert trace.kinds == ["SELECT"], trace

    trace.clear()
    assert namespace.get("absent") is MISSING
    assert trace.kinds == ["SELECT"], trace


def test_a_cached_load_is_one_select(opener, trace):
    namespace = filled(opener, trace, ["k"])

    assert namespace.get_or_load("k", str) == "value"
    assert trace.kinds == ["SELECT"], trace


def test_a_load_takes_a_lease_and_gives_it_back_with_what_it_stores(opener, trace):
    """Two short transactions: one before the loader is called, one after it."""
    namespace = filled(opener, trace, ["k"])
    namespace.get_or_load("first", str)
    trace.clear()

    namespace.get_or_load("new", str)
    assert trace.kinds == [
        "SELECT",
        "BEGIN", "INSERT leases", "COMMIT",
        "BEGIN", "SELECT", "DELETE leases", "INSERT entries", "UPDATE namespaces", "COMMIT",
    ], trace  # fmt: skip


def test_a_change_writes_to_leases_only_if_one_is_revoked(opener, trace):
    """While other keys are loaded it looks, and that is all."""
    namespace = filled(opener, trace, range(5))
    run(namespace.operations.store.lease("loading", (), 0.0))
    trace.clear()

    assert not namespace.delete("absent")
    assert trace.kinds == ["BEGIN", "SELECT", "SELECT", "COMMIT"], trace

    trace.clear()
    namespace.set("1", "other")
    assert trace.kinds == ["BEGIN", "SELECT", "UPDATE entries", "SELECT", "COMMIT"], trace

    trace.clear()
    assert not namespace.delete("loading")
    assert trace.kinds == ["BEGIN", "SELECT", "SELECT", "DELETE leases", "COMMIT"], trace


def test_replacing_a_value_writes_its_row_alone(opener, trace):
    """The totals are written only if they change, and then once."""
    namespace = filled(opener, trace, ["k"])

    namespace.set("k", "other")
    assert trace.kinds == ["BEGIN", "SELECT", "UPDATE entries", "COMMIT"], trace

    trace.clear()
    namespace.set("k", "longer")
    assert trace.kinds == [
        "BEGIN", "SELECT", "UPDATE entries", "UPDATE namespaces", "COMMIT",
    ], trace  # fmt: skip


def test_a_new_entry_is_one_row_and_one_change_of_the_totals(opener, trace):
    """Whether or not it expires; and one row for each of its tags."""
    namespace = filled(opener, trace, ["k"])
    plain = ["BEGIN", "SELECT", "INSERT entries", "UPDATE namespaces", "COMMIT"]

    namespace.set("lasting", "value", ttl="none")
    assert trace.kinds == plain, trace

    trace.clear()
    namespace.set("expiring", "value", ttl=60)
    assert trace.kinds == plain, trace

    trace.clear()
    namespace.set("tagged", "value", tags=["x", "y"])
    assert trace.kinds == [*plain[:3], *["INSERT tags"] * 2, *plain[3:]], trace


def test_holding_a_limit_adds_nothing_to_a_write(opener, trace):
    """As long as nothing is to be evicted: what is held is read with what stands under the key."""
    namespace = filled(opener, trace, range(5), max_entries=10)

    namespace.set("new", "value")
    assert trace.kinds == [
        "BEGIN", "SELECT", "INSERT entries", "UPDATE namespaces", "COMMIT",
    ], trace  # fmt: skip


def test_an_eviction_adds_a_select_and_a_delete_to_a_write(opener, trace):
    """And, if any is used of those that go next, an update for each and another select."""
    namespace = filled(opener, trace, range(10), max_entries=10)

    namespace.set("a", "value")
    assert trace.kinds == [
        "BEGIN", "SELECT", "INSERT entries", "SELECT", "DELETE entries", "COMMIT",
    ], trace  # fmt: skip

    namespace.get("a")
    trace.clear()
    namespace.set("b", "value")
    assert trace.kinds == [
        "BEGIN", "SELECT", "INSERT entries", "SELECT", "DELETE entries", "COMMIT",
    ], trace  # fmt: skip

    namespace.get("2")
    trace.clear()
    namespace.set("c", "value")
    assert trace.kinds == [
        "BEGIN", "SELECT", "INSERT entries", "SELECT", *["UPDATE entries"] * 2, "SELECT",
        "DELETE entries", "COMMIT",
    ], trace  # fmt: skip
    assert namespace.has("2")


def test_an_eviction_by_recency_and_frequency_is_a_fixed_number_of_statements(opener, trace):
    """However many entries there are to choose among."""
    few = filled(opener, trace, range(10), max_entries=10, eviction="lrfu")
    few.set("new", "value")
    kinds = trace.kinds
    assert Counter(kinds) == {
        "BEGIN": 1, "SELECT": 6, "INSERT entries": 1, "DELETE entries": 1,
        "INSERT lrfu_ranks": 3, "INSERT lrfu_states": 1, "COMMIT": 1,
    }, trace  # fmt: skip

    many = opener().namespace("b", max_entries=1000, eviction="lrfu")
    many.set_many(Write(str(number), "value") for number in range(1000))
    trace.clear()
    many.set("new", "value")
    assert Counter(trace.kinds) == Counter(kinds), trace


def test_a_write_looks_for_what_others_did_once_a_second(opener, trace, clock):
    """And for what has expired. The writes in between do not."""
    namespace = filled(opener, trace, range(100))

    clock.advance(1)
    namespace.set("1", "other")
    assert trace.kinds == [
        "BEGIN", "SELECT", "SELECT", "UPDATE entries", "SELECT", "COMMIT",
    ], trace  # fmt: skip

    trace.clear()
    clock.advance(0.9)
    namespace.set("1", "value")
    assert trace.kinds == ["BEGIN", "SELECT", "UPDATE entries", "COMMIT"], trace


def test_a_write_reschedules_only_some_replaced_entries(opener, trace, clock):
    """However many are due; a cleanup passes over the rest of them and finds what expired."""
    writes = [Write(str(number), "value", ttl=10) for number in range(1200)]
    namespace = opener().namespace("a")
    namespace.set_many([Write("expired", "value", ttl=10.5), *writes])
    clock.advance(5)
    namespace.set_many(writes)
    clock.advance(6)
    trace.clear()

    namespace.set("new", "value")
    assert trace.kinds.count("UPDATE entries") == 100, Counter(trace.kinds)
    opened = opener()
    assert opened.cleanup("a").removed().entries == 1
    assert opened.stats().totals.entries == 1201
    clock.advance(5)
    assert opened.cleanup("a").removed().entries == 1200


def test_many_entries_are_written_in_one_transaction_with_one_select(opener, trace):
    """And one change of the totals: an entry costs its own row and nothing else."""
    namespace = filled(opener, trace, ["k"])
    writes = [Write(str(number), "value") for number in range(500)]

    namespace.set_many(writes)
    assert Counter(trace.kinds) == {
        "BEGIN": 1, "SELECT": 1, "INSERT entries": 500, "UPDATE namespaces": 1, "COMMIT": 1,
    }  # fmt: skip

    trace.clear()
    namespace.set_many(writes)
    assert Counter(trace.kinds) == {"BEGIN": 1, "SELECT": 1, "UPDATE entries": 500, "COMMIT": 1}


def test_a_thousand_hits_are_handed_over_as_one_update_for_each_entry(opener, trace, clock):
    """In one transaction; their counts in another, for the total and each ring, and how long one of
    them took; then nothing.
    """
    cache = opener()
    namespace = cache.namespace("a")
    namespace.set_many(Write(str(number), "value") for number in range(50))
    cache.flush()
    for number in range(1000):
        namespace.get(str(number % 50))
    trace.clear()

    cache.flush()
    assert Counter(trace.kinds) == {
        "BEGIN": 2, "SELECT": 1, "UPDATE entries": 50,
        "INSERT clients": 1, "INSERT counters": 5, "INSERT times": 1, "COMMIT": 2,
    }, trace  # fmt: skip

    trace.clear()
    cache.flush()
    assert trace.kinds == []


def test_deleting_ten_entries_takes_as_many_statements_as_deleting_one(opener, trace):
    namespace = filled(opener, trace, range(20))

    assert namespace.delete("0")
    one = trace.kinds
    assert one == [
        "BEGIN", "SELECT", "DELETE entries", "UPDATE namespaces", "COMMIT",
    ], trace  # fmt: skip

    trace.clear()
    assert namespace.delete_many(map(str, range(1, 11))).entries == 10
    assert trace.kinds == one, trace


def test_removing_what_is_not_there_neither_writes_nor_waits_for_those_who_do(opener, trace):
    """By key and by tag, while another process writes."""
    namespace = filled(opener, trace, range(20))
    other = sqlite3.connect(opener.directory / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    trace.clear()

    assert not namespace.delete("absent")
    assert trace.kinds == ["BEGIN", "SELECT", "COMMIT"], trace
    assert namespace.delete_many(f"absent{number}" for number in range(10)).entries == 0
    assert namespace.invalidate(tag="absent").entries == 0
    assert set(trace.kinds) == {"BEGIN", "SELECT", "COMMIT"}, trace
    other.close()


def test_removing_a_tag_is_a_fixed_number_of_statements(opener, trace):
    """However many entries carry it, up to a step."""
    namespace = filled(opener, trace, range(20))
    namespace.set_many(Write(f"tagged{number}", number, tags=["t"]) for number in range(10))
    trace.clear()

    assert namespace.invalidate(tag="t").entries == 10
    assert trace.kinds == [
        "BEGIN", "SELECT", "SELECT", "DELETE tags", "DELETE entries", "UPDATE namespaces", "COMMIT",
    ], trace  # fmt: skip


def written(namespace: Namespace, directory: Path, keys: Iterable[str], *, size: int) -> float:
    """Return how many pages of the log a write of a value takes, on average."""
    log = directory / "cache.db-wal"
    keys = list(keys)
    before = log.stat().st_size
    for number, key in enumerate(keys):
        namespace.set(key, f"{number}".ljust(size))
    return (log.stat().st_size - before) / _FRAME / len(keys)


def test_replacing_a_value_writes_one_page(opener, trace):
    """Its own: no index moves. And that of the totals, if the size changes."""
    namespace = filled(opener, trace, [])
    namespace.set_many(Write(str(number), " " * 100) for number in range(200))

    again = [str(number * 37 % 200) for number in range(200)]
    assert 1 <= written(namespace, opener.directory, again, size=100) <= 1.1
    assert 2 <= written(namespace, opener.directory, again, size=101) <= 2.1


@pytest.mark.parametrize(("ttl", "pages"), [("1h", 5), ("none", 4)])
def test_a_new_entry_writes_few_pages(opener, trace, ttl, pages):
    """Its row, its places in the indexes of keys, of use and, if it expires, of expiry; the
    totals; and now and then a page that is split.
    """
    namespace = filled(opener, trace, range(200), ttl=ttl)

    new = [f"new{number * 37 % 200}" for number in range(200)]
    assert pages <= written(namespace, opener.directory, new, size=100) <= pages + 0.6
    assert removed(namespace, opener.directory, new) <= pages + 0.6


def removed(namespace: Namespace, directory: Path, keys: Iterable[str]) -> float:
    """Return how many pages of the log the removal of a key takes, on average."""
    log = directory / "cache.db-wal"
    keys = list(keys)
    before = log.stat().st_size
    for key in keys:
        assert namespace.delete(key)
    return (log.stat().st_size - before) / _FRAME / len(keys)


def test_lookups_leave_the_database_and_its_log_as_they_are(opener, trace):
    """To the byte, whether they hit or miss."""
    namespace = filled(opener, trace, range(10))
    files = [opener.directory / name for name in ("cache.db", "cache.db-wal", "counters.db-wal")]
    before = [file.read_bytes() for file in files]

    for number in range(20):
        namespace.get(str(number))
    assert [file.read_bytes() for file in files] == before
    assert all(before)


def test_what_namespaces_hold_is_read_twice_however_many_are_cleared(opener, trace):
    """For their names, and for what is told if it is interrupted."""
    cache = opener()
    for name in ("a", "b", "c"):
        cache.namespace(name).set("k", "value")
    trace.clear()

    ClearPlan(cache, [], None, None).run()
    assert sum(statement.startswith("SELECT id, name, ") for statement in trace) == 2
    assert not list(cache.namespace("c").entries())


def test_who_says_the_same_policy_again_and_again_looks_at_what_is_stored_once(opener, trace):
    """As applications do, once a request."""
    cache = opener()
    cache.namespace("a", ttl="7d", key_decimals={"tempo": 1}).set("k", "value")
    cache.flush()
    trace.clear()

    cache.namespace("a", ttl="7d", key_decimals={"tempo": 1}).set("k", "other")
    assert trace.kinds == ["BEGIN", "SELECT", "UPDATE entries", "COMMIT"], trace
    trace.clear()
    cache.flush()
    assert not [text for text in trace if "policies" in text], trace


def test_a_limit_over_all_namespaces_adds_nothing_to_a_write_and_a_select_to_a_flush(opener, trace):
    cache = opener(max_entries=90)
    namespace = cache.namespace("a")
    namespace.set("k", "value")
    cache.flush()
    trace.clear()

    namespace.set("new", "value")
    assert trace.kinds == [
        "BEGIN", "SELECT", "INSERT entries", "UPDATE namespaces", "COMMIT",
    ], trace  # fmt: skip
    cache.flush()
    trace.clear()
    cache.flush()
    assert trace.kinds == ["SELECT"], trace


@pytest.mark.parametrize("older_than", [None, 60])
def test_a_cleanup_looks_at_all_namespaces_at_once(opener, trace, older_than):
    """Where nothing is due it asks no namespace by itself, nor begins a transaction for it."""

    def cost(namespaces: int) -> list[str]:
        for number in range(namespaces):
            cache.namespace(f"n{number}").set("k", "v")
        cache.cleanup()
        trace.clear()
        assert len(cache.cleanup(older_than=older_than).expired) == namespaces
        return trace.kinds

    cache = opener()
    assert cost(2) == cost(40)


def test_a_cleanup_opens_the_namespaces_in_which_anything_is_due(opener, clock, trace):
    """Those with what expired, is over a limit or idle, or of which a load was not ended."""
    cache = opener()
    for name, policy in CLEANED.items():
        cache.namespace(name, **policy)
        cache.namespace(name).set_many({"1": 1, "2": 2, "3": 3})
    run(cache.namespace("leased").operations.store.lease("k", (), clock()))
    clock.advance(100)
    for name in CLEANED.keys() - {"expiring", "idle"}:
        cache.namespace(name).set("1", 1)
    cache.namespace("over", max_entries=2)
    backend = cache._core.backend
    now = clock()

    def due(limits: Limits, idle: float | None = None) -> set[str]:
        return {*backend.due(dict.fromkeys(CLEANED, CleanupRule(now, idle, limits)))}

    assert due(Limits()) == {"expiring", "leased"}
    assert due(Limits(max_entries=2)) == CLEANED.keys()
    assert due(Limits(), now - 50) == CLEANED.keys()
    assert due(Limits(), now - 200) == {"expiring", "leased"}
    report = cache.cleanup()
    assert {name for name, removed in report.expired.items() if removed.entries} == {"expiring"}
    assert {name for name, removed in report.evicted.items() if removed.entries} == {"over"}
