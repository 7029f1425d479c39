"""The beginnings of values: what a listing, or a plan, reads of entries."""

from collections.abc import Sequence
from functools import partial

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.pages import Page
from cachectl._backends.redis.results import as_heads, listed
from cachectl._model.envelope import HEADER_LIMIT
from cachectl._model.records import EntryInfo
from cachectl.errors import BackendRefused


class Heads:
    """Reads them of the keys of one namespace."""

    def __init__(self, client: Client, base: str) -> None:
        self._client = client
        self._base = base

    async def entries(self, page: Page) -> list[EntryInfo]:
        """Return the entries that are there under the keys of a page."""
        found = await self._read(HEADER_LIMIT, [key for key, _ in page])
        return [
            listed(key, stamp, head, size or len(head))
            for (key, stamp), (head, size) in zip(page, found, strict=True)
            if head
        ]

    async def sizes(self, keys: Sequence[bytes]) -> list[int | None]:
        """Return the stored bytes of each key; None for what is not there."""
        return [size if head else None for head, size in await self._read(1, keys)]

    async def _read(self, length: int, keys: Sequence[bytes]) -> list[tuple[bytes | None, int]]:
        """Return beginning and size of the value of each key."""
        try:
            shape = partial(as_heads, len(keys))
            return await self._client.run(shape, "read", self._base, length, *keys)
        except BackendRefused as error:
            from cachectl._backends.redis import plain  # not as a rule

            plain.require_forbidden(error)
            return await plain.heads(self._client, self._base, length, keys)
