"""A summary, against the same figures from a list of all entries."""

import random
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachectl._admin.filters import Filters
from cachectl._admin.listing import Listing
from cachectl._admin.quantiles import Quantiles
from cachectl._admin.summary import Summary

HOUR, DAY = 3600.0, 86_400.0
TTLS = {
    "under 5m": 299, "5m to 1h": 300, "1h to 1d": DAY - 1, "1d to 7d": 2 * DAY,
    "7d to 30d": 29 * DAY, "over 30d": 30 * DAY, "never": "none",
}  # fmt: skip


@given(st.lists(st.floats(0, 2**62), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_right_to_two_in_a_thousand(numbers, share):
    quantiles = Quantiles()
    for number in numbers:
        quantiles.add(number)
    exact = sorted(numbers)[max(1, ceil(share * len(numbers) - 1e-9)) - 1]

    assert quantiles.at(share) == pytest.approx([exact], rel=0.0021, abs=1.1e-3)
    assert quantiles.most == max(numbers)
    assert quantiles.at(0.5, 0.9, 0.99) == sorted(quantiles.at(0.5, 0.9, 0.99))


def test_a_summary_is_that_of_all_entries(opener, clock):
    """On every backend: sizes, times since the last use, times to live, what was never used."""
    chance, cache = random.Random(3), opener()
    ns, used = cache.namespace("a"), {}
    clock.advance(-DAY)
    ns.set("gone", "x" * 7000, ttl="17h", label="the largest")
    for number in range(200):
        ns.set(str(number), "x" * chance.randrange(5000), ttl=400 * DAY)
        clock.advance(300)
    for number in range(0, 200, 4):
        clock.advance(2)
        ns.get(str(number))
        used[str(number)] = clock()
    cache.flush()
    clock.advance(HOUR)
    infos, now = list(ns.entries()), clock()
    summary = Summary(now)
    summary.add(Listing(cache, ["a"], Filters(), now).rows())
    document = summary.document()

    sizes, idle = sorted(info.size for info in infos), sorted(now - info.used_at for info in infos)
    for name, numbers in (("size", sizes), ("idle_seconds", idle)):
        for quantile, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            exact = numbers[ceil(share * len(numbers)) - 1]
            assert document[name][quantile] == pytest.approx(exact, rel=0.0021)
        assert document[name]["max"] == numbers[-1]
    assert (document["entries"], document["bytes"]) == (len(infos), sum(sizes))
    unused = [info for info in infos if info.key not in used]
    assert document["never_used"] == {
        "entries": len(unused), "bytes": sum(info.size for info in unused)
    }  # fmt: skip
    assert [one["size"] for one in document["largest"]] == sizes[:-4:-1]
    assert document["largest"][0]["label"] == "the largest"
    held = {part["name"]: part["entries"] for part in document["ttl_left"]}
    assert (held["expired"], held["over 30d"]) == (1, 200)
    assert document["damaged"] == {"entries": 0, "bytes": 0}


def test_what_is_to_live_is_told_by_how_long(opener, clock):
    """To the edges of each span; those at both ends that nothing is in are left out."""
    cache = opener()
    for ttl in TTLS.values():
        cache.namespace("a").set(str(ttl), 1, ttl=ttl)
    summary = Summary(clock())
    summary.add(Listing(cache, ["a"], Filters(), clock()).rows())
    assert [(part.name, part.held.entries) for part in summary.ttl()] == [
        ("expired", 0), *((name, 1) for name in TTLS)
    ]  # fmt: skip

    cache.namespace("b").set("k", 1, ttl="2h")
    summary = Summary(clock())
    summary.add(Listing(cache, ["b"], Filters(), clock()).rows())
    assert [part.name for part in summary.ttl()] == ["expired", "1h to 1d", "never"]


def test_nothing_has_no_quantiles():
    document = Summary(0.0).document()
    assert document["size"] == {"p50": None, "p90": None, "p99": None, "max": None}
    assert (document["entries"], document["largest"]) == (0, [])


def test_a_quantile_takes_as_much_memory_as_there_are_steps():
    """However many numbers there are: some 22,000 steps up to the largest size there can be."""
    quantiles = Quantiles()
    for number in range(200_000):
        quantiles.add(1.0003**number if number < 140_000 else number)
    assert len(quantiles._steps) < 22_000
