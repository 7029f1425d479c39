"""What a cleanup on Redis would remove: of what is really there, and found by the same indexes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from cachectl._backends.redis.arguments import micros
from cachectl._backends.redis.listing import Listing
from cachectl._backends.redis.pages import Page
from cachectl._backends.redis.seen import Seen
from cachectl._model.records import CleanupRule, Planned, Removed

Sizes = Callable[[Sequence[bytes]], Awaitable[Sequence[int | None]]]
"""Returns the stored bytes of each of some keys; None for what is not there."""


class Plan:
    """What one rule names, out of one listing."""

    def __init__(self, listing: Listing, sizes: Sizes, rule: CleanupRule) -> None:
        self._listing = listing
        self._sizes = sizes
        self._rule = rule
        self._seen = Seen()
        self._kept = Removed()
        self._in_main = 0

    async def entries(self) -> AsyncIterator[Planned]:
        """Yield what has expired, then what is idle, then what exceeds limits."""
        rule = self._rule
        async for page in self._listing.expired_by(micros(rule.now)):
            for key, size in await self._there(page):
                yield _planned(key, size, is_expired=True)
        if rule.idle_before is not None:
            async for page in self._listing.used_before(micros(rule.idle_before)):
                for key, size in await self._there(page):
                    yield _planned(key, size, is_expired=False)
        if rule.limits.max_entries is not None or rule.limits.max_bytes is not None:
            async for one in self._over():
                yield one

    async def _over(self) -> AsyncIterator[Planned]:
        await self._count()
        limits, kept = self._rule.limits, self._kept
        if not limits.exceeded(*kept):
            return
        ranks = await self._listing.ranks()
        if ranks is not None:
            in_window = kept.entries - self._in_main
            ranks = ranks._replace(in_window=in_window, in_main=self._in_main)
        async for page in self._listing.pages_but(self._seen, ranks):
            keys = [key for key, _ in page]
            for key, size in zip(keys, await self._sizes(keys), strict=True):
                if size is None:
                    continue
                if not limits.exceeded(*kept):
                    return
                yield _planned(key, size, is_expired=False)
                kept = kept.plus(Removed(-1, -size))

    async def _there(self, page: Page) -> list[tuple[bytes, int]]:
        """Return what was not seen yet and is there; the page is seen then."""
        keys = [key for key, _ in page if self._seen.adds(key)]
        found = zip(keys, await self._sizes(keys), strict=True) if keys else ()
        return [(key, size) for key, size in found if size is not None]

    async def _count(self) -> None:
        """Count what is there beside what was seen; what only the index has is seen then."""
        async for page in self._listing.by_use():
            keys = [key for key, _ in page if key not in self._seen]
            there = []
            for key, size in zip(keys, await self._sizes(keys) if keys else (), strict=True):
                if size is None:
                    self._seen.adds(key)
                else:
                    there.append(key)
                    self._kept = self._kept.plus(Removed(1, size))
            if there:
                self._in_main += await self._listing.in_main(there)


def _planned(key: bytes, size: int, *, is_expired: bool) -> Planned:
    return Planned(key.decode(errors="replace"), size, is_expired)
