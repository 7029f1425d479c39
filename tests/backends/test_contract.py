"""Every backend of ours passes the suites that are shipped for those of others."""

import pytest

from cachectl._engine.cache import Cache
from cachectl.testing import (
    BackendContract,
    LrfuContract,
    Opener,
    SharedContract,
    SharedLrfuContract,
)
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
