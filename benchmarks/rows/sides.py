"""Caches that processes open for a mix of calls: ours by a policy, diskcache and redis-py beside it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis

from benchmarks.harness.mix import KEYS, Calls, key
from benchmarks.rows.file import diskcache
from benchmarks.rows.growth import TTL, VALUE
from cachectl import Cache, Namespace, Write
from cachectl._model.policy import EVICTIONS

LIMIT: Final = KEYS // 2
Policy = Mapping[str, Any]
UNLIMITED: Final[Policy] = {"ttl": TTL}
LRU, LRFU = ({"ttl": TTL, "max_entries": LIMIT, "eviction": eviction} for eviction in EVICTIONS)


@contextmanager
def ours(policy: Policy, **options: Any) -> Iterator[Calls]:
    with Cache.open(**options) as cache:
        namespace = _namespace(cache, policy)
        yield Calls(namespace.get, lambda name: namespace.set(name, VALUE))


@contextmanager
def on_diskcache(path: Path, **settings: Any) -> Iterator[Calls]:
    with diskcache.Cache(str(path), **settings) as cache:
        yield Calls(cache.get, lambda name: cache.set(name, VALUE, expire=TTL))


@contextmanager
def on_redis_py(url: str) -> Iterator[Calls]:
    with redis.Redis.from_url(url) as client:
        yield Calls(client.get, lambda name: client.set(name, VALUE, ex=TTL))


def fill_ours(policy: Policy, names: Iterable[str], **options: Any) -> None:
    with Cache.open(**options) as cache:
        assert all(_namespace(cache, policy).set_many(Write(name, VALUE) for name in names))


def fill_diskcache(path: Path, names: Iterable[str], **settings: Any) -> None:
    with diskcache.Cache(str(path), **settings) as cache, cache.transact():
        for name in names:
            cache.set(name, VALUE, expire=TTL)


def wanted(number: int = LIMIT) -> Iterator[str]:
    """Yield the keys that are wanted most, the most wanted last."""
    return map(key, reversed(range(number)))


def _namespace(cache: Cache, policy: Policy) -> Namespace:
    return cache.namespace("documents", **policy)
