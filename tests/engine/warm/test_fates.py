"""Summaries add up: what is there, and what became of the rest."""

import random
from collections.abc import Mapping

import pytest

from cachectl import Cache, WarmReport
from cachectl._engine.warm import WarmCounts, WarmOptions, warm
from cachectl._engine.warm.sources.memory import WritesSource
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from tests.support.openers import Opener
from tests.support.servers import redis_server

POLICIES: list[Mapping[str, object]] = [
    {},
    {"max_entries": 7},
    {"max_bytes": 1000},
    {"max_entries": 7, "eviction": "lrfu"},
    {"max_bytes": 1000, "eviction": "lrfu"},
    {"max_entries": 900, "keys": "hashed"},
]


def adds_up(report: WarmReport) -> bool:
    """Whether each item is accounted for, and each that was written."""
    became = report.kept + report.replaced + report.evicted + report.expired + report.gone
    return (
        report.read == report.written + report.fresh + report.failed
        and report.written == became == sum(report.namespaces.values())
        and report.evicted == sum(report.evicted_by.values())
    )


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_what_a_run_says_is_there_is_there(opener: Opener, policy: Mapping[str, object], seed: int):
    """Keys that come twice, values that are too large, limits of each kind."""
    chance = random.Random(seed)
    writes = [
        Write(f"k{chance.randrange(chance.choice([5, 2000]))}", "x" * chance.choice([5, 50, 2000]))
        for _ in range(1500)
    ]
    cache = opener()
    cache.namespace("a", **policy)  # type: ignore[arg-type]
    report = cache.warm(namespace="a", writes=writes, refresh=True)
    there = list(cache.namespace("a").entries())
    assert (adds_up(report), report.kept) == (True, len(there))
    assert (report.read, report.gone, report.expired) == (1500, 0, 0)
    assert bool(report.failed) == ("max_bytes" in policy)


def test_what_has_expired_at_the_end_is_said(opener: Opener, clock: Clock):
    """Whether or not it is removed by then."""
    cache = opener()

    def load(key: str) -> str:
        clock.advance(10)
        return key

    writes = [Write("a", 1, ttl=15), Write("b", 1, ttl=5), Write("b", 2, ttl="1h"), Write("c", 3)]
    cache.namespace("n").set_many(writes)
    counts = WarmCounts()
    sources = [WritesSource("n", writes)]
    report = warm(cache, sources, WarmOptions(refresh=True), counts=counts)
    assert (report.written, report.kept, report.replaced, report.expired) == (4, 3, 1, 0)
    report = cache.warm(namespace="n", keys=["x", "y", "z"], loader=load, ttl=15, jobs=1)
    assert (report.written, report.kept, report.expired) == (3, 2, 1)
    assert adds_up(report)


def test_what_others_remove_meanwhile_is_not_claimed(opener: Opener):
    """It is not there at the end, whoever removed it."""
    cache, other = opener(), opener()

    def load(key: str) -> str:
        if key == "2":
            (cache if opener.backend == "memory" else other).namespace("n").clear()
        return key

    report = cache.warm(namespace="n", keys=list("0123"), loader=load, jobs=1)
    assert adds_up(report)
    assert (report.written, report.failed, report.kept, report.gone) == (3, 1, 1, 2)


def test_a_limit_over_all_namespaces_is_named(opener: Opener, clock: Clock):
    cache = opener(max_entries=10)
    cache.namespace("a", max_bytes="1MiB")
    report = cache.warm(namespace="a", writes={str(key): key for key in range(15)})
    assert adds_up(report)
    assert report.evicted_by == {"max_bytes of a or max_entries over all namespaces": 5}


def test_limits_of_several_namespaces_are_told_apart(cache: Cache):
    cache.namespace("a", max_entries=3)
    cache.namespace("b", max_entries=2)
    writes = {str(key): key for key in range(5)}
    warm(cache, [WritesSource("a", writes), WritesSource("b", writes)], counts=(c := WarmCounts()))
    assert c.report().evicted_by == {"max_entries of a": 2, "max_entries of b": 3}


def test_what_a_server_drops_is_not_claimed():
    """As far as it is known: estimates say by how much they may be wrong."""
    dropping = ("--maxmemory", "8mb", "--maxmemory-policy", "volatile-lru")
    with redis_server(*dropping) as server, server.client() as client:
        with Cache.open(backend="redis", url=server.url) as cache:
            report = cache.warm(namespace="a", writes={str(n): "x" * 200 for n in range(20_000)})
        values = sum(key.rpartition(b":")[2].isdigit() for key in client.scan_iter(count=10_000))
    assert adds_up(report)
    assert (report.written, report.uncertainty > 0) == (20_000, True)
    assert abs(report.kept - values) <= 2 * report.uncertainty * report.kept, report
