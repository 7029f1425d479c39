"""Sorted sets of a namespace on Redis, read page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Final, TypeVar

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import pairs, real
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import BATCH

Page = list[tuple[bytes, float]]
"""Keys, each with its score, which in most sets is a time in microseconds; lowest first."""

LOWEST: Final = float("-inf")
HIGHEST: Final = float("inf")

T = TypeVar("T", bound=tuple[bytes, float] | tuple[bytes, float, float])


def walk(client: Client, name: str, start: float, end: float) -> AsyncIterator[Page]:
    """Yield the members whose scores are from `start` to `end`."""
    return walk_by(partial(page, client, name), start, end)


async def walk_by(
    read: Callable[[float, float, int], Awaitable[list[T]]], start: float, end: float
) -> AsyncIterator[list[T]]:
    """Yield what `read` returns from `start` to `end`, so many at most.

    Scores may be equal: each page begins with the last score of the page before, and is longer by
    as many members as were seen with it.
    """
    ties: set[bytes] = set()
    while True:
        new = [item for item in await read(start, end, BATCH + len(ties)) if item[0] not in ties]
        if not new:
            return
        yield new
        if new[-1][1] != start:
            start, ties = new[-1][1], set()
        ties.update(item[0] for item in new if item[1] == start)


async def page(client: Client, name: str, start: float, end: float, most: int) -> Page:
    """Return the first members from `start` to `end`."""
    return await client.command(
        partial(_page_from, start),
        "ZRANGE",
        name,
        start,
        end,
        "BYSCORE",
        "LIMIT",
        0,
        most,
        "WITHSCORES",
    )


def as_page(reply: Reply) -> Page:
    return [(key, real(score)) for key, score in pairs(reply)]


def _page_from(start: float, reply: Reply) -> Page:
    found = as_page(reply)
    require_from(start, (score for _, score in found))
    return found


def require_from(start: float, scores: Iterable[float]) -> None:
    """Raise `Misread` if scores are from before: who goes on from the last would never end."""
    if any(score < start for score in scores):
        raise Misread("scores that were not asked for")
