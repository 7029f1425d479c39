"""Forgetting a namespace that holds nothing."""

import asyncio

import pytest

from cachectl import AsyncCache, BackendRefused, Cache
from tests.support.openers import SHARED, Opener


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_an_application_forgets_what_is_empty(opener: Opener):
    """Threads and tasks alike; the name is free, and who still uses it makes it anew."""
    settings = opener()._core.settings
    with Cache.of(settings) as cache:
        for name in ("a", "b"):
            cache.namespace(name).get("k")
        full = cache.namespace("full")
        full.set("k", "v")

        assert cache.forget("a")
        assert not cache.forget("full")
        assert cache.forget("unknown")
        figures = cache.stats().namespaces
        assert [figures[name].misses for name in ("a", "b")] == [0, 1]
        assert full.get("k") == "v"
        cache.namespace("a").set("k", "v")
        assert cache.stats().namespaces["a"].sets == 1

    async def forget() -> bool:
        async with AsyncCache.of(settings) as cache:
            return await cache.forget("b")

    assert asyncio.run(forget())
    assert sorted(opener().stats().namespaces) == ["a", "full"]


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_memory_forgets_nothing(opener: Opener):
    """A namespace there is known as long as its application runs."""
    with pytest.raises(BackendRefused, match="forgets nothing"):
        opener().forget("a")
