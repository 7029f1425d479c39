"""Counters on Redis: for each namespace a table of totals, and one for each bucket of each ring.

Tables of buckets are dropped by the server once their ring has moved on.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, product
from typing import Final

from cachectl._backends.redis.client import Call, Client
from cachectl._backends.redis.errors import KeysForbidden
from cachectl._backends.redis.keyspace import Keyspace
from cachectl._backends.redis.shapes import anything, array, number, pairs
from cachectl._backends.redis.transport.packing import Argument
from cachectl._backends.redis.transport.resp import Reply
from cachectl._metrics.counters import LAST_HIT, REMEMBERED, SUMMED, Batch, Counts, Series
from cachectl._metrics.sketches import (
    BUCKETS,
    KEYS,
    KINDS,
    NOTHING,
    SKETCHED,
    Sketch,
    merged,
    sketched,
)
from cachectl._metrics.windows import RINGS, Window
from cachectl._model.coroutines import run
from cachectl.errors import BackendRefused

Table = Mapping[bytes, bytes]

_SKETCHES: Final = ("t", "m", "b")
"""Tables of times, of missed keys, and of what those began with."""
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
            name: (
                self._keys.base(name),
                tuple(_arguments(batch, counts, batch.sketches.get(name, NOTHING))),
            )
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

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        return run(self._sketches(window, of))

    async def _sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        """Read the three tables of each bucket of each namespace."""
        first, last = sketched(window)
        bases = [self._keys.base(name) for name in of]
        places = [f"{SKETCHED.width}:{at}" for at in range(first, last + 1, SKETCHED.width)]
        commands: list[tuple[Argument, ...]] = []
        for base, place in product(bases, places):
            commands.append(("HGETALL", f"{base}t:{place}"))
            commands.append(("ZRANGE", f"{base}m:{place}", 0, -1, "WITHSCORES"))
            commands.append(("HGETALL", f"{base}b:{place}"))
        tables = iter(await self._client.pipeline(_table, commands, foreign=[]))
        read = zip(tables, tables, tables, strict=True)
        return {name: merged(_sketch(*each) for each in islice(read, len(places))) for name in of}

    async def _tables(
        self, window: Window, of: Collection[str]
    ) -> dict[str, tuple[Table, dict[int, Table]]]:
        """Return of each namespace that ever counted its totals, and its buckets within `window`."""
        names = await self._keys.namespaces(self._client, of)
        buckets = _buckets(window)
        if not buckets:
            totals = await self._read_tables([f"{self._keys.base(name)}c" for name in names])
            read = [(total, dict[int, Table]()) for total in totals]
        else:
            read = await self._read_buckets(names, buckets)
        return {name: found for name, found in zip(names, read, strict=True) if found[0]}

    async def _read_buckets(
        self, names: Sequence[str], buckets: range
    ) -> list[tuple[Table, dict[int, Table]]]:
        """Read totals and buckets: most of these are empty, and only the server need look at those."""
        told = buckets.step, buckets[0], buckets[-1]
        calls = [(self._keys.base(name), told) for name in names]
        try:
            return await self._client.run_all(_counted, "counted", calls)
        except BackendRefused as error:
            from cachectl._backends.redis import plain  # not as a rule

            plain.require_forbidden(error)
        suffixes = ["c", *(f"c:{buckets.step}:{at}" for at in buckets)]
        bases = map(self._keys.base, names)
        tables = iter(await self._read_tables([*map("".join, product(bases, suffixes))]))
        return [(next(tables), {at: next(tables) for at in buckets}) for _ in names]

    async def _read_tables(self, tables: Sequence[str]) -> list[Table]:
        commands = [("HGETALL", name) for name in tables]
        return await self._client.pipeline(_table, commands, foreign=[])


def _table(reply: Reply) -> Table:
    """Return what is in a table of counters."""
    return dict(pairs(reply))


def _counted(reply: Reply) -> tuple[Table, dict[int, Table]]:
    """Return what `counted.lua` found."""
    total, *buckets = array(reply)
    each = zip(buckets[::2], buckets[1::2], strict=True)
    return _table(total), {number(at): _table(found) for at, found in each}


def _arguments(batch: Batch, counts: Counts, sketch: Sketch) -> Iterator[Argument]:
    amounts = [(name, getattr(counts, name)) for name in SUMMED]
    moved = [each for each in amounts if 0 < each[1] < _TOO_MUCH]  # or a slot was damaged
    times = [
        (f"{kind}:{bucket}", count)
        for kind, counted in sketch.times.items()
        for bucket, count in counted.items()
    ]
    yield from (batch.client, batch.sequence, int(REMEMBERED), counts.last_hit_us)
    yield from (int(batch.at * 1e6), 1 + len(RINGS), len(moved), len(times))
    yield from (f"{SKETCHED.width}:{SKETCHED.bucket(batch.at)}", SKETCHED.span + SKETCHED.width)
    yield from (KEYS, "c", "")
    for ring in RINGS:
        yield from (f"c:{ring.width}:{ring.bucket(batch.at)}", ring.span + ring.width)
    yield from chain.from_iterable((*moved, *times, *sketch.missed.items()))


def _sketch(times: Table, missed: Table, begun: Table) -> Sketch:
    """Return what is in the three tables of a bucket; what somebody else wrote counts as nothing."""
    counted: dict[str, dict[int, int]] = {kind: {} for kind in KINDS}
    for field in times:
        kind, _, bucket = field.decode(errors="replace").partition(":")
        if kind in counted and _is_bucket(bucket):
            counted[kind][int(bucket)] = _number(times[field])
    return Sketch(
        counted,
        {
            key.decode(errors="replace"): max(0, _number(count) - _number(begun.get(key, b"")))
            for key, count in missed.items()
        },
    )


def _is_bucket(text: str) -> bool:
    is_short_number = len(text) <= 5 and text.isascii() and text.removeprefix("-").isdecimal()
    return is_short_number and int(text) in BUCKETS


def all_suffixes(now: float) -> Iterator[str]:
    """Yield the suffix of every table of counters and sketches that may be there."""
    yield "c"
    for ring in RINGS:
        first, last = ring.bucket(now - ring.span - ring.width), ring.bucket(now) + ring.width
        for bucket in range(first, last + 1, ring.width):
            tables = ("c", *_SKETCHES) if ring is SKETCHED else ("c",)
            yield from (f"{table}:{ring.width}:{bucket}" for table in tables)


def _buckets(window: Window) -> range:
    """Return the buckets within a window; none if all that was ever counted is asked for."""
    if window.ring is None or window.start is None:
        return range(0)
    return range(int(window.start), window.ring.bucket(window.end) + 1, window.ring.width)


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
    return _number(table.get(name.encode(), b""))


def _number(text: bytes) -> int:
    digits = text.lstrip(b"0")
    return int(digits) if digits.isdigit() and len(digits) < len(str(_TOO_MUCH)) else 0
