"""What uses cost on files: what flushes write while keys are only read, and how exact evictions stay."""

from itertools import pairwise
from pathlib import Path

import pytest

from cachectl import MISSING
from cachectl._engine.cache import Cache
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

_KEYS = 5_000


def log_bytes(directory: Path) -> int:
    return (directory / "cache.db-wal").stat().st_size


def tick(cache: Cache) -> None:
    """Do what is done once a second."""
    cache._core._tick(all_uses=False)


@pytest.fixture
def cache(opener: Opener) -> Cache:
    """A cache with many keys."""
    cache = opener()
    cache.namespace("a").set_many(Write(str(number), "value") for number in range(_KEYS))
    cache.flush()
    return cache


def test_reading_many_keys_without_limits_writes_hardly_anything(
    opener: Opener, cache: Cache, clock: Clock
):
    """Less than 1 kB for each get, also of the first use, also after an hour."""
    namespace = cache.namespace("a")
    before, gets = log_bytes(opener.directory), 0
    for _ in range(30):
        for number in range(_KEYS):
            assert namespace.get(str(number * 37 % _KEYS)) == "value"
            gets += 1
        clock.advance(10)
        tick(cache)
    assert 0 < log_bytes(opener.directory) - before < 100 * gets
    clock.advance(3600)
    for number in range(_KEYS):
        namespace.get(str(number * 37 % _KEYS))
    clock.advance(130)
    tick(cache)
    assert log_bytes(opener.directory) - before < 200 * gets


def test_with_a_limit_a_key_is_written_once_in_five_seconds(
    opener: Opener, cache: Cache, clock: Clock
):
    namespace = cache.namespace("a", max_entries=_KEYS)
    tick(cache)
    clock.advance(6)
    sizes = [log_bytes(opener.directory)]
    for _ in range(5):
        for number in range(_KEYS):
            namespace.get(str(number))
        clock.advance(1)
        tick(cache)
        sizes.append(log_bytes(opener.directory))
    grown = [after - before for before, after in pairwise(sizes)]
    assert grown[0] > 100_000
    assert max(grown[1:]) < 20_000


def test_what_this_process_used_just_now_outlives_what_it_did_not(cache: Cache):
    """Though that use is not handed over."""
    namespace = cache.namespace("a", max_entries=_KEYS)
    for number in range(300):
        assert namespace.get(str(number)) is not MISSING
    tick(cache)
    for number in range(300):
        namespace.set(f"new{number}", "value")
    assert all(namespace.has(str(number)) for number in range(300))
    assert not any(namespace.has(str(number)) for number in range(300, 600))
