"""What operations on Redis cost: round trips, and commands that the server runs."""

from collections.abc import Callable, Iterator
from time import time
from typing import Any, NamedTuple

import pytest

from cachectl import MISSING
from cachectl._admin.clear import ClearPlan
from cachectl._engine.namespace import Namespace
from cachectl._metrics.windows import Window
from cachectl._model.write import Write
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["redis"], indirect=True)


class Cost(NamedTuple):
    """What the server did for an operation."""

    round_trips: int  # requests that it read; one that is large takes it more than one read
    commands: dict[str, int]  # those that scripts run among them


Meter = Callable[..., Cost]


@pytest.fixture
def cost_of(redis_server) -> Iterator[Meter]:
    """Calls a function, and lets the server tell what that cost."""
    with redis_server.client() as client:

        def measure(operation: Callable[..., object], *arguments: object) -> Cost:
            client.config_resetstat()
            operation(*arguments)
            told = client.info("everything")
            calls = {
                name.removeprefix("cmdstat_"): part["calls"]
                for name, part in told.items()
                if name.startswith("cmdstat_") and name != "cmdstat_config|resetstat"
            }
            return Cost(told["total_reads_processed"] - 1, calls)

        yield measure


def filled(opener: Opener, entries: int, **policy: Any) -> Namespace:
    """Return a namespace with entries, when the server has learnt the scripts that it runs."""
    cache = opener()
    namespace = cache.namespace("a", **policy)
    namespace.set_many(Write(str(number), "value") for number in range(entries))
    namespace.get("0")
    cache.flush()
    return namespace


def test_a_lookup_is_one_round_trip_for_the_value_and_its_generation(opener, cost_of):
    """Whether it hits or misses: neither the use nor the count is written."""
    namespace = filled(opener, 1)

    assert cost_of(namespace.get, "0") == Cost(1, {"get": 2})
    assert cost_of(namespace.get, "absent") == Cost(1, {"get": 2})
    assert namespace.get("absent") is MISSING


def test_a_cached_load_is_one_lookup(opener, cost_of):
    namespace = filled(opener, 1)

    assert cost_of(namespace.get_or_load, "0", str) == Cost(1, {"get": 2})


def test_a_load_is_one_round_trip_for_its_lease_and_one_to_store_what_it_brought(opener, cost_of):
    """Beside the lookup before."""
    namespace = filled(opener, 1)
    namespace.get_or_load("first", str)

    round_trips, commands = cost_of(namespace.get_or_load, "new", str)
    assert (round_trips, commands["get"], commands["evalsha"]) == (3, 3, 2)
    assert sum(commands.values()) <= 20, commands


@pytest.mark.parametrize(
    ("policy", "most"),
    [({}, 12), ({"max_entries": 20}, 30), ({"max_entries": 20, "eviction": "lrfu"}, 80)],
    ids=["without limits", "lru", "lrfu"],
)
def test_a_write_is_one_script_in_one_round_trip(opener, cost_of, policy, most):
    """Also if it hands over a use, replaces or evicts. What the script runs is bounded, a third
    above what it was when this was written: the round trip is the promise.
    """
    namespace = filled(opener, 20, **policy)

    for key in ("19", "new", "newer"):
        namespace.get("18")
        round_trips, commands = cost_of(namespace.set, key, "other")
        assert (round_trips, commands.pop("evalsha")) == (1, 1)
        assert sum(commands.values()) <= most, commands


def test_many_entries_are_written_in_few_round_trips_by_little_more_than_one_command_each(
    opener, cost_of
):
    """It says when an entry expires; values, indexes, totals and limits are seen to for many at once."""
    namespace = filled(opener, 1)

    round_trips, commands = cost_of(
        namespace.set_many, [Write(f"new{number}", "value") for number in range(500)]
    )
    assert round_trips <= 16
    assert (commands.pop("mset"), commands.pop("pexpire")) == (1, 500)
    assert sum(commands.values()) <= 20, commands


def test_deleting_many_entries_is_one_script_in_one_round_trip(opener, cost_of):
    namespace = filled(opener, 20)
    namespace.delete("absent")  # teaches the server the script

    round_trips, commands = cost_of(namespace.delete_many, map(str, range(20)))
    assert (round_trips, commands["evalsha"]) == (1, 1)


def test_a_thousand_hits_are_handed_over_in_three_round_trips(opener, cost_of):
    """Uses, the name of the namespace, and counts; and then nothing is."""
    cache = opener()
    namespace = cache.namespace("a")
    namespace.set_many(Write(str(number), "value") for number in range(50))
    cache.stats()
    for number in range(1000):
        namespace.get(str(number % 50))

    round_trips, commands = cost_of(cache.flush)
    assert round_trips <= 3
    assert sum(commands.values()) <= 50, commands
    assert cost_of(cache.flush) == Cost(0, {})


