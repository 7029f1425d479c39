"""`memory_bytes` is within 15 % of what the backend really spends."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cachectl._model.write import Write
from tests.support.openers import Opener


def small_json() -> Iterator[Write]:
    for i in range(2000):
        yield Write(
            f"user:{i:05}", {"id": i, "name": f"user {i}", "scores": [i / 7, i / 3], "ok": True}
        )


def vectors() -> Iterator[Write]:
    chance = np.random.default_rng(0)
    for i in range(2000):
        yield Write(f"speaker:{i:05}", chance.standard_normal(512, dtype="f4"))


def images() -> Iterator[Write]:
    for i in range(20):
        yield Write(f"image:{i:05}", bytes([i]) * 3_000_000)


def tagged_with_lifetime() -> Iterator[Write]:
    for i in range(2000):
        yield Write(f"session:{i:05}", f"token of {i}" * 20, tags=[f"org:{i % 50}"], ttl=60)


kinds = pytest.mark.parametrize("writes", [small_json, vectors, images, tagged_with_lifetime])


def off(estimate: int | None, real: float) -> float:
    assert estimate is not None
    return abs(estimate - real) / real


@kinds
@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_memory_is_what_tracemalloc_sees(opener: Opener, writes: Callable[[], Iterator[Write]]):
    cache = opener()
    users = cache.namespace("users", ttl=None)
    users.set("warm", np.zeros(3))
    users.set("up", {})
    users.clear()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for write in writes():
        users.set(*write[:2], ttl=write.ttl, tags=write.tags)
    gc.collect()
    real = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    estimate = cache.stats().namespaces["users"].memory_bytes
    assert off(estimate, real) < 0.15


@kinds
@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_file_is_what_is_on_disk(opener: Opener, writes: Callable[[], Iterator[Write]]):
    with opener() as cache:
        cache.namespace("users", ttl=None).set_many(writes())
        cache.namespace("others").set_many(small_json())
    cache = opener()
    figures = cache.stats()
    real = disk(opener.directory)
    assert off(figures.totals.memory_bytes, real) < 0.15


@pytest.mark.parametrize("writes", [vectors, images, tagged_with_lifetime])
@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_the_disk_is_divided_among_namespaces(opener: Opener, writes):
    with opener() as cache:
        cache.namespace("others").set_many(small_json())
        cache.flush()
    alone = disk(opener.directory)
    with opener() as cache:
        cache.namespace("users", ttl=None).set_many(writes())
    real = disk(opener.directory) - alone
    estimate = opener().stats().namespaces["users"].memory_bytes
    assert off(estimate, real) < 0.15


def disk(directory: Path) -> int:
    """Return what is there, but for the room that is kept for removals on a full disk."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if path.parent.name != "reserve")
