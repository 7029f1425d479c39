"""What `memory_bytes` says, compared with what the memory of the server grew by."""

import random
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.policy import Limits
from cachectl._model.records import Item
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import FREE, item
from tests.backends.redis.memory import memory_used
from tests.support.processes import wait_until
from tests.support.servers import redis_server

JSON = b'{"genre":"house","tempo":120.04,"key":"C","notes":"' + b"x" * 140 + b'"}'
KEY = "{:032x}".format


def alike(payload: bytes, entries: int, **rest) -> Iterator[Item]:
    for number in range(entries):
        yield item(KEY(number), payload, **rest)


def shared_tags(entries: int) -> Iterator[Item]:
    chance = random.Random(3)
    for number in range(entries):
        tags = sorted(f"tag:{one}" for one in chance.sample(range(50), 5))
        yield item(KEY(number), JSON, tags=tags)


def unique_tags(entries: int) -> Iterator[Item]:
    for number in range(entries):
        yield item(KEY(number), JSON, tags=[f"tag:{number}:{one}" for one in range(5)])


def mixed(entries: int) -> Iterator[Item]:
    chance = random.Random(5)
    for number in range(entries):
        yield item(KEY(number), bytes(chance.choice([10, 200, 2048, 50_000])))


def rarely_large(entries: int) -> Iterator[Item]:
    chance = random.Random(7)
    for number in range(entries):
        yield item(KEY(number), bytes(1_000_000 if chance.random() < 0.02 else 200))


SHAPES: dict[str, Callable[[], Iterator[Item]]] = {
    "100 short texts": lambda: alike(b"0123456789", 100),
    "short texts": lambda: alike(b"0123456789", 5000),
    "JSON": lambda: alike(JSON, 5000),
    "JSON that expires": lambda: alike(JSON, 5000, ttl=3600),
    "shared tags": lambda: shared_tags(5000),
    "unique tags": lambda: unique_tags(5000),
    "700 bytes": lambda: alike(bytes(700), 5000),
    "vectors": lambda: alike(bytes(2048), 5000),
    "50 KB": lambda: alike(bytes(50_000), 500),
    "images": lambda: alike(bytes(3_000_000), 20),
    "mixed": lambda: mixed(2000),
    "few mixed": lambda: mixed(100),
    "rarely large": lambda: rarely_large(1000),
}


@pytest.fixture
def fresh() -> Iterator[tuple[RedisBackend, Redis]]:
    """A server whose tables nobody has made large before."""
    with redis_server() as server, server.client() as raw:
        backend = RedisBackend(url=server.url, prefix="app")
        yield backend, raw
        backend.close()


@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_within_10_percent(fresh, shape, eviction):
    """Whatever is kept: what is rare and large is not left to a sample."""
    backend, raw = fresh
    store, limits = blocking(backend, "ns"), Limits(eviction=eviction)
    store.put([item("warm-up")], limits, 0)
    store.clear()
    before = memory_used(raw)
    for one in SHAPES[shape]():
        store.put([one], limits, 0)
    grown = memory_used(raw) - before
    said = [backend.usage()["ns"].memory_bytes or 0 for _ in range(3)]
    assert [
        round(100 * (each / grown - 1), 1) for each in said if abs(each / grown - 1) > 0.1
    ] == []


@pytest.mark.parametrize("history", ["half deleted", "replaced by others", "all but few deleted"])
def test_memory_is_within_15_percent_after_removals(fresh, history):
    """As soon as the server's own tables have shrunk, as far as it sees to that by itself."""
    backend, raw = fresh
    store = blocking(backend, "ns")
    store.put([item("warm-up")], FREE, 0)
    store.remove(["warm-up"])
    backend.usage()  # what the server keeps of scripts is not of the entries
    store.clear()
    before = memory_used(raw)
    for one in alike(JSON, 5000):
        store.put([one], FREE, 0)
    if history == "half deleted":
        store.remove(map(KEY, range(0, 5000, 2)))
    elif history == "all but few deleted":
        store.remove(map(KEY, range(4900)))
    else:
        for one in alike(bytes(700), 5000):
            store.put([one], FREE, 0)

    def is_near() -> bool:
        grown = memory_used(raw) - before
        return abs((backend.usage()["ns"].memory_bytes or 0) - grown) <= 0.15 * grown

    wait_until(is_near)
