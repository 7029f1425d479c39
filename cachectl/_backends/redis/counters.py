"""Counters on Redis: for each namespace a table of totals, and one for each bucket of each ring.

Tables of buckets are dropped by the server once their ring has moved on.
"""

from collections.abc import Iterable, Iterator, Mapping

from cachectl._backends.redis.client import Client
from cachectl._backends.redis.keyspace import Keyspace
from cachectl._backends.redis.shapes import anything, pairs
from cachectl._backends.redis.transport.packing import Argument
from cachectl._backends.redis.transport.resp import Reply
from cachectl._metrics.counters import LAST_HIT, REMEMBERED, SUMMED, Batch, Counts
from cachectl._metrics.windows import RINGS, Window
from cachectl._model.coroutines import run

Table = Mapping[bytes, bytes]


class RedisCounters:
    """Adds and reads the counters of all namespaces below one prefix."""

    def __init__(self, keys: Keyspace, client: Client) -> None:
        self._keys = keys
        self._client = client

    def add(self, batch: Batch) -> None:
        run(self._add(batch))

    def read(self, window: Window) -> dict[str, Counts]:
        return run(self._read(window))

    async def _add(self, batch: Batch) -> None:
        calls = [
            (self._keys.base(name), tuple(_arguments(batch, counts)))
            for name, counts in batch.counts.items()
        ]
        if calls:
            await self._client.run_all(anything, "count", calls)
            await self._client.command(anything, "SADD", self._keys.names, *batch.counts)

    async def _read(self, window: Window) -> dict[str, Counts]:
        names = await self._keys.namespaces(self._client)
        suffixes = list(_suffixes(window))
        commands: list[tuple[str, str]] = []
        for base in map(self._keys.base, names):
            commands.append(("EXISTS", f"{base}c"))
            commands += (("HGETALL", base + suffix) for suffix in suffixes)
        tables = await self._client.pipeline(_table, commands)
        width = 1 + len(suffixes)
        return {
            name: _merged(tables[at + 1 : at + width])
            for name, at in zip(names, range(0, len(tables), width), strict=True)
            if tables[at]
        }


def _table(reply: Reply) -> Table:
    """Return what is in a table of counters; where one is only asked for, whether it is there."""
    return {b"": b""} if reply == 1 else {} if reply == 0 else dict(pairs(reply))


def _arguments(batch: Batch, counts: Counts) -> Iterator[Argument]:
    yield from (batch.client, batch.sequence, int(REMEMBERED), counts.last_hit_us, 1 + len(RINGS))
    yield from ("c", "")
    for ring in RINGS:
        yield from (f"c:{ring.width}:{ring.bucket(batch.at)}", ring.span + ring.width)
    for name in SUMMED:
        if amount := getattr(counts, name):
            yield from (name, amount)


def all_suffixes(now: float) -> Iterator[str]:
    """Yield the suffix of every table of counters that may be there."""
    yield "c"
    for ring in RINGS:
        first, last = ring.bucket(now - ring.span - ring.width), ring.bucket(now) + ring.width
        for bucket in range(first, last + 1, ring.width):
            yield f"c:{ring.width}:{bucket}"


def _suffixes(window: Window) -> Iterator[str]:
    if window.ring is None or window.start is None:
        yield "c"
    else:
        width = window.ring.width
        for bucket in range(int(window.start), window.ring.bucket(window.end) + 1, width):
            yield f"c:{width}:{bucket}"


def _merged(tables: Iterable[Table]) -> Counts:
    merged = Counts()
    for table in tables:
        amounts = {name: _amount(table, name) for name in (*SUMMED, LAST_HIT)}
        merged = merged.plus(Counts(**amounts))
    return merged


def _amount(table: Table, name: str) -> int:
    """Return a counter; what somebody else wrote in its place counts as nothing."""
    text = table.get(name.encode(), b"0")
    return int(text) if text.isdigit() and len(text) < 20 else 0
