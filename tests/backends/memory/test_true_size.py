"""`memory_bytes` in memory is within 10 % of what `tracemalloc` sees, whatever was done before."""

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from cachectl import Namespace
from cachectl.testing import Clock
from tests.support.openers import Opener

Work = Callable[[Namespace], object]
Make = Callable[..., Namespace]
pytestmark = pytest.mark.parametrize("opener", ["memory"], indirect=True)


def key(number: int) -> str:
    """Return a key that nobody else has the text of."""
    return f"user:{number:06}"


def answer(number: int) -> dict[str, object]:
    """Return a document of some 200 bytes."""
    return {
        "id": number + 1000,
        "name": f"somebody with the number {number}",
        "scores": [number / 7, number / 3, number / 11],
        "address": {"street": f"street {number % 97}", "city": f"city {number % 31}"},
        "ok": True,
    }


def analysis(number: int) -> dict[str, object]:
    """Return a document of some 700 bytes, with many names that repeat."""
    parts = [{"name": f"part {i}", "start": i + number / 7, "end": i + 0.5} for i in range(9)]
    return {"parts": parts, "summary": f"piece {number}: " + "steady " * 40, "version": 3}


def texts(users: Namespace, count: int = 3000) -> None:
    for i in range(count):
        users.set(key(i), f"text {i:05}")


def documents(users: Namespace) -> None:
    for i in range(1500):
        users.set(key(i), answer(i))


def large_documents(users: Namespace) -> None:
    for i in range(500):
        users.set(key(i), analysis(i))


def in_other_scripts(users: Namespace) -> None:
    for i in range(500):
        users.set(key(i), {"名前": f"ユーザー {i}", "città": ["perché", "così"], "small": 1e-7})


def numbered(users: Namespace) -> None:
    """Dictionaries with names of their own, as one that maps users to something has."""
    for i in range(200):
        users.set(key(i), {f"member:{i * 20 + j:06}": j for j in range(20)})


def equal_in_size_only(users: Namespace) -> None:
    """Documents of the same bytes, of which the eighth weighs six times as much as the others."""
    for i in range(1500):
        users.set(key(i), [{"n": 1000 + j} for j in range(30)] if i % 8 == 0 else ["x" * 327])


def many_documents(users: Namespace) -> None:
    users.set_many({key(i): answer(i) for i in range(1500)})


def shared_tags(users: Namespace) -> None:
    for i in range(1500):
        users.set(key(i), answer(i), tags=[f"team:{(i + j * 7) % 50}" for j in range(5)])


def unique_tags(users: Namespace) -> None:
    for i in range(1500):
        users.set(key(i), answer(i), tags=[f"user:{i}:{j}" for j in range(5)])


def vectors(users: Namespace) -> None:
    for i in range(2000):
        users.set(key(i), np.full(512, i, "f4"))


def large_bytes(users: Namespace) -> None:
    for i in range(200):
        users.set(key(i), bytes([i]) * 50_000)


def mixed(users: Namespace) -> None:
    kinds: list[Callable[[int], object]] = [
        answer, "text {}".format, lambda i: np.full(64, i), lambda i: bytes(i % 900), analysis,
    ]  # fmt: skip
    for i in range(1500):
        users.set(key(i), kinds[i % len(kinds)](i))


def half_deleted(users: Namespace) -> None:
    texts(users)
    users.delete_many(key(i) for i in range(0, 3000, 2))


def nearly_all_deleted(users: Namespace) -> None:
    texts(users, 5_000)
    for i in range(4_900):
        users.delete(key(i))


def cleared(users: Namespace) -> None:
    texts(users, 5_000)
    users.clear()
    texts(users, 200)


def replaced(users: Namespace) -> None:
    for _ in range(10):
        texts(users, 500)


def replaced_by_what_lives_shorter(users: Namespace) -> None:
    for i in range(6_000):
        users.set(key(i % 500), f"text {i:05}", ttl=3600 - i / 10)


def looked_up(users: Namespace) -> None:
    texts(users)
    for i in range(3000):
        assert users.get(key(i))


def tags_of_the_removed(users: Namespace) -> None:
    unique_tags(users)
    users.delete_many(key(i) for i in range(1400))


def written_over_a_limit(users: Namespace) -> None:
    for i in range(3_000):
        users.set(key(i), f"text {i:05}")
        users.get(key(i * 7 % (i + 1)))


SHAPES: list[Work] = [
    texts, documents, large_documents, in_other_scripts, numbered, equal_in_size_only, many_documents, shared_tags,
    unique_tags, vectors, large_bytes, mixed, half_deleted, nearly_all_deleted, cleared, replaced,
    replaced_by_what_lives_shorter, looked_up, tags_of_the_removed,
]  # fmt: skip


class Ticking(Clock):
    """Each time that is read is a number of its own, as those of the system's clock are."""

    def __call__(self) -> float:
        return self.now + 0.0


@pytest.fixture
def clock() -> Clock:
    return Ticking()


@pytest.fixture
def users(opener: Opener) -> Make:
    """Makes namespaces, all that Python makes once being there."""
    cache = opener()
    other = cache.namespace("other", ttl="1h", max_entries=5, eviction="lrfu")
    for shape in (many_documents, large_bytes, in_other_scripts):
        shape(other)
    other.set("vector", np.zeros(3))
    return partial(cache.namespace, "users")


def error(users: Namespace, work: Work) -> float:
    """Return how much larger than true `memory_bytes` is, as a share."""
    users.stats()
    gc.collect()
    tracemalloc.start()
    try:
        work(users)
        users.flush()
        gc.collect()
        real = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    estimate = users.stats().memory_bytes
    assert estimate is not None
    return estimate / real - 1


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_what_tracemalloc_sees_of_every_shape(users: Make, shape: Work):
    assert abs(error(users(ttl="1h"), shape)) < 0.1


@pytest.mark.parametrize("policy", [{"ttl": None}, {"ttl": "1h", "eviction": "lrfu"}])
@pytest.mark.parametrize("shape", [texts, shared_tags, half_deleted, replaced, looked_up])
def test_it_is_so_without_a_ttl_and_under_lrfu(users: Make, shape: Work, policy: Any):
    assert abs(error(users(**policy), shape)) < 0.1


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
@pytest.mark.parametrize("shape", [written_over_a_limit, unique_tags, documents])
def test_it_is_so_at_a_limit(users: Make, shape: Work, eviction: str):
    assert abs(error(users(ttl="1h", eviction=eviction, max_entries=500), shape)) < 0.1
