"""Calls that do several things have one deadline for all of them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

import pytest

from cachectl import AsyncCache, BackendUnavailable, Cache
from tests.support.network import Command, scripted
from tests.support.servers import redis_server

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


@contextmanager
def hung(*, strict: bool) -> Iterator[Cache]:
    """Yield a cache that has counts and uses to write, to a server that says nothing any more."""
    with redis_server() as server:
        settings = {"backend": "redis", "redis.url": server.url, "redis.timeout": str(TIMEOUT)}
        cache = Cache.open(settings=settings, strict=strict)
        for name in ("users", "others"):
            cache.namespace(name).set("k", 1)
            cache.namespace(name).get("k")
        server.process.send_signal(signal.SIGSTOP)
        yield cache
        server.process.send_signal(signal.SIGCONT)
        cache.close()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("call", [Cache.flush, Cache.cleanup, Cache.stats, Cache.close])
def test_uses_and_counts_that_cannot_be_written_are_waited_for_together(call, strict):
    with hung(strict=strict) as cache:
        began = monotonic()
        with suppress(BackendUnavailable):
            call(cache)
        assert monotonic() - began < 1.8 * TIMEOUT
