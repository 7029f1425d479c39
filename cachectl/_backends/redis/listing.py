"""Walking the keys of a namespace on Redis, page by page."""

from collections.abc import AsyncIterator
from functools import partial

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.pages import HIGHEST, LOWEST, Page, as_page, page, walk
from cachectl._backends.redis.ranks import Ranks, as_scores, pages_by_rank, ranks_of
from cachectl._backends.redis.seen import Seen
from cachectl._backends.redis.shapes import array, strings
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import BATCH, batches


class Listing:
    """One walk over a namespace, which may be written to meanwhile."""

    def __init__(self, client: Client, base: str) -> None:
        self._client = client
        self._base = base
        self._lru = f"{base}lru"
        self._tag = f"{base}tag"

    async def pages(self) -> AsyncIterator[Page]:
        """Yield every key that is there all the time, once, with when it was last used; in the order
        in which limits remove them.
        """
        async for found in self.pages_but(Seen(), await self.ranks()):
            yield found

    async def pages_but(self, seen: Seen, ranks: Ranks | None) -> AsyncIterator[Page]:
        """Yield the keys that were not seen, which stand as `ranks` say; they are seen then.

        What is used or written meanwhile moves. So it is left out where it is met again, and once the
        end is reached, what has moved is looked at; for that, some bytes of each key are kept.
        """
        newest = await self._newest()
        if ranks is None:
            async for found in walk(self._client, self._lru, LOWEST, newest):
                if new := [item for item in found if seen.adds(item[0])]:
                    yield new
            changed = False
        else:
            async for found in pages_by_rank(self._client, self._base, ranks, seen):
                yield found
            changed = (await self.ranks() or ranks)[3:] != ranks[3:]
        async for found in self._everything() if changed else self._since(newest):
            if new := [item for item in found if seen.adds(item[0])]:
                yield new

    async def tagged(self, tag: str) -> AsyncIterator[Page]:
        """Yield the keys that carry `tag` in the same order; they are all in memory at once."""
        keys = [key async for key in self._keys_with(tag)]
        if await self.ranks() is None:
            stamped = [item for batch in batches(keys) for item in await self._stamped(batch)]
            stamped.sort(key=_stamp)
            for found in batches(stamped):
                yield found
            return
        wanted = frozenset(keys)
        async for found in self.pages():
            if some := [item for item in found if item[0] in wanted]:
                yield some

    async def ranks(self) -> Ranks | None:
        """Return how keys stand where `lrfu` decides; None if the order of use does."""
        return await ranks_of(self._client, self._base)

    async def by_use(self) -> AsyncIterator[Page]:
        """Yield all keys, least recently used first; what is used meanwhile may come twice, or not."""
        async for found in walk(self._client, self._lru, LOWEST, await self._newest()):
            yield found

    def used_before(self, stamp: int) -> AsyncIterator[Page]:
        """Yield the keys that were last used before a time in microseconds."""
        return walk(self._client, self._lru, LOWEST, stamp - 1)

    def expired_by(self, stamp: int) -> AsyncIterator[Page]:
        """Yield the keys that expired by a time, each with when it did."""
        return walk(self._client, f"{self._base}exp", LOWEST, stamp)

    async def in_main(self, keys: list[bytes]) -> int:
        """Return how many of the keys are in the main segment."""
        scores = await self._client.command(as_scores, "ZMSCORE", f"{self._base}main", *keys)
        return len(scores) - scores.count(None)

    async def _keys_with(self, tag: str) -> AsyncIterator[bytes]:
        last, end = b"%b\0" % tag.encode(), b"(%b\1" % tag.encode()
        while members := await self._members(last, end):
            for member in members:
                yield member.partition(b"\0")[2]
            last = members[-1]

    async def _members(self, last: bytes, end: bytes) -> list[bytes]:
        return await self._client.command(
            partial(_after, last), "ZRANGE", self._tag, b"(" + last, end, "BYLEX", "LIMIT", 0, BATCH
        )

    async def _stamped(self, keys: list[bytes]) -> Page:
        stamps = await self._client.command(as_scores, "ZMSCORE", self._lru, *keys)
        return [(key, stamp) for key, stamp in zip(keys, stamps, strict=True) if stamp is not None]

    async def _newest(self) -> float:
        newest = await self._client.command(as_page, "ZRANGE", self._lru, -1, -1, "WITHSCORES")
        return newest[0][1] if newest else LOWEST

    async def _since(self, start: float) -> AsyncIterator[Page]:
        """Yield the keys that were last used since then: at once if they are few, or else among all,
        for they move on while they are used.
        """
        found = await page(self._client, self._lru, start, HIGHEST, BATCH)
        if len(found) < BATCH:
            yield found
            return
        async for found in self._everything():
            yield found

    async def _everything(self) -> AsyncIterator[Page]:
        """Yield all keys as the server comes across them, some twice; each page is in order."""
        cursor = b"0"
        for _ in self._client.steps():
            cursor, found = await self._client.command(
                _scanned, "ZSCAN", self._lru, cursor, "COUNT", BATCH
            )
            yield sorted(found, key=_stamp)
            if cursor == b"0":
                return


def _after(last: bytes, reply: Reply) -> list[bytes]:
    """Return members, all of which come after the last one that is known: or it would never end."""
    found = strings(reply)
    if found and min(found) <= last:
        raise Misread("members that were there before")
    return found


def _scanned(reply: Reply) -> tuple[bytes, Page]:
    """Return where the server goes on, 0 for nowhere, and what it came across."""
    found = array(reply)
    if len(found) != 2 or type(found[0]) is not bytes:
        raise Misread("no page of keys")
    return found[0], as_page(found[1])


def _stamp(item: tuple[bytes, float]) -> float:
    return item[1]
