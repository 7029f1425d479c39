"""Eviction by lrfu of many entries: uses are recorded of those it looks at, and roughly of others."""

import pytest

from cachectl import MISSING
from cachectl._backends.file import eviction
from cachectl._engine.cache import Cache
from cachectl._model.batches import BATCH
from cachectl.testing.contract.eviction import trace
from cachectl.testing.plain_lrfu import PlainCache
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some be many."""
    monkeypatch.setattr(eviction, "FEW", 10)


@pytest.fixture
def cache(opener: Opener) -> Cache:
    return opener()


@pytest.mark.parametrize("flushes", [True, False])
def test_many_entries_are_hit_as_by_the_algorithm_alone(cache: Cache, flushes: bool):
    """Limits are exact, and hardly any hit is lost."""
    users, plain = cache.namespace("users", max_entries=100, eviction="lrfu"), PlainCache(100)
    keys = trace(3000, seed=3)
    hits = expected = 0
    for number, key in enumerate(keys):
        if users.get(key) is MISSING:
            users.set(key, key)
        else:
            hits += 1
        if plain.get(key):
            expected += 1
        else:
            plain.set(key)
        if flushes and number % BATCH == 0:
            cache.flush()
    assert hits / len(keys) > expected / len(keys) - 0.02
    assert cache.usage()["users"].entries == len(list(users.entries())) == 100


def test_what_was_used_is_not_what_goes(cache: Cache):
    """Though nothing is recorded of it before."""
    users = cache.namespace("users", max_entries=20, eviction="lrfu", ttl="none")
    for number in range(20):
        users.set(str(number), number)
    for _ in range(5):
        for number in range(10):
            users.get(str(number))
        users.set("new", 1)
        users.delete("new")
    for number in range(100):
        users.set(f"once{number}", number)
    assert sum(users.has(str(number)) for number in range(10)) >= 8
    assert not any(users.has(str(number)) for number in range(10, 18))
