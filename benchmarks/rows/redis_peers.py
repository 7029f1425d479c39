"""Redis: beside the caches that people put over redis-py."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from benchmarks.harness.caches import filled
from benchmarks.harness.measure import each
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import Server, placed, redis_server
from benchmarks.harness.tasks import each_awaited
from benchmarks.harness.values import DOCUMENT
from benchmarks.rows.redis import PLAIN, TTL, side_by_side

_PICKLE: Final = f"{PLAIN}; pickles values, which runs code that others planted"
_KEYS: Final = DOCUMENT.names()[:200]


@row(
    "redis-operations",
    "peers",
    "redis: hit, miss, `set`, `get_or_load`, decorator",
    "dogpile.cache and cashews",
)
def operations() -> Iterator[Case]:
    value, absent = DOCUMENT.value, [f"absent:{key}" for key in _KEYS]

    def answer(_question: str) -> Any:
        return value

    async def answer_later(_question: str) -> Any:
        return value

    with (
        side_by_side() as (cache, server),
        placed(server, apart=False),
        asyncio.Runner() as loop,
        _cashews(loop) as cashews,
    ):
        ours, dogpile = filled(cache, "documents", DOCUMENT), _dogpile(server)
        case = partial(_case, loop)
        yield case(
            "set",
            _KEYS,
            lambda key: ours.set(key, value),
            lambda key: dogpile.set(key, value),
            lambda key: cashews.set(key, value, expire=TTL),
        )
        yield case("get, hit", _KEYS, ours.get, dogpile.get, cashews.get)
        yield case("get, miss", absent, ours.get, dogpile.get, cashews.get)
        yield case(
            "get_or_load, hit",
            _KEYS,
            lambda key: ours.get_or_load(key, dict),
            lambda key: dogpile.get_or_create(key, dict),
            lambda key: cashews.get_or_set(key, default=dict, expire=TTL),
        )
        yield case(
            "decorator, hit",
            _KEYS,
            cache.cached("answers")(answer),
            dogpile.cache_on_arguments()(answer),
            cashews(ttl=TTL)(answer_later),
        )


def _case(
    loop: asyncio.Runner,
    name: str,
    keys: list[str],
    ours: Callable[[str], object],
    dogpile: Callable[[str], object],
    cashews: Callable[[str], Awaitable[object]],
) -> Case:
    return Case(
        name,
        Contender("cachectl", each(ours, keys)),
        [
            Contender("dogpile.cache", each(dogpile, keys), _PICKLE),
            Contender("cashews", each_awaited(loop, cashews, keys), f"{_PICKLE}; in an event loop"),
        ],
    )


def _dogpile(server: Server) -> Any:
    """Return a region of dogpile.cache whose entries expire in Redis, too."""
    from dogpile.cache import make_region

    options = {"url": server.url, "redis_expiration_time": TTL}
    return make_region().configure("dogpile.cache.redis", expiration_time=TTL, arguments=options)


@contextmanager
def _cashews(loop: asyncio.Runner) -> Iterator[Any]:
    """Provide a cache of cashews on the socket of a server, which its URLs cannot name."""
    from cashews import Cache, register_backend
    from cashews.backends.redis import Redis
    from cashews.picklers import PicklerType

    register_backend("unix", Redis, pass_uri=True, pickler=PicklerType.DEFAULT)
    with redis_server() as server, placed(server, apart=False):
        cache = Cache()
        cache.setup(server.url)
        yield cache
        loop.run(cache.close())
