"""Walking the keys of a namespace on Redis, page by page."""

from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cachectl._model.batches import BATCH, batches

if TYPE_CHECKING:  # it imports redis-py
    from cachectl._backends.redis.client import Client

Page = list[tuple[bytes, float]]
"""Keys and when they were last used, in microseconds; least recent first."""


class Listing:
    """One walk over a namespace, which may be written to meanwhile."""

    def __init__(self, client: "Client", base: str) -> None:
        self._client = client
        self._lru = f"{base}lru"
        self._tag = f"{base}tag"

    def pages(self) -> Iterator[Page]:
        """Yield every key that is there all the time, once.

        What is used meanwhile moves to the end, behind the last key there was at the start. Once
        that is reached, what has moved is looked at in a second walk, which leaves out what was
        seen before: for that, 8 bytes of each key are kept.
        """
        seen = array("q")
        middle = self._last()
        for page in self._walk(float("-inf"), middle):
            seen.extend(hash(key) for key, _ in page)
            yield page
        for page in self._walk(middle, self._last()):
            new = {hash(key) for key, _ in page}.difference(seen)
            if moved := [item for item in page if hash(item[0]) in new]:
                yield moved

    def tagged(self, tag: str) -> Iterator[Page]:
        """Yield the keys that carry `tag`; they are sorted here, and so all in memory at once."""
        keys: list[bytes] = []
        start, end = b"[%b\0" % tag.encode(), b"(%b\1" % tag.encode()
        while members := self._members(start, end):
            keys += (member.partition(b"\0")[2] for member in members)
            start = b"(" + members[-1]
        stamped: Page = []
        for batch in batches(keys):
            stamps = self._client.command("ZMSCORE", self._lru, *batch)
            stamped += ((key, float(s)) for key, s in zip(batch, stamps, strict=True) if s)
        stamped.sort(key=lambda item: item[1])
        yield from batches(stamped)

    def _members(self, start: bytes, end: bytes) -> list[bytes]:
        found: list[bytes] = self._client.command(
            "ZRANGE", self._tag, start, end, "BYLEX", "LIMIT", 0, BATCH
        )
        return found

    def _last(self) -> float:
        newest = self._client.command("ZRANGE", self._lru, -1, -1, "WITHSCORES")
        return float(newest[1]) if newest else float("-inf")

    def _walk(self, start: float, end: float) -> Iterator[Page]:
        """Yield the keys whose stamps are from `start` to `end`.

        Stamps of different processes may be equal: each page begins with the last stamp of the
        page before, and is longer by as many keys as were seen with it.
        """
        ties: set[bytes] = set()
        while True:
            page = self._page(start, end, BATCH + len(ties))
            new = [item for item in page if item[0] not in ties]
            if not new:
                return
            yield new
            if new[-1][1] != start:
                start, ties = new[-1][1], set()
            ties.update(key for key, stamp in new if stamp == start)

    def _page(self, start: float, end: float, most: int) -> Page:
        flat = self._client.command(
            "ZRANGE", self._lru, start, end, "BYSCORE", "LIMIT", 0, most, "WITHSCORES"
        )
        return [(key, float(stamp)) for key, stamp in zip(flat[::2], flat[1::2], strict=True)]