def test_uses_of_many_namespaces_are_handed_over_together(opener, cost_of):
    """By a script for each, and one for its counts, in far fewer round trips than there are."""
    cache = opener()
    namespaces = [cache.namespace(f"n{number}") for number in range(300)]
    for namespace in namespaces:
        namespace.set("k", "value")
        namespace.get("k")
    cache.flush()
    for namespace in namespaces:
        namespace.get("k")

    round_trips, commands = cost_of(cache.flush)
    assert round_trips <= 16
    assert commands.pop("evalsha") == 2 * 300 + 1
    assert commands["zadd"] == 300
    assert cost_of(cache.flush) == Cost(0, {})


def test_stats_take_the_same_commands_for_any_number_of_entries(opener, cost_of):
    """In as many round trips: what is held is known without counting it."""
    cache = opener()
    namespace = cache.namespace("a")
    namespace.set_many(Write(str(number), "value") for number in range(100))
    cache.stats()
    few = cost_of(cache.stats)
    namespace.set_many(Write(str(number), "value") for number in range(2000))
    cache.flush()

    assert cost_of(cache.stats) == few


def test_what_was_counted_lately_is_one_script_for_each_namespace(opener, cost_of):
    """Which reads the buckets in which it counted, out of sixty and more, and is told of the others by
    few commands.
    """
    cache = opener()
    names = [f"n{number}" for number in range(20)]
    for name in names:
        cache.namespace(name).get("absent")
    cache.stats(since="1h")
    counters = cache._core.backend.counters
    window = Window.last(3600, time())

    round_trips, commands = cost_of(counters.read, window)
    assert round_trips <= 3
    assert commands.pop("evalsha") == len(names)
    assert sum(commands.values()) <= 1 + 26 * len(names), commands
    assert {*counters.read(window)} == {*names}


def test_a_cleanup_with_nothing_to_do_finds_out_at_once(opener, cost_of):
    """By one script for each namespace, in as many round trips however many there are; and it cleans the
    one in which there is something.
    """
    cache = opener()
    for number in range(30):
        cache.namespace(f"n{number}", max_entries=5).set_many(map(Write, "abc", "abc"))
    cache.cleanup()
    round_trips, commands = cost_of(cache.cleanup)
    assert round_trips <= 12
    assert commands["evalsha"] <= 30 + 5
    assert sum(commands.values()) <= 30 * 16 + 20, commands

    cache.namespace("n7").set("more", 1)
    evicted = cache.cleanup(max_entries=3).evicted
    assert {name: removed.entries for name, removed in evicted.items()} == {
        f"n{number}": number == 7 for number in range(30)
    }


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "ask",
    [
        lambda cache: cache.namespace("a").stats(),
        lambda cache: cache.stats("a", since="1h"),
        lambda cache: cache.stats("absent"),
        lambda cache: cache.usage("a"),
        lambda cache: ClearPlan(cache, ["a"], None, None),
    ],
    ids=["Namespace.stats", "Cache.stats", "unknown", "Cache.usage", "clear"],
)
def test_who_asks_for_one_namespace_pays_for_one(opener, cost_of, ask, strict):
    """Whatever others there are."""
    cache = opener(strict=strict)
    cache.namespace("a").set("k", 1)
    ask(cache)  # the server learns the scripts
    alone = cost_of(ask, cache)
    for number in range(30):
        cache.namespace(f"b{number}").set("k", 1)
    cache.flush()

    assert cost_of(ask, cache) == alone


def test_a_limit_over_all_namespaces_is_looked_at_in_three_round_trips(opener, cost_of):
    """However many namespaces and entries there are; what exceeds it goes in one step of each."""
    cache = opener(max_entries=90)
    for number in range(3):
        for name in "abcdefghij":
            cache.namespace(name).set(str(number), number)
    cache.flush()
    assert cost_of(cache.flush) == Cost(3, {"smembers": 1, "zcard": 10, "hget": 10})

    for number in range(3, 20):
        for name in "abcdefghij":
            cache.namespace(name).set(str(number), number)
    _, commands = cost_of(cache.flush)
    assert cache.stats().totals.entries == 90
    looked_at = {"expired": 10, "oldest": 10, "trim": 10}
    scripts = {**looked_at, "count": 10, "announce": 1, "count again": 10, "announce again": 1}
    assert commands["evalsha"] == sum(scripts.values())
