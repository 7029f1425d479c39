"""A server that is full and drops nothing: reading and removing work, and make room."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from cachectl import AsyncCache, Cache, Write
from tests.support.openers import PATIENCE, settings
from tests.support.removals import REMOVALS
from tests.support.servers import Server, redis_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with redis_server("--maxmemory-policy", "noeviction") as server:
        yield server


@pytest.fixture(params=["lru", "lrfu"])
def cache(server, request) -> Iterator[Cache]:
    with server.client() as client:
        client.config_set("maxmemory", 0)
        client.flushall()
        options = settings("redis", redis__url=server.url, redis__timeout=PATIENCE)
        with Cache.of(options, strict=True) as cache:
            for name in ("a", "b"):
                namespace = cache.namespace(name, eviction=request.param)
                namespace.set_many(
                    Write(f"k{n}", random.randbytes(100), tags=["odd"] if n % 2 else [])
                    for n in range(1000)
                )
            cache.flush()
            client.config_set("maxmemory", 1)
            yield cache
            client.config_set("maxmemory", 0)


def count(cache: Cache) -> int:
    return sum(held.entries for held in cache.usage().values())


@pytest.mark.parametrize("removal", REMOVALS)
def test_what_removes_works_though_uses_cannot_be_written(cache, removal):
    cache.namespace("a").get("k5")
    REMOVALS[removal](cache)
    assert count(cache) < 2000


def test_what_only_reads_works_though_uses_cannot_be_written(cache):
    namespace = cache.namespace("a")
    assert len(namespace.get("k5")) == 100
    assert len(list(namespace.entries())) == 1000
    assert len(list(namespace.entries("odd"))) == 500
    assert cache.plan_cleanup(max_entries=10).dry_run().removed().entries == 1980
    assert cache.stats().totals.entries == 2000


def test_tasks_remove_too(cache, server):
    async def remove() -> int:
        options = settings("redis", redis__url=server.url, redis__timeout=PATIENCE)
        async with AsyncCache.of(options) as tasks:
            await tasks.namespace("a").get("k5")
            await tasks.namespace("a").clear()
            await tasks.cleanup(max_entries=10)
            return sum(held.entries for held in (await tasks.usage()).values())

    assert asyncio.run(remove()) == 10
