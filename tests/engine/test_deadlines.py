"""Calls that do several things have one deadline for all of them."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from cachectl import AsyncCache, Cache
from tests.support.network import Command, scripted

SLOW, TIMEOUT = 0.8, 1.0
"""Seconds that a lookup takes, and that a call may wait."""


async def answer_lookups(command: Command) -> AsyncIterator[bytes]:
    """Find nothing, after a while; say nothing to whatever else is asked."""
    if command[0] in (b"GET", b"GETRANGE"):
        await asyncio.sleep(SLOW)
        yield b"$-1\r\n"


@pytest.fixture
def settings():
    with scripted(answer_lookups) as (url, _):
        yield {"backend": "redis", "redis.url": url, "redis.timeout": str(TIMEOUT)}


def load_in_thread(settings) -> str:
    cache = Cache.open(settings=settings)
    return cache.namespace("users").get_or_load("k", lambda: "made")


def load_in_task(settings) -> str:
    async def load() -> str:
        cache = AsyncCache.open(settings=settings)
        return await cache.namespace("users").get_or_load("k", lambda: "made")

    return asyncio.run(load())


@pytest.mark.parametrize("load", [load_in_thread, load_in_task])
def test_what_is_stored_after_a_slow_lookup_has_the_time_that_is_left(settings, load):
    began = monotonic()
    assert load(settings) == "made"
    assert monotonic() - began < TIMEOUT + SLOW / 2
