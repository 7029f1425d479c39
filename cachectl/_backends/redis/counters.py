"""Counters on Redis: for each namespace a table of totals, and one for each bucket of each ring.

Tables of buckets are dropped by the server once their ring has moved on.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cachectl._backends.redis.keyspace import Keyspace
from cachectl._metrics.counters import LAST_HIT, SUMMED, Batch, Counts
from cachectl._metrics.windows import RINGS, Window

if TYPE_CHECKING:  # it imports redis-py
    from cachectl._backends.redis.client import Argument, Client

_CLIENT_SECONDS: Final = 86_400
"""How long the last sequence of a client is remembered."""


class RedisCounters:
    """Adds and reads the counters of all namespaces below one prefix."""

    def __init__(self, keys: Keyspace, client: "Client") -> None:
        self._keys = keys
        self._client = client

    def add(self, batch: Batch) -> None:
        calls = [
            (self._keys.base(name), tuple(_arguments(batch, counts)))
            for name, counts in batch.counts.items()
        ]
        if calls:
            self._client.run_all("count", calls)
            self._client.command("SADD", self._keys.names, *batch.counts)

    def read(self, window: Window) -> dict[str, Counts]:
        names = self._keys.namespaces(self._client)
        suffixes = list(_suffixes(window))
        commands: list[tuple[str, str]] = []
        for base in map(self._keys.base, names):
            commands.append(("EXISTS", f"{base}c"))
            commands += (("HGETALL", base + suffix) for suffix in suffixes)
        replies = self._client.pipeline(commands)
        width = 1 + len(suffixes)
        return {
            name: _merged(replies[at + 1 : at + width])
            for name, at in zip(names, range(0, len(replies), width), strict=True)
            if replies[at]
        }


def _arguments(batch: Batch, counts: Counts) -> "Iterator[Argument]":
    yield from (batch.client, batch.sequence, _CLIENT_SECONDS, counts.last_hit_us, 1 + len(RINGS))
    yield from ("c", "")
    for ring in RINGS:
        yield from (f"c:{ring.width}:{ring.bucket(batch.at)}", ring.span + ring.width)
    for name in SUMMED:
        if amount := getattr(counts, name):
            yield from (name, amount)


def _suffixes(window: Window) -> Iterator[str]:
    if window.ring is None or window.start is None:
        yield "c"
    else:
        width = window.ring.width
        for bucket in range(int(window.start), window.ring.bucket(window.end) + 1, width):
            yield f"c:{width}:{bucket}"


def _merged(tables: list[list[bytes]]) -> Counts:
    merged = Counts()
    for flat in tables:
        table = dict(zip(flat[::2], flat[1::2], strict=True))
        amounts = {name: int(table.get(name.encode(), 0)) for name in (*SUMMED, LAST_HIT)}
        merged = merged.plus(Counts(**amounts))
    return merged
