"""Counting that begins anew."""

import asyncio

import pytest

from cachectl import AsyncCache, BackendRefused, Cache
from tests.support.openers import SHARED, Opener


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_a_namespace_counts_anew_and_holds_what_it_held(opener: Opener):
    """Threads and tasks alike, whatever is asked for: totals, windows, trends and what is missed most."""
    settings = opener()._core.settings
    with Cache.of(settings) as cache:
        for name in ("a", "b"):
            cache.namespace(name).set("k", "v")
            for key in ("k", "none", "none"):
                cache.namespace(name).get(key)
        cache.reset_counts("a")
        report = cache.stats(since="1h", parts=4, details=True)
        assert report.all_time is not None
        for figures in (cache.stats(), report, report.all_time):
            assert figures.namespaces["a"].hits == figures.namespaces["a"].misses == 0
            assert figures.namespaces["b"].misses == 2
        assert not any(part.misses for part in report.trends["a"].parts)
        assert [key.key for key in report.details["b"].top_misses] == ["none"]
        assert not report.details["a"].top_misses
        assert cache.namespace("a").get("k") == "v"
        assert cache.stats().namespaces["a"].hits == 1

    async def reset() -> None:
        async with AsyncCache.of(settings) as cache:
            await cache.reset_counts("b")

    asyncio.run(reset())
    left = opener().stats().namespaces
    assert [left[name].hits for name in ("a", "b")] == [1, 0]
    assert [left[name].entries for name in ("a", "b")] == [1, 1]


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_memory_counts_as_long_as_its_application_runs(opener: Opener):
    with pytest.raises(BackendRefused, match="cannot begin anew"):
        opener().reset_counts("a")
