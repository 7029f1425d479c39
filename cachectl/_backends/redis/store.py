"""One namespace on Redis. `common.lua` says what is kept under which key."""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import suppress
from typing import Final, TypeVar

from cachectl._backends.leases import OLD, new_token
from cachectl._backends.redis.arguments import (
    LARGE,
    Uses,
    chunks,
    condition_argument,
    item_arguments,
    limit_arguments,
    micros,
    rule_arguments,
    size_of,
    tag_argument,
    use_arguments,
    value_arguments,
)
from cachectl._backends.redis.client import Call, Client, Shape, ThreadClient
from cachectl._backends.redis.results import (
    Outcome,
    as_outcome,
    as_removed,
    as_removed_some,
    as_step,
    as_verified,
    texts,
)
from cachectl._backends.redis.shapes import anything, text
from cachectl._backends.redis.shared import Shared
from cachectl._backends.redis.stored import GENERATION
from cachectl._backends.redis.transport.packing import Argument, Joined
from cachectl._model.batches import BATCH, batches
from cachectl._model.entry import Entry
from cachectl._model.envelope import MAGIC, unpack, unpack_apart
from cachectl._model.interrupts import unbroken
from cachectl._model.policy import Limits
from cachectl._model.records import (
    CleanupRule,
    CleanupStep,
    Condition,
    Dropped,
    EntryInfo,
    Item,
    Lease,
    Planned,
    Removed,
    Written,
)
from cachectl._model.tally import note_removed
from cachectl.errors import BackendError, BackendRefused, BackendUnavailable, DamagedEntry

T = TypeVar("T")

_CHECK_EVERY: Final = 1.0
"""Seconds until a write looks again for what expired and for what others did."""


