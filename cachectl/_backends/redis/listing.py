"""Walking the keys of a namespace on Redis, page by page."""

from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator
from functools import partial

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.shapes import array as sequence
from cachectl._backends.redis.shapes import optional_strings, pairs, strings
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import BATCH, batches

Page = list[tuple[bytes, float]]
"""Keys and when they were last used, in microseconds; least recent first."""


class Seen:
    """Hashes of keys that were seen: many in an array in their order, and some more."""

    def __init__(self, hashes: "array[int]") -> None:
        self._many = array("q", sorted(hashes))
        self._more: set[int] = set()

    def adds(self, one: int) -> bool:
        """Return whether this one is new; it is not from now on."""
        at = bisect_left(self._many, one)
        if one in self._more or (at < len(self._many) and self._many[at] == one):
            return False
        self._more.add(one)
        return True


class Listing:
    """One walk over a namespace, which may be written to meanwhile."""

    def __init__(self, client: Client, base: str) -> None:
        self._client = client
        self._lru = f"{base}lru"
        self._tag = f"{base}tag"

    async def pages(self) -> AsyncIterator[Page]:
        """Yield every key that is there all the time, once.

        What is used meanwhile moves to the end, behind the last key there was at the start. Once
        that is reached, what has moved is looked at, leaving out what was seen before: for that, 8
        bytes of each key are kept.
        """
        hashes = array("q")
        middle = await self._last()
        async for page in self._walk(float("-inf"), middle):
            hashes.extend(hash(key) for key, _ in page)
            yield page
        seen = Seen(hashes)
        async for page in self._behind(middle):
            if moved := [item for item in page if seen.adds(hash(item[0]))]:
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
        stamped.sort(key=_stamp)
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

    async def _behind(self, start: float) -> AsyncIterator[Page]:
        """Yield the keys whose stamps are from `start` on: at once if they are few, or else as the
        server comes across them among all keys, for they move on while they are used. Then a key
        may come twice, and earlier ones as well; each page is in order.
        """
        page = await self._page(start, float("inf"), BATCH)
        if len(page) < BATCH:
            yield page
            return
        cursor = b"0"
        while True:
            cursor, page = await self._client.command(
                _scanned, "ZSCAN", self._lru, cursor, "COUNT", BATCH
            )
            yield sorted(page, key=_stamp)
            if cursor == b"0":
                return

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


def _scanned(reply: Reply) -> tuple[bytes, Page]:
    """Return where the server goes on, 0 for nowhere, and what it came across."""
    found = sequence(reply)
    if len(found) != 2 or type(found[0]) is not bytes:
        raise Misread("no page of keys")
    return found[0], _page(found[1])


def _stamp(item: tuple[bytes, float]) -> float:
    return item[1]


def _stamps(reply: Reply) -> list[float | None]:
    return [None if stamp is None else float(stamp) for stamp in optional_strings(reply)]
