"""One namespace on Redis. `common.lua` says what is kept under which key."""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import lru_cache, partial
from typing import Final, TypeVar

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.redis.client import Call, Client, Shape, ThreadClient
from cachectl._backends.redis.listing import Listing
from cachectl._backends.redis.shapes import (
    anything,
    array,
    number,
    numbers_and_strings,
    string,
)
from cachectl._backends.redis.transport.packing import Argument, Command
from cachectl._backends.redis.transport.resp import Misread, Reply
from cachectl._model.batches import BATCH, batches
from cachectl._model.entry import NEVER, Entry
from cachectl._model.envelope import HEADER_LIMIT, unpack, unpack_header
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    EntryInfo,
    Item,
    Removed,
    Written,
)
from cachectl.errors import DamagedEntry

T = TypeVar("T")
Uses = list[tuple[str, int]]
"""Keys and the stamps of their last use."""

Outcome = tuple[list[int], list[bytes]]
"""What `put.lua` returns: what it stored and what expired, whether limits are exceeded still and
whether the namespace was empty before; and the keys that it evicted."""

_SLACK_MS: Final = 60_000
"""How much longer than its TTL a value stays on the server: the engine's clock alone decides
what is fresh, and need not be the server's."""

_LARGE: Final = 32 * 1024
"""Bytes from which a value is not passed through the script, which would copy it twice."""

_CALL_BYTES: Final = 4 * 1024 * 1024
"""Values written by one call; the server does nothing else meanwhile."""

_CHECK_EVERY: Final = 1.0
"""Seconds until a write looks again for what expired and for what others did."""


class Shared:
    """What the stores of one namespace in this process have in common."""

    def __init__(self, namespace: str, base: str, names: str, access_log: AccessLog) -> None:
        self.namespace: Final = namespace
        self.base: Final = base
        self.values: Final = f"{base}e:"
        self.names: Final = names
        self.access_log: Final = access_log
        self.announced = False
        self.limits: Limits | None = None
        self.limits_checked_at = 0.0


