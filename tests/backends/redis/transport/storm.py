"""Very many lookups that are given up at any moment, on a line that delays and cuts."""

import asyncio
import random
from collections import Counter
from typing import NamedTuple

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.store import RedisStore
from cachectl._model.coroutines import run
from cachectl._model.entry import Entry
from cachectl.errors import BackendUnavailable
from tests.backends.redis.items import FREE, item
from tests.support.network import Proxy, proxied
from tests.support.servers import Server

_KEYS = 50
_LARGE_EVERY = 10
_AT_ONCE = 200


class Storm(NamedTuple):
    """What became of the lookups."""

    outcomes: Counter[str]
    connections: int


def content(number: int) -> bytes:
    """What is under a key; some of it is large."""
    return b"%d." % number * (30_000 if number % _LARGE_EVERY == 0 else 1)


def storm(server: Server, *, rounds: int, given_up: float, seed: int, cut: float) -> Storm:
    """Look up keys in rounds of 200 tasks, of which a share is cancelled; compare all values."""
    proxy = Proxy(server, seed=seed, late=0.1, seconds=0.003, cut=cut)
    with proxied(proxy) as url:
        backend = RedisBackend(url=url, timeout=5.0)
        proxy.cut, cut = 0.0, proxy.cut
        items = [item(f"k{number}", content(number)) for number in range(_KEYS)]
        run(backend.store_for_threads("ns").put(items, FREE, 0))
        proxy.cut = cut
        outcomes = asyncio.run(
            _rounds(backend.store_for_tasks("ns"), rounds, given_up, random.Random(seed))
        )
        proxy.cut = 0.0
        backend.close()
    return Storm(outcomes, proxy.connections)


async def _rounds(
    store: RedisStore, rounds: int, given_up: float, chance: random.Random
) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for _ in range(rounds):
        numbers = [chance.randrange(_KEYS) for _ in range(_AT_ONCE)]
        tasks = [asyncio.create_task(store.fetch(f"k{number}", 0)) for number in numbers]
        doomed = [task for task in tasks if chance.random() < given_up]
        while doomed:
            for _ in range(min(len(doomed), chance.choice([1, 20, 60]))):
                doomed.pop().cancel()
            await asyncio.sleep(chance.choice([0, 0, 0, 0.0005]))
        found = await asyncio.gather(*tasks, return_exceptions=True)
        outcomes.update(map(_outcome, numbers, found))
    return outcomes


def _outcome(number: int, found: Entry | BaseException | None) -> str:
    if isinstance(found, asyncio.CancelledError):
        return "cancelled"
    if isinstance(found, BackendUnavailable):
        return "unavailable"
    right = isinstance(found, Entry) and found.value == content(number)
    return "right" if right else f"wrong: {found!r:.99}"
