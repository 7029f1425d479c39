"""One namespace on Redis. `common.lua` says what is kept under which key."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cachectl.backends import (
    Condition,
    Item,
    Listed,
    Removed,
    Sweep,
    Swept,
    Written,
)
from cachectl.backends.redis.listing import Listing
from cachectl.batches import BATCH, batches
from cachectl.entry import NEVER, Entry
from cachectl.envelope import HEADER_LIMIT, unpack, unpack_header
from cachectl.errors import DamagedEntry
from cachectl.policy import Limits
from cachectl.recency import Recency

if TYPE_CHECKING:  # it imports redis-py
    from cachectl.backends.redis.client import Argument, Call, Client

_SLACK_MS: Final = 60_000
"""How much longer than its TTL a value stays on the server: the engine's clock alone decides
what is fresh, and need not be the server's."""

_LARGE: Final = 32 * 1024
"""Bytes from which a value is not passed through the script, which would copy it twice."""

_CALL_BYTES: Final = 4 * 1024 * 1024
"""Values written by one call; the server does nothing else meanwhile."""


class RedisStore:
    """The entries of one namespace."""

    def __init__(self, namespace: str, base: str, names: str, client: "Client") -> None:
        self._namespace = namespace
        self._base = base
        self._names = names
        self._values = f"{base}e:"
        self._client = client
        self._recency = Recency()
        self._announced = False

    def get(self, key: str, now: float) -> Entry | None:
        data = self._client.get(self._values + key)
        if data is None:
            return None
        entry = unpack(self._namespace, key, data)
        self._recency.note(key, now)
        return entry

    def peek(self, key: str) -> Entry | None:
        data = self._client.get(self._values + key)
        return None if data is None else unpack(self._namespace, key, data)

    def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        if max(len(self._recency), len(items)) > BATCH:
            self.flush()
        if not self._announced:
            self._announce()
        written, exceeded = Written(), False
        with self._uses() as uses:
            head = _head(uses, limits, now, condition)
            for reply in self._write(items, head, now, large=condition is None):
                stored, expired, evicted, over, first = map(int, reply.split())
                written = _sum(written, Written(stored, expired, evicted))
                self._announced, exceeded = self._announced and not first, bool(over)
        if not self._announced:
            self._announce()
        while exceeded:
            swept, exceeded = self._sweep(Sweep(now, None, limits))
            written = _sum(written, Written(0, swept.expired.entries, swept.evicted.entries))
        return written

    def _announce(self) -> None:
        """Name the namespace: before the first write, or a failure in between would hide it; and
        again whenever it was empty, as its name may be gone, too.
        """
        self._client.command("SADD", self._names, self._namespace)
        self._announced = True

    @contextmanager
    def _uses(self) -> Iterator[list[tuple[str, int]]]:
        """Take the uses noted so far; should handing them over fail, they stay noted."""
        uses = self._recency.drain()
        try:
            yield uses
        except BaseException:
            self._recency.restore(uses)
            raise

    def _write(
        self, items: Sequence[Item], head: "tuple[Argument, ...]", now: float, *, large: bool
    ) -> Iterator[bytes]:
        """Yield the script's replies; calls in a row are sent without waiting for each."""
        calls: list[Call] = []
        for chunk in _chunks(items):
            if large and len(chunk[0].data) >= _LARGE:
                yield from self._client.run_all("put", calls)
                calls = []
                yield self._write_large(chunk[0], head, now)
            else:
                arguments = list(head)
                for item in chunk:
                    arguments += (item.key, item.data, self._about(item, now)[0])
                calls.append((self._base, tuple(arguments)))
        yield from self._client.run_all("put", calls)

    def _write_large(self, item: Item, head: "tuple[Argument, ...]", now: float) -> bytes:
        about, lifetime = self._about(item, now)
        reply: bytes = self._client.run_after(
            ("SET", self._values + item.key, item.data, *lifetime),
            "put", self._base, *head, item.key, "", about,
        )  # fmt: skip
        return reply

    def _about(self, item: Item, now: float) -> "tuple[str, tuple[Argument, ...]]":
        """Return what the script is told about an item, and its lifetime as `SET` takes it."""
        entry = item.entry
        about = f"{len(item.data)} {self._recency.stamp(now)}"
        tags = "\0".join(entry.tags) if entry.tags else ""
        if entry.expires_at == NEVER:
            return f"{about} - - {tags}", ()
        lifetime = max(1, int((entry.expires_at - now) * 1000) + _SLACK_MS)
        return f"{about} {_micros(entry.expires_at)} {lifetime} {tags}", ("PX", lifetime)

    def remove(self, keys: Iterable[str]) -> Removed:
        removed = Removed()
        for batch in batches(keys):
            removed = removed.plus(Removed(*self._run("remove", *batch)))
        return removed

    def remove_expired(self, key: str, now: float) -> Removed:
        return Removed(*self._run("remove_expired", key, _micros(now)))

    def remove_tagged(self, tag: str) -> Removed:
        return self._remove_all("remove_tagged", tag, BATCH)

    def clear(self) -> Removed:
        return self._remove_all("clear", BATCH)

    def _remove_all(self, name: str, *arguments: "Argument") -> Removed:
        removed, more = Removed(), True
        while more:
            entries, size, more = self._run(name, *arguments)
            removed = removed.plus(Removed(entries, size))
        return removed

    def sweep(self, rule: Sweep) -> Swept:
        self.flush()
        return self._sweep(rule)[0]

    def _sweep(self, rule: Sweep) -> tuple[Swept, bool]:
        idle = "-" if rule.idle_before is None else _micros(rule.idle_before)
        expired, expired_bytes, evicted, evicted_bytes, over = self._run(
            "sweep", _micros(rule.now), idle, *_limits(rule.limits), BATCH
        )
        swept = Swept(Removed(expired, expired_bytes), Removed(evicted, evicted_bytes))
        return swept, bool(over)

    def scan(self, tag: str | None = None) -> Iterator[Listed]:
        self.flush()
        listing = Listing(self._client, self._base)
        for page in listing.pages() if tag is None else listing.tagged(tag):
            found = self._run("read", HEADER_LIMIT, *(key for key, _ in page))
            for (key, stamp), head, size in zip(page, found[::2], found[1::2], strict=True):
                if head:
                    yield _listed(key, stamp, head, int(size or len(head)))

    def flush(self) -> None:
        with self._uses() as uses:
            for batch in batches(uses):
                pairs = (part for key, stamp in batch for part in (stamp, key))
                self._client.command("ZADD", f"{self._base}lru", "XX", "GT", *pairs)

    def _run(self, name: str, *arguments: "Argument") -> Any:
        return self._client.run(name, self._base, *arguments)