class RedisStore:
    """The entries of one namespace, as threads or as tasks use them."""

    def __init__(self, shared: Shared, client: Client, for_threads: ThreadClient) -> None:
        self._shared = shared
        self._namespace = shared.namespace
        self._base = shared.base
        self._values = shared.values
        self._access_log = shared.access_log
        self._client = client
        self._get_now = for_threads.get_now

    def get(self, key: str, now: float) -> Entry | None:
        data = self._get_now(self._values + key)
        if data is None:
            return None
        entry = unpack(self._namespace, key, data)
        self._access_log.record(key, now)
        return entry

    async def fetch(self, key: str, now: float) -> Entry | None:
        entry = await self.peek(key)
        if entry is not None:
            self._access_log.record(key, now)
        return entry

    async def peek(self, key: str) -> Entry | None:
        data = await self._client.get(self._values + key)
        return None if data is None else unpack(self._namespace, key, data)

    async def details(self, key: str) -> Mapping[str, object]:
        return {}

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        if max(len(self._access_log), len(items)) > BATCH:
            await self.flush()
        shared = self._shared
        if not shared.announced:
            await self._announce()
        check_limits = (
            limits != shared.limits or not 0 <= now - shared.limits_checked_at < _CHECK_EVERY
        )
        rule = f"{_micros(now)} {_limits(limits)} {BATCH} {condition or '-'} {check_limits:d}"
        outcomes = await self._with_uses(
            lambda uses: self._write(items, rule, uses, now, large=condition is None)
        )
        if check_limits:
            shared.limits, shared.limits_checked_at = limits, now
        return await self._written(outcomes, limits, now)

    async def _written(self, outcomes: list[Outcome], limits: Limits, now: float) -> Written:
        """Return what the calls of a put did together; evict where limits are exceeded still."""
        stored = expired = 0
        evicted: list[str] = []
        exceeded = False
        for (one_stored, one_expired, over, first), keys in outcomes:
            stored += one_stored
            expired += one_expired
            evicted += _texts(keys)
            exceeded = bool(over)
            if first:
                await self._announce()
        while exceeded:
            step, exceeded = await self._clean(CleanupRule(now, None, limits))
            expired += step.expired.entries
            evicted += step.evicted_keys
        return Written(stored, expired, tuple(evicted))

    async def _announce(self) -> None:
        """Name the namespace: before the first write, or a failure in between would hide it; and
        again whenever it was empty, as its name may be gone, too.
        """
        self._shared.announced = False
        await self._client.command(anything, "SADD", self._shared.names, self._namespace)
        self._shared.announced = True

    async def _with_uses(self, write: Callable[[Uses], Awaitable[T]]) -> T:
        """Return what `write` does with the uses noted so far; should it fail, they stay noted."""
        uses = self._access_log.drain() if len(self._access_log) else []
        try:
            return await write(uses)
        except BaseException:
            self._access_log.requeue(uses)
            raise

    async def _write(
        self,
        items: Sequence[Item],
        rule: str,
        uses: Uses,
        now: float,
        *,
        large: bool,
    ) -> list[Outcome]:
        """Return what the script did; calls in a row are sent without waiting for each.

        The first call carries the uses.
        """
        outcomes: list[Outcome] = []
        calls: list[Call] = []
        for chunk in _chunks(items):
            stamp = self._access_log.stamp(now)
            self._access_log.advance(stamp + len(chunk) - 1)
            arguments: list[Argument] = [f"{rule} {stamp} {len(uses)}", *_pairs(uses)]
            uses = []
            if large and len(chunk[0].data) >= _LARGE:
                outcomes += await self._client.run_all(_outcome, "put", calls)
                calls = []
                outcomes.append(await self._write_large(chunk[0], arguments, now))
            else:
                arguments += _arguments(chunk, now)
                calls.append((self._base, arguments))
        return outcomes + await self._client.run_all(_outcome, "put", calls)

    async def _write_large(self, item: Item, arguments: list[Argument], now: float) -> Outcome:
        lifetime = _lifetime(item.entry, now)
        about = _about(item.entry, now)
        first: Command = ("SET", self._values + item.key, item.data)
        return await self._client.run_after(
            _outcome, first if lifetime is None else (*first, "PX", lifetime),
            "put", self._base, *arguments, item.key, "", about,
        )  # fmt: skip

    async def remove(self, keys: Iterable[str]) -> Removed:
        removed = Removed()
        for batch in batches(keys):
            removed = removed.plus(await self._run(_removed, "remove", *batch))
        return removed

    async def remove_expired(self, key: str, now: float) -> Removed:
        return await self._run(_removed, "remove_expired", key, _micros(now))

    async def remove_tagged(self, tag: str) -> Removed:
        return await self._remove_all("remove_tagged", tag, BATCH)

    async def clear(self) -> Removed:
        return await self._remove_all("clear", BATCH)

    async def _remove_all(self, name: str, *arguments: Argument) -> Removed:
        removed, more = Removed(), True
        while more:
            step, more = await self._run(_removed_some, name, *arguments)
            removed = removed.plus(step)
        return removed

    async def cleanup(self, rule: CleanupRule) -> CleanupStep:
        await self.flush()
        return (await self._clean(rule))[0]

    async def _clean(self, rule: CleanupRule) -> tuple[CleanupStep, bool]:
        idle = "-" if rule.idle_before is None else _micros(rule.idle_before)
        return await self._run(
            _step, "cleanup", _micros(rule.now), idle, *_limits(rule.limits).split(), BATCH
        )

    async def scan(self, tag: str | None = None) -> AsyncIterator[EntryInfo]:
        await self.flush()
        listing = Listing(self._client, self._base)
        async for page in listing.pages() if tag is None else listing.tagged(tag):
            keys = [key for key, _ in page]
            found = await self._run(partial(_heads, len(keys)), "read", HEADER_LIMIT, *keys)
            for (key, stamp), (head, size) in zip(page, found, strict=True):
                if head:
                    yield _listed(key, stamp, head, size or len(head))

    async def flush(self) -> None:
        await self._with_uses(self.touch)

    async def touch(self, uses: Sequence[tuple[str, int]]) -> None:
        """Write the stamps of last uses."""
        for batch in batches(uses):
            await self._run(anything, "touch", *_pairs(batch))

    async def _run(self, shape: Shape[T], name: str, *arguments: Argument) -> T:
        return await self._client.run(shape, name, self._base, *arguments)


