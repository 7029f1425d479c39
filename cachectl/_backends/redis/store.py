"""One namespace on Redis. `common.lua` says what is kept under which key."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.redis.listing import Listing
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

if TYPE_CHECKING:  # it imports redis-py
    from cachectl._backends.redis.client import Argument, Call, Client, Command

T = TypeVar("T")
Uses = list[tuple[str, int]]
"""Keys and the stamps of their last use."""

Reply = int | list[Any]
"""What `put.lua` returns."""

_SLACK_MS: Final = 60_000
"""How much longer than its TTL a value stays on the server: the engine's clock alone decides
what is fresh, and need not be the server's."""

_LARGE: Final = 32 * 1024
"""Bytes from which a value is not passed through the script, which would copy it twice."""

_CALL_BYTES: Final = 4 * 1024 * 1024
"""Values written by one call; the server does nothing else meanwhile."""

_CHECK_EVERY: Final = 1.0
"""Seconds until a write looks again for what expired and for what others did."""


class RedisStore:
    """The entries of one namespace."""

    def __init__(self, namespace: str, base: str, names: str, client: "Client") -> None:
        self._namespace = namespace
        self._base = base
        self._names = names
        self._values = f"{base}e:"
        self._client = client
        self._access_log = AccessLog()
        self._announced = False
        self._limits: Limits | None = None
        self._limits_checked_at = 0.0

    def get(self, key: str, now: float) -> Entry | None:
        data = self._client.get(self._values + key)
        if data is None:
            return None
        entry = unpack(self._namespace, key, data)
        self._access_log.record(key, now)
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
        if max(len(self._access_log), len(items)) > BATCH:
            self.flush()
        if not self._announced:
            self._announce()
        check_limits = (
            limits != self._limits or not 0 <= now - self._limits_checked_at < _CHECK_EVERY
        )
        rule = f"{_micros(now)} {_limits(limits)} {BATCH} {condition or '-'} {check_limits:d}"
        replies = self._with_uses(
            lambda uses: self._write(items, rule, uses, now, large=condition is None)
        )
        if check_limits:
            self._limits, self._limits_checked_at = limits, now
        return self._outcome(replies, limits, now)

    def _outcome(self, replies: list[Reply], limits: Limits, now: float) -> Written:
        """Return what the calls of a put did together; evict where limits are exceeded still."""
        stored = expired = 0
        evicted: list[str] = []
        exceeded = False
        for reply in replies:
            if isinstance(reply, int):
                stored += reply
                continue
            one_stored, one_expired, over, first, *keys = reply
            stored += one_stored
            expired += one_expired
            evicted += _texts(keys)
            exceeded = bool(over)
            if first:
                self._announce()
        while exceeded:
            step, exceeded = self._clean(CleanupRule(now, None, limits))
            expired += step.expired.entries
            evicted += step.evicted_keys
        return Written(stored, expired, tuple(evicted))

    def _announce(self) -> None:
        """Name the namespace: before the first write, or a failure in between would hide it; and
        again whenever it was empty, as its name may be gone, too.
        """
        self._announced = False
        self._client.command("SADD", self._names, self._namespace)
        self._announced = True

    def _with_uses(self, write: "Callable[[Uses], T]") -> T:
        """Return what `write` does with the uses noted so far; should it fail, they stay noted."""
        uses = self._access_log.drain() if len(self._access_log) else []
        try:
            return write(uses)
        except BaseException:
            self._access_log.requeue(uses)
            raise

    def _write(
        self,
        items: Sequence[Item],
        rule: str,
        uses: Uses,
        now: float,
        *,
        large: bool,
    ) -> list[Reply]:
        """Return the script's replies; calls in a row are sent without waiting for each.

        The first call carries the uses.
        """
        replies: list[Reply] = []
        calls: list[Call] = []
        for chunk in _chunks(items):
            stamp = self._access_log.stamp(now)
            self._access_log.advance(stamp + len(chunk) - 1)
            arguments: list[Argument] = [f"{rule} {stamp} {len(uses)}", *_pairs(uses)]
            uses = []
            if large and len(chunk[0].data) >= _LARGE:
                replies += self._client.run_all("put", calls)
                calls = []
                replies.append(self._write_large(chunk[0], arguments, now))
            else:
                arguments += _arguments(chunk, now)
                calls.append((self._base, arguments))
        return replies + self._client.run_all("put", calls)

    def _write_large(self, item: Item, arguments: "list[Argument]", now: float) -> Reply:
        lifetime = _lifetime(item.entry, now)
        about = _about(item.entry, now)
        first: Command = ("SET", self._values + item.key, item.data)
        reply: Reply = self._client.run_after(
            first if lifetime is None else (*first, "PX", lifetime),
            "put", self._base, *arguments, item.key, "", about,
        )  # fmt: skip
        return reply

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

    def cleanup(self, rule: CleanupRule) -> CleanupStep:
        self.flush()
        return self._clean(rule)[0]

    def _clean(self, rule: CleanupRule) -> tuple[CleanupStep, bool]:
        idle = "-" if rule.idle_before is None else _micros(rule.idle_before)
        expired, expired_bytes, evicted, evicted_bytes, over, *keys = self._run(
            "cleanup", _micros(rule.now), idle, *_limits(rule.limits).split(), BATCH
        )
        step = CleanupStep(
            Removed(expired, expired_bytes), Removed(evicted, evicted_bytes), _texts(keys)
        )
        return step, bool(over)

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        self.flush()
        listing = Listing(self._client, self._base)
        for page in listing.pages() if tag is None else listing.tagged(tag):
            found = self._run("read", HEADER_LIMIT, *(key for key, _ in page))
            for (key, stamp), head, size in zip(page, found[::2], found[1::2], strict=True):
                if head:
                    yield _listed(key, stamp, head, int(size or len(head)))

    def flush(self) -> None:
        self._with_uses(self._touch)

    def _touch(self, uses: Uses) -> None:
        for batch in batches(uses):
            self._run("touch", *_pairs(batch))

    def _run(self, name: str, *arguments: "Argument") -> Any:
        return self._client.run(name, self._base, *arguments)


def _texts(keys: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(key.decode(errors="replace") for key in keys)


def _arguments(items: Iterable[Item], now: float) -> "list[Argument]":
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
