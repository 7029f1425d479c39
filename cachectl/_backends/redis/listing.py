"""Walking the keys of a namespace on Redis, page by page."""

from array import array
from collections.abc import AsyncIterator
from functools import partial

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import optional_strings, pairs, strings
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import BATCH, batches

Page = list[tuple[bytes, float]]
"""Keys and when they were last used, in microseconds; least recent first."""


class Listing:
    """One walk over a namespace, which may be written to meanwhile."""

    def __init__(self, client: Client, base: str) -> None:
        self._client = client
        self._lru = f"{base}lru"
        self._tag = f"{base}tag"

    async def pages(self) -> AsyncIterator[Page]:
        """Yield every key that is there all the time, once.

        What is used meanwhile moves to the end, behind the last key there was at the start. Once
        that is reached, what has moved is looked at in a second walk, which leaves out what was
        seen before: for that, 8 bytes of each key are kept.
        """
        seen = array("q")
        middle = await self._last()
        async for page in self._walk(float("-inf"), middle):
            seen.extend(hash(key) for key, _ in page)
            yield page
        async for page in self._walk(middle, await self._last()):
            new = {hash(key) for key, _ in page}.difference(seen)
            if moved := [item for item in page if hash(item[0]) in new]:
                yield moved

    async def tagged(self, tag: str) -> AsyncIterator[Page]:
        """Yield the keys that carry `tag`; they are sorted here, and so all in memory at once."""
        keys: list[bytes] = []
        last, end = b"%b\0" % tag.encode(), b"(%b\1" % tag.encode()
        while members := await self._members(last, end):
            keys += (member.partition(b"\0")[2] for member in members)
            last = members[-1]
        stamped: Page = []
        for batch in batches(keys):
            stamps = await self._client.command(_stamps, "ZMSCORE", self._lru, *batch)
            stamped += ((key, stamp) for key, stamp in zip(batch, stamps, strict=True) if stamp)
        stamped.sort(key=lambda item: item[1])
        for page in batches(stamped):
            yield page

    async def _members(self, last: bytes, end: bytes) -> list[bytes]:
        return await self._client.command(
            partial(_after, last), "ZRANGE", self._tag, b"(" + last, end, "BYLEX", "LIMIT", 0, BATCH
        )

    async def _last(self) -> float:
        newest = await self._client.command(_page, "ZRANGE", self._lru, -1, -1, "WITHSCORES")
        return newest[0][1] if newest else float("-inf")

    async def _walk(self, start: float, end: float) -> AsyncIterator[Page]:
        """Yield the keys whose stamps are from `start` to `end`.

        Stamps of different processes may be equal: each page begins with the last stamp of the
        page before, and is longer by as many keys as were seen with it.
        """
        ties: set[bytes] = set()
        while True:
            page = await self._page(start, end, BATCH + len(ties))
            new = [item for item in page if item[0] not in ties]
            if not new:
                return
            yield new
            if new[-1][1] != start:
                start, ties = new[-1][1], set()
            ties.update(key for key, stamp in new if stamp == start)

    async def _page(self, start: float, end: float, most: int) -> Page:
        return await self._client.command(
            _page, "ZRANGE", self._lru, start, end, "BYSCORE", "LIMIT", 0, most, "WITHSCORES"
        )


def _after(last: bytes, reply: Reply) -> list[bytes]:
    """Return members, all of which come after the last one that is known: or it would never end."""
    found = strings(reply)
    if found and min(found) <= last:
        raise Misread("members that were there before")
    return found


def _page(reply: Reply) -> Page:
    return [(key, float(stamp)) for key, stamp in pairs(reply)]


def _stamps(reply: Reply) -> list[float | None]:
    return [None if stamp is None else float(stamp) for stamp in optional_strings(reply)]
