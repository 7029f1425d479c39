"""Counters on Redis: for each namespace a table of totals, and one for each bucket of each ring.

Tables of buckets are dropped by the server once their ring has moved on.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from cachectl._backends.redis.client import Call, Client
from cachectl._backends.redis.errors import KeysForbidden
from cachectl._backends.redis.keyspace import Keyspace
from cachectl._backends.redis.shapes import anything, pairs
from cachectl._backends.redis.transport.packing import Argument
from cachectl._backends.redis.transport.resp import Reply
from cachectl._metrics.counters import LAST_HIT, REMEMBERED, SUMMED, Batch, Counts, Series
from cachectl._metrics.windows import RINGS, Window
from cachectl._model.coroutines import run

Table = Mapping[bytes, bytes]

_SINCE: Final = "since_us"
_TOO_MUCH: Final = 10**18
"""What no counter reaches: one that is there was written by somebody else."""

log: Final = logging.getLogger("cachectl")


class RedisCounters:
    """Adds and reads the counters of all namespaces below one prefix."""

    def __init__(self, keys: Keyspace, client: Client) -> None:
        self._keys = keys
        self._client = client
        self._forbidden: set[str] = set()

    def add(self, batch: Batch) -> None:
        run(self._add(batch))

    def read(self, window: Window) -> dict[str, Counts]:
        return run(self._read(window))

    def read_of(self, names: Collection[str], window: Window) -> dict[str, Counts]:
        """Return the counts of some namespaces."""
        return run(self._read(window, names))

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        return run(self._series(window, parts, of))

    async def _add(self, batch: Batch) -> None:
        """Add what each namespace counted: one that refuses it by itself keeps nobody waiting."""
        calls: dict[str, Call] = {
            name: (self._keys.base(name), tuple(_arguments(batch, counts)))
            for name, counts in batch.counts.items()
        }
        if not calls:
            return
        try:
            await self._client.run_all(anything, "count", calls.values())
        except KeysForbidden:
            await self._add_one_by_one(calls)
        if calls:
            await self._client.run(anything, "announce", self._keys.names, *calls)

    async def _add_one_by_one(self, calls: dict[str, Call]) -> None:
        """Add them once more, which changes nothing of what was added, but for those whose keys are
        forbidden: what waits for that would wait for ever.
        """
        for name in list(calls):
            try:
                await self._client.run_all(anything, "count", [calls[name]])
            except KeysForbidden as error:
                del calls[name]
                if name not in self._forbidden:
                    self._forbidden.add(name)
                    log.warning("the counts of namespace %s are lost: %s", name, str(error))

    async def _read(self, window: Window, of: Collection[str] = ()) -> dict[str, Counts]:
        tables = await self._tables(window, of)
        if window.ring is None:
            return {name: _merged([total]) for name, (total, _) in tables.items()}
        return {name: _merged(buckets.values()) for name, (_, buckets) in tables.items()}

    async def _series(self, window: Window, parts: int, of: Collection[str]) -> dict[str, Series]:
        divided = window.divided(parts)
        found: dict[str, Series] = {}
        for name, (total, buckets) in (await self._tables(window, of)).items():
            counted: list[list[Table]] = [[] for _ in range(divided.parts)]
            for bucket, table in buckets.items():
                counted[divided.part(bucket)].append(table)
            since = _amount(total, _SINCE) / 1e6 or None
            found[name] = Series([*map(_merged, counted)], _merged([total]), since)
        return found

    async def _tables(
        self, window: Window, of: Collection[str]
    ) -> dict[str, tuple[Table, dict[int, Table]]]:
        """Return of each namespace that ever counted its totals, and its buckets within `window`."""
        names = await self._keys.namespaces(self._client, of)
        buckets = list(_buckets(window))
        suffixes = ["c", *(f"c:{window.ring.width}:{at}" for at in buckets if window.ring)]
        commands = [
            ("HGETALL", self._keys.base(name) + suffix) for name in names for suffix in suffixes
        ]
        tables = iter(await self._client.pipeline(_table, commands, foreign=[]))
        read = {name: (next(tables), {at: next(tables) for at in buckets}) for name in names}
        return {name: found for name, found in read.items() if found[0]}


def _table(reply: Reply) -> Table:
    """Return what is in a table of counters."""
    return dict(pairs(reply))


def _arguments(batch: Batch, counts: Counts) -> Iterator[Argument]:
    yield from (batch.client, batch.sequence, int(REMEMBERED), counts.last_hit_us)
    yield from (int(batch.at * 1e6), 1 + len(RINGS))
    yield from ("c", "")
    for ring in RINGS:
        yield from (f"c:{ring.width}:{ring.bucket(batch.at)}", ring.span + ring.width)
    for name in SUMMED:
        if 0 < (amount := getattr(counts, name)) < _TOO_MUCH:  # or a slot was damaged
            yield from (name, amount)


def all_suffixes(now: float) -> Iterator[str]:
    """Yield the suffix of every table of counters that may be there."""
    yield "c"
    for ring in RINGS:
        first, last = ring.bucket(now - ring.span - ring.width), ring.bucket(now) + ring.width
        for bucket in range(first, last + 1, ring.width):
            yield f"c:{ring.width}:{bucket}"


def _buckets(window: Window) -> Iterator[int]:
    if window.ring is not None and window.start is not None:
        last = window.ring.bucket(window.end)
        yield from range(int(window.start), last + 1, window.ring.width)


def _merged(tables: Iterable[Table]) -> Counts:
    merged = Counts()
    for table in tables:
        amounts = {name: _amount(table, name) for name in (*SUMMED, LAST_HIT)}
        amounts["missed_absent"] += _amount(table, "misses")  # from before reasons were counted
        merged = merged.plus(Counts(**amounts))
    return merged


def _amount(table: Table, name: str) -> int:
    """Return a counter; what somebody else wrote in its place counts as nothing. `count.lua` goes on
    from the same.
    """
    digits = table.get(name.encode(), b"").lstrip(b"0")
    return int(digits) if digits.isdigit() and len(digits) < len(str(_TOO_MUCH)) else 0