def _outcome(reply: Reply) -> Outcome:
    """Return what `put.lua` did; a number says that it only stored so many."""
    if isinstance(reply, int):
        return [reply, 0, 0, 0], []
    return numbers_and_strings(reply, 4)


def _removed(reply: Reply) -> Removed:
    entries, size = map(number, array(reply))
    return Removed(entries, size)


def _removed_some(reply: Reply) -> tuple[Removed, bool]:
    entries, size, more = map(number, array(reply))
    return Removed(entries, size), bool(more)


def _step(reply: Reply) -> tuple[CleanupStep, bool]:
    (expired, expired_bytes, evicted, evicted_bytes, over), keys = numbers_and_strings(reply, 5)
    removed = Removed(expired, expired_bytes), Removed(evicted, evicted_bytes)
    return CleanupStep(*removed, _texts(keys)), bool(over)


def _heads(keys: int, reply: Reply) -> list[tuple[bytes | None, int]]:
    """Return beginning and size of the value of each key."""
    flat = array(reply)
    if len(flat) != 2 * keys:
        raise Misread("not as many values as keys")
    return [
        (string(head), int(size or 0)) for head, size in zip(flat[::2], flat[1::2], strict=True)
    ]


def _texts(keys: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(key.decode(errors="replace") for key in keys)


def _arguments(items: Iterable[Item], now: float) -> list[Argument]:
    """Return the items as the script takes them: key, data, and the rest in one text, which is
    made once for all that share it.
    """
    arguments: list[Argument] = []
    known: Entry | None = None
    about = ""
    for key, entry, data, _ in items:
        if known is None or entry.expires_at != known.expires_at or entry.tags != known.tags:
            known, about = entry, _about(entry, now)
        arguments += (key, data, about)
    return arguments


def _about(entry: Entry, now: float) -> str:
    tags = "\0".join(entry.tags)
    lifetime = _lifetime(entry, now)
    if lifetime is None:
        return f"- - {tags}"
    return f"{_micros(entry.expires_at)} {lifetime} {tags}"


def _lifetime(entry: Entry, now: float) -> int | None:
    """Return the milliseconds after which the server drops a value; None is never."""
    if entry.expires_at == NEVER:
        return None
    return max(1, int((entry.expires_at - now) * 1000) + _SLACK_MS)


def _pairs(uses: Iterable[tuple[str, int]]) -> Iterator[int | str]:
    """Yield the uses as the scripts take them: stamp and key of each."""
    return (part for key, stamp in uses for part in (stamp, key))


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items in runs that one call may write: none twice, and a large one alone."""
    if _fits_one_call(items):
        yield items
        return
    start = size = 0
    keys: set[str] = set()
    for end, item in enumerate(items):
        size += len(item.data)
        if end > start and (
            size > _CALL_BYTES or end - start == BATCH or item.key in keys or _splits(items, end)
        ):
            yield items[start:end]
            start, size = end, len(item.data)
            keys.clear()
        keys.add(item.key)
    if items:
        yield items[start:]


def _fits_one_call(items: Sequence[Item]) -> bool:
    """Return whether one call may write all the items, as nearly always."""
    if len(items) == 1:
        return True
    sizes = [len(item.data) for item in items]
    return (
        0 < len(items) <= BATCH
        and max(sizes) < _LARGE
        and sum(sizes) <= _CALL_BYTES
        and len({item.key for item in items}) == len(items)
    )


def _splits(items: Sequence[Item], at: int) -> bool:
    return len(items[at].data) >= _LARGE or len(items[at - 1].data) >= _LARGE


def _listed(key: bytes, stamp: float, head: bytes, size: int) -> EntryInfo:
    try:
        entry = unpack_header(head)._replace(size=size)
    except DamagedEntry:
        entry = None
    return EntryInfo(key.decode(errors="replace"), entry, size, stamp / 1e6)


@lru_cache(maxsize=64)
def _limits(limits: Limits) -> str:
    return " ".join("-" if limit is None else str(limit) for limit in limits)


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