def _head(
    uses: Sequence[tuple[str, int]], limits: Limits, now: float, condition: Condition | None
) -> "tuple[Argument, ...]":
    """Return the arguments of the script before the items."""
    most_entries, most_bytes = _limits(limits)
    rule = f"{_micros(now)} {most_entries} {most_bytes} {condition or '-'} {BATCH}"
    return f"{rule} {len(uses)}", *(part for use in uses for part in use[::-1])


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items in runs that one call may write; a large one is alone."""
    start = size = 0
    for end, item in enumerate(items):
        size += len(item.data)
        if end > start and (size > _CALL_BYTES or end - start == BATCH or _splits(items, end)):
            yield items[start:end]
            start, size = end, len(item.data)
    if items:
        yield items[start:]


def _splits(items: Sequence[Item], at: int) -> bool:
    return len(items[at].data) >= _LARGE or len(items[at - 1].data) >= _LARGE


def _listed(key: bytes, stamp: float, head: bytes, size: int) -> Listed:
    try:
        entry = unpack_header(head)._replace(size=size)
    except DamagedEntry:
        entry = None
    return Listed(key.decode(errors="replace"), entry, size, stamp / 1e6)


def _sum(one: Written, other: Written) -> Written:
    return Written(*map(sum, zip(one, other, strict=True)))


def _limits(limits: Limits) -> Iterator[int | str]:
    return ("-" if limit is None else limit for limit in limits)


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
