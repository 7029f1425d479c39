"""Redis from tasks: beside what redis.asyncio alone does with the same values."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis

from benchmarks.harness.caches import async_cache, filled_by_tasks
from benchmarks.harness.registry import Case, Contender, row
from benchmarks.harness.servers import Server, placed, redis_server
from benchmarks.harness.tasks import Async, at_once
from benchmarks.harness.values import DOCUMENT
from benchmarks.rows.redis import PLACES, PLAIN, fill

COUNTS: Final = (1, 10, 100, 1000)
"""So many tasks at once."""
BARRED: Final = 100
_CONNECTIONS: Final = 100
"""As many as redis.asyncio opens at most if it is told nothing; it then refuses more tasks, unless
they wait in a `BlockingConnectionPool`."""
_ENDLESS: Final = {"socket_timeout": None, "socket_connect_timeout": None}
_KEYS: Final = DOCUMENT.names() * 2


@contextmanager
def reader(loop: asyncio.Runner, server: Server, **options: Any) -> Iterator[Async]:
    """Provide what gets a document by redis.asyncio, with its default time-outs unless told."""
    pool = BlockingConnectionPool.from_url(
        server.url, max_connections=_CONNECTIONS, timeout=None, **options
    )
    client: Any = Redis.from_pool(pool)

    async def read(key: str) -> Any:
        return json.loads(await client.get(key))

    yield read
    loop.run(client.aclose())


@row(
    "async-redis",
    "charter",
    "redis `get` hit by tasks at once",
    "redis.asyncio `get` + `json.loads`",
    bar=0.5,
    aim=0.2,
)
def get_hit() -> Iterator[Case]:
    with (
        redis_server() as server,
        server.client() as client,
        asyncio.Runner() as loop,
        async_cache(loop, backend="redis", url=server.url) as cache,
        reader(loop, server) as bounded,
        reader(loop, server, **_ENDLESS) as endless,
    ):
        fill(client, DOCUMENT)
        ours = loop.run(filled_by_tasks(cache, "documents", DOCUMENT))
        for tasks, place in product(COUNTS, PLACES):
            sample = partial(at_once, loop, keys=_KEYS[: max(500, 2 * tasks)], tasks=tasks)
            with placed(server, apart=PLACES[place]):
                yield Case(
                    f"{tasks:,} task{'s' if tasks > 1 else ''}, {place}",
                    Contender("cachectl", sample(ours.get)),
                    [
                        Contender("redis.asyncio", sample(bounded), PLAIN),
                        Contender(
                            "redis.asyncio, no time-outs",
                            sample(endless),
                            f"{PLAIN}; waits for ever for a server that does not answer",
                        ),
                    ],
                    barred=tasks == BARRED,
                    rounds=11,
                )
