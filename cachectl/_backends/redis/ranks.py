"""The keys of a namespace on Redis that evicts by `lrfu`, in the order in which limits remove them."""

from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

from cachectl._backends.eviction.foresight import Foresight, in_order_of_pages
from cachectl._backends.eviction.lrfu import Place
from cachectl._backends.redis.client import Client
from cachectl._backends.redis.pages import HIGHEST, LOWEST, Page, require_from, walk, walk_by
from cachectl._backends.redis.plain import require_forbidden
from cachectl._backends.redis.seen import Seen
from cachectl._backends.redis.shapes import optional_strings, real, strings
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import BATCH
from cachectl.errors import BackendRefused

Places = list[Place[tuple[bytes, float]]]
"""Keys and when they were last used, by their scores."""


class Ranks(NamedTuple):
    """The share of the window, the keys in it and in the main segment, and two numbers that are others
    once a key has changed segments.
    """

    share: float
    in_window: int
    in_main: int
    clock: float
    evictions: float


async def ranks_of(client: Client, base: str) -> Ranks | None:
    """Return how a namespace stands; None if the order of use decides, or this user may not ask."""
    try:
        return await client.run(_as_ranks, "standing", base)
    except BackendRefused as error:
        require_forbidden(error)
        return None


async def stamps_of(client: Client, base: str, keys: list[bytes]) -> list[float | None]:
    """Return when the keys were last used; None for those that are gone."""
    return await client.command(as_scores, "ZMSCORE", f"{base}lru", *keys)


async def pages_by_rank(client: Client, base: str, ranks: Ranks, seen: Seen) -> AsyncIterator[Page]:
    """Yield the keys that were not seen. One that changes segments meanwhile may be missed."""
    foresight = Foresight[tuple[bytes, float]](ranks.in_window, ranks.in_main, ranks.share)
    page: Page = []
    async for item in in_order_of_pages(
        foresight, _window(client, base, seen), _main(client, base, seen)
    ):
        page.append(item)
        if len(page) == BATCH:
            yield page
            page = []
    if page:
        yield page


async def _window(client: Client, base: str, seen: Seen) -> AsyncIterator[Places]:
    async def read(start: float, end: float, most: int) -> list[tuple[bytes, float, float]]:
        return await client.run(partial(_as_scored, start), "window", base, start, end, most)

    async for page in walk_by(read, LOWEST, HIGHEST):
        if places := [_place(*item) for item in page if seen.adds(item[0])]:
            yield places


async def _main(client: Client, base: str, seen: Seen) -> AsyncIterator[Places]:
    async for page in walk(client, f"{base}main", LOWEST, HIGHEST):
        new = [item for item in page if seen.adds(item[0])]
        stamps = await stamps_of(client, base, [key for key, _ in new]) if new else []
        if places := [
            _place(key, stamp, score)
            for (key, score), stamp in zip(new, stamps, strict=True)
            if stamp is not None
        ]:
            yield places


def _place(key: bytes, stamp: float, score: float) -> Place[tuple[bytes, float]]:
    return Place(score, key.decode("latin-1"), (key, stamp))  # in the order of its bytes


def _as_ranks(reply: Reply) -> Ranks | None:
    found = strings(reply)
    if not found:
        return None
    share, in_window, in_main, *others = map(real, found)
    return Ranks(share, int(in_window), int(in_main), *others)


def _as_scored(start: float, reply: Reply) -> list[tuple[bytes, float, float]]:
    found = strings(reply)
    if len(found) % 3:
        raise Misread("not a stamp and a score for each key")
    scored = [
        (key, real(stamp), real(score))
        for key, stamp, score in zip(found[::3], found[1::3], found[2::3], strict=True)
    ]
    require_from(start, (stamp for _, stamp, _ in scored))
    return scored


def as_scores(reply: Reply) -> list[float | None]:
    return [None if score is None else real(score) for score in optional_strings(reply)]