class RedisStore:
    """The entries of one namespace, as threads or as tasks use them."""

    def __init__(self, shared: Shared, client: Client, for_threads: ThreadClient) -> None:
        self._shared = shared
        self._namespace = shared.namespace
        self._base = shared.base
        self._values = shared.values
        self._generation = shared.generation
        self._access_log = shared.access_log
        self._client = client
        self._get_now = for_threads.get_now

    def get(self, key: str, now: float) -> Entry | None:
        entry = self._unpacked(key, *self._get_now(self._values + key, self._generation))
        if entry is not None:
            self._access_log.record(key, now)
        return entry

    async def fetch(self, key: str, now: float) -> Entry | None:
        entry = await self.peek(key)
        if entry is not None:
            self._access_log.record(key, now)
        return entry

    async def peek(self, key: str) -> Entry | None:
        return self._unpacked(key, *await self._client.get(self._values + key, self._generation))

    def _unpacked(
        self, key: str, data: bytes | Joined | None, generation: bytes | None
    ) -> Entry | None:
        """Return the entry in a value, None if its generation has ended. Raises `DamagedEntry`."""
        if data is None:
            return None
        if isinstance(data, Joined):
            head, payload = data
            if head[:GENERATION] != generation:
                return None
            return unpack_apart(self._namespace, key, head[GENERATION:], payload)
        if data[:GENERATION] == generation:
            return unpack(self._namespace, key, memoryview(data)[GENERATION:])
        if data.startswith(MAGIC, GENERATION) or data.startswith(MAGIC):  # those are older
            return None
        raise DamagedEntry("not written by cachectl")

    async def details(self, key: str) -> Mapping[str, object]:
        return {}

    async def put(
        self,
        items: Sequence[Item],
        limits: Limits,
        now: float,
        condition: Condition | None = None,
    ) -> Written:
        if not items:  # nobody looks at the limits, either
            return Written()
        if max(len(self._access_log), len(items)) > BATCH:
            await self.flush()
        shared = self._shared
        if not shared.announced:
            await self._announce()
        check_limits = (
            limits != shared.limits or not 0 <= now - shared.limits_checked_at < _CHECK_EVERY
        )
        rule = (
            f"{micros(now)} {limit_arguments(limits)} {BATCH} {condition_argument(condition)}"
            f" {check_limits:d} {shared.newest} {next(shared.numbers)}"
        )
        outcomes = await self._with_uses(
            lambda uses: self._write(items, rule, uses, now, may_set=condition is None)
        )
        if check_limits:
            shared.limits, shared.limits_checked_at = limits, now
        return await self._written(outcomes)

    async def _written(self, outcomes: list[Outcome]) -> Written:
        """Return what the calls of a put did together."""
        stored = expired = dropped = 0
        evicted: list[str] = []
        for (one_stored, one_expired, over, first, unseen), generation, keys in outcomes:
            if generation:
                self._shared.newest = generation.decode()
            stored += one_stored
            expired += one_expired
            dropped += unseen
            if keys:
                evicted += texts(keys)
            self._shared.exceeds |= bool(over)
            if first:
                await self._announce()
        return Written(stored, expired, tuple(evicted), dropped)

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
        may_set: bool,
    ) -> list[Outcome]:
        """Return what the script did; calls in a row are sent without waiting for each.

        The first call carries the uses. What is large is set before the script, if that may be.
        """
        outcomes: list[Outcome] = []
        calls: list[Call] = []
        for chunk in chunks(items):
            stamp = self._access_log.stamp(now)
            self._access_log.advance(stamp + len(chunk) - 1)
            arguments: list[Argument] = [f"{rule} {stamp} {len(uses)} {len(chunk)}"]
            arguments += use_arguments(uses)
            uses = []
            if may_set and size_of(chunk) >= LARGE:
                outcomes += await self._client.run_all(as_outcome, "put", calls)
                calls = []
                outcomes.append(await self._write_large(chunk, arguments, now))
            else:
                arguments += item_arguments(chunk, self._shared.newest.encode(), now)
                calls.append((self._base, arguments))
        return outcomes + await self._client.run_all(as_outcome, "put", calls)

    async def _write_large(
        self, items: Sequence[Item], arguments: list[Argument], now: float
    ) -> Outcome:
        values = value_arguments(items, self._values, self._shared.newest.encode())
        arguments += item_arguments(items, None, now)
        try:
            return await self._client.run_after(
                as_outcome, ("MSET", *values), "put", self._base, *arguments
            )
        except BackendUnavailable:
            raise  # it did all of this, or nothing, and would not answer this either
        except BackendError:  # of the script, perhaps: no removal would find what it did not index
            with suppress(BackendError):
                await self._client.command(anything, "UNLINK", *values[::2])
            raise

    async def lease(self, key: str, tags: Sequence[str], now: float) -> Lease:
        if not self._shared.announced:
            await self._announce()  # or clearing all would not know that here is something
        token = await self._run(
            text, "take_lease", key, new_token(), micros(now), tag_argument(tags), int(OLD * 1000)
        )
        return Lease(key, token)

    async def release(self, lease: Lease) -> None:
        await self._run(anything, "release_lease", *lease)

    async def remove(self, keys: Iterable[str]) -> Removed:
        removed = [
            await self._run(as_removed, "remove", *dict.fromkeys(batch)) for batch in batches(keys)
        ]
        return removed[0] if len(removed) == 1 else Removed.total(removed)

    async def remove_expired(self, key: str, now: float) -> Removed:
        return await self._run(as_removed, "remove_expired", key, micros(now))

    async def remove_tagged(self, tag: str) -> Removed:
        return await self._remove_all("remove_tagged", tag, BATCH)

    async def clear(self) -> Removed:
        return await self._remove_all("clear", BATCH)

    async def _remove_all(self, name: str, *arguments: Argument) -> Removed:
        removed = Removed()
        for _ in self._client.steps():
            with unbroken():
                step, more = await self._run(as_removed_some, name, *arguments)
                note_removed(step)
            removed = removed.plus(step)
            if not more:
                break
        return removed

    async def cleanup(self, rule: CleanupRule) -> CleanupStep:
        await self._flush_unless_refused()
        if self._shared.should_verify(rule):
            dropped = await self.verify(rule.now)
            if dropped != Dropped():
                return CleanupStep(dropped=dropped)
        return await self._clean(rule)

    async def verify(self, now: float) -> Dropped:
        """Forget all that the server dropped, so that limits are about what is there."""
        dropped, cursor = Dropped(), 0
        for _ in self._client.steps():
            cursor, found = await self._run(as_verified, "verify", cursor, BATCH, micros(now))
            dropped = dropped.plus(found)
            if not cursor:
                break
        return dropped

    async def _clean(self, rule: CleanupRule) -> CleanupStep:
        step, self._shared.exceeds = await self._run(
            as_step, "cleanup", *rule_arguments(rule), BATCH, micros(rule.now - OLD)
        )
        return step

    async def plan(self, rule: CleanupRule) -> AsyncIterator[Planned]:
        from cachectl._backends.redis.heads import Heads  # no lookup needs them
        from cachectl._backends.redis.listing import Listing
        from cachectl._backends.redis.plan import Plan

        await self.look()
        heads = Heads(self._client, self._base)
        async for one in Plan(Listing(self._client, self._base), heads.sizes, rule).entries():
            yield one

    async def scan(self, tag: str | None = None) -> AsyncIterator[EntryInfo]:
        from cachectl._backends.redis.heads import Heads  # no lookup needs them
        from cachectl._backends.redis.listing import Listing

        await self.look()
        await self._flush_unless_refused()
        listing, heads = Listing(self._client, self._base), Heads(self._client, self._base)
        async for page in listing.pages() if tag is None else listing.tagged(tag):
            for one in await heads.entries(page):
                yield one

    async def flush(self) -> None:
        await self._with_uses(self.touch)

    async def hand_over(self, now: float, is_limited: Callable[[], bool]) -> bool:
        await self.flush()
        return True

    async def look(self) -> None:
        """Look whether the index is whole, and begin anew if it is not: where anything can be written."""
        with suppress(BackendRefused):
            await self._run(anything, "touch")

    async def _flush_unless_refused(self) -> None:
        """Write uses; on a server that is full, or only read, they stay noted."""
        with suppress(BackendRefused):
            await self.flush()

    async def touch(self, uses: Sequence[tuple[str, int]]) -> None:
        """Write the stamps of last uses."""
        for batch in batches(uses):
            await self._run(anything, "touch", *use_arguments(batch))

    async def _run(self, shape: Shape[T], name: str, *arguments: Argument) -> T:
        return await self._client.run(shape, name, self._base, *arguments)
