"""Every backend of ours passes the suites that are shipped for those of others."""

import asyncio
import time

import pytest

from cachectl import AsyncCache
from cachectl._config import load
from cachectl._engine.cache import Cache
from cachectl._model.batches import BATCH
from cachectl._model.coroutines import iterate
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, Planned
from cachectl.testing import (
    BackendContract,
    LrfuContract,
    Opener,
    SharedContract,
    SharedLrfuContract,
)
from cachectl.testing.opener import ENVIRONMENT
from tests.support.openers import SHARED, WRITABLE, empty_place, having
from tests.support.segments import segment_sizes


class InSegments:
    """Looks behind the back of our backends."""

    def segment_sizes(self, opener: Opener, cache: Cache, namespace: str) -> list[int]:
        return segment_sizes(opener, cache, namespace)


class TestBackends(BackendContract):
    @pytest.fixture(params=WRITABLE)
    def settings(self, request):
        return empty_place(request)

    def test_the_memory_that_entries_take_is_estimated(self, cache: Cache) -> None:
        """Nobody has to, but ours do."""
        cache.namespace("users").set("k", "x" * 1000)
        held = cache.stats().namespaces["users"]
        assert held.memory_bytes is not None
        assert held.memory_bytes > held.bytes


@pytest.mark.parametrize("name", WRITABLE)
def test_a_plan_of_tasks_is_that_of_threads(name, request):
    """Nothing asks for it yet: a dry run of an `AsyncCache` is made in a thread."""
    request.param = name
    settings = load(overrides=empty_place(request), environ=ENVIRONMENT)

    async def plans() -> tuple[list[Planned], list[Planned]]:
        async with AsyncCache.of(settings, strict=True) as cache:
            users = cache.namespace("users", ttl="none")
            await users.set_many({f"{number}": number for number in range(2 * BATCH)})
            backend, rule = cache._core.backend, CleanupRule(time.time(), None, Limits(7))
            of_tasks = [one async for one in backend.store_for_tasks("users").plan(rule)]
            of_threads = iterate(backend.store_for_threads("users").plan(rule))
            return of_tasks, list(of_threads)

    of_tasks, of_threads = asyncio.run(plans())
    assert of_tasks == of_threads
    assert len(of_tasks) == 2 * BATCH - 7


class TestSharedBackends(SharedContract):
    @pytest.fixture(params=SHARED)
    def settings(self, request):
        return empty_place(request)


class TestLrfuBackends(InSegments, LrfuContract):
    @pytest.fixture(params=having("lrfu"))
    def settings(self, request):
        return empty_place(request)


class TestSharedLrfuBackends(InSegments, SharedLrfuContract):
    @pytest.fixture(params=SHARED)
    def settings(self, request):
        return empty_place(request)
