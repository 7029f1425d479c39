"""The Redis backend: one server, shared by all processes that know its URL."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xxhash import xxh3_64_hexdigest

from cachectl._backends.eviction.access_log import AccessLog
from cachectl._backends.redis import noted, server_memory, walk
from cachectl._backends.redis.arguments import SLACK, micros, rule_arguments
from cachectl._backends.redis.client import Client, ThreadClient
from cachectl._backends.redis.counters import RedisCounters, all_suffixes
from cachectl._backends.redis.errors import Translation
from cachectl._backends.redis.keyspace import COMPLETE, POLICY, Keyspace
from cachectl._backends.redis.lease import held
from cachectl._backends.redis.results import as_trimmed, as_uses, total_bytes
from cachectl._backends.redis.server_memory import ServerMemory
from cachectl._backends.redis.shapes import anything, number, only_string
from cachectl._backends.redis.shared import Shared
from cachectl._backends.redis.store import RedisStore
from cachectl._backends.redis.transport.blocking import BlockingTransport
from cachectl._backends.redis.transport.routes import SingleServer
from cachectl._backends.redis.transport.server import Server
from cachectl._backends.redis.transport.transport import Timeouts
from cachectl._backends.redis.url import parse
from cachectl._backends.redis.usage import as_usage, sample
from cachectl._backends.volatile import volatile
from cachectl._metrics.counters import Counts
from cachectl._metrics.windows import Window
from cachectl._model.coroutines import run
from cachectl._model.importing import importing
from cachectl._model.policy import ALL, EVICTIONS
from cachectl._model.records import CleanupRule, CleanupStep, Usage
from cachectl._model.turn import Turn
from cachectl.errors import BackendRefused

if TYPE_CHECKING:  # the first imports asyncio; figures are asked for by few
    from cachectl._backends.redis.transport.loop import LoopTransport
    from cachectl._backends.redis.watch import Watch
    from cachectl._metrics.reports import Status


class RedisBackend:
    """Keeps everything below `prefix` and touches nothing else.

    `url` is described in `url.py`; the timeouts are seconds, for connecting, and for all of an
    exchange, connecting included. Raises `ConfigError` if the URL or the prefix cannot be one.
    """

    name: ClassVar[str] = "redis"
    live: ClassVar[bool] = False
    refusal: ClassVar[str] = ""
    evictions: ClassVar[Collection[str]] = EVICTIONS
    modules: ClassVar[tuple[str, ...]] = (
        "cachectl._backends.redis.heads",
        "cachectl._backends.redis.listing",
        "cachectl._backends.redis.plain",
        "cachectl._backends.redis.plan",
        "cachectl._backends.redis.watch",
        "cachectl._metrics.slots.row",
    )

    def __init__(
        self,
        *,
        url: str,
        prefix: str = "cachectl",
        connect_timeout: float = 0.5,
        timeout: float = 1.0,
    ) -> None:
        self._address = parse(url)
        self._keys = Keyspace(prefix)
        self._server = Server(self._address)
        self._routes = SingleServer(self._server)
        self._timeouts = Timeouts(min(connect_timeout, timeout), timeout)
        self._translated = Translation(self._address.masked, prefix)
        self._blocking = BlockingTransport(self._routes, self._timeouts)
        self._client = ThreadClient(self._blocking, self._translated)
        self._in_loops: LoopTransport | None = None
        self._shared: dict[str, Shared] = {}
        self._memory: ServerMemory | None = None
        self._note: Callable[[str, str, int], None] | None = None
        self._watch: Watch | None = None

    def __repr__(self) -> str:
        return f"RedisBackend({self._address.masked!r})"

    @property
    def place(self) -> str:
        return f"{self._address.place} {self._keys.prefix}"

    @cached_property
    def counters(self) -> RedisCounters:
        return RedisCounters(self._keys, self._client)

    def store_for_threads(self, namespace: str) -> RedisStore:
        return RedisStore(self._of(namespace), self._client, self._client)

    def store_for_tasks(self, namespace: str) -> RedisStore:
        client = Client(self._transport_for_tasks(), self._translated)
        return RedisStore(self._of(namespace), client, self._client)

    def slots(self, *, create: bool) -> Path | None:
        return volatile(f"slots-{xxh3_64_hexdigest(self.place.encode())}")

    def journal(self) -> Path | None:
        return volatile(f"journal-{xxh3_64_hexdigest(self.place.encode())}")

    def note_uses(self, note: Callable[[str, str, int], None]) -> None:
        self._note = note

    def touch(self, namespace: str, uses: Sequence[tuple[str, int]]) -> None:
        run(self.store_for_threads(namespace).touch(uses))

    def write_uses(self, namespaces: Iterable[str]) -> bool:
        known = [self._shared[name] for name in namespaces if name in self._shared]
        run(noted.write(self._client, known))
        return True

    def usage(self) -> Mapping[str, Usage]:
        """`memory_bytes` is what the server says of the index, and of a sample of the values."""
        return run(self._usage())

    def usage_of(self, names: Collection[str]) -> Mapping[str, Usage]:
        return run(self._usage(names))

    def counts_of(self, names: Collection[str], window: Window) -> Mapping[str, Counts]:
        return self.counters.read_of(names, window)

    async def _usage(self, of: Collection[str] = ()) -> Mapping[str, Usage]:
        names = await self._keys.namespaces(self._client, of)
        gone_before = micros(time.time() - SLACK)
        told = (*sample(len(names)), gone_before)
        calls = [(self._keys.base(name), told) for name in names]
        self._memory = await server_memory.read(self._client)
        read = partial(as_usage, drops=self._memory.drops)
        try:
            used = await self._client.run_all(read, "usage", calls)
        except BackendRefused as error:
            from cachectl._backends.redis import plain  # not as a rule

            plain.require_forbidden(error)
            totals = await self._totals()
            return {name: totals[name] for name in names if name in totals}
        return dict(zip(names, used, strict=True))

    def status(self) -> "Status":
        """Return what the server does when it is full; it is asked unless `usage` just has."""
        from cachectl._metrics.reports import Status

        memory = self._memory or run(server_memory.read(self._client))
        self._memory = None
        details = memory.details()
        if self._watch is not None and self._watch.moved_at is not None:
            details["moved_at"] = self._watch.moved_at
        return Status(self.name, self.name, "ok", 0, details=details, notes=memory.notes)

    def expired_entries(self, now: float, of: Collection[str] = ()) -> Mapping[str, int]:
        return run(self._expired_entries(micros(now), of))

    async def _expired_entries(self, now: int, of: Collection[str]) -> Mapping[str, int]:
        names = of or await self._keys.namespaces(self._client)
        calls = [(self._keys.base(name), (now, now - micros(SLACK))) for name in names]
        try:
            counts = await self._client.run_all(number, "expired", calls)
        except BackendRefused as error:
            from cachectl._backends.redis import plain  # not as a rule

            plain.require_forbidden(error)
            return {}
        return dict(zip(names, counts, strict=True))

    def due(self, rules: Mapping[str, CleanupRule]) -> Collection[str]:
        return run(self._due(rules))

    async def _due(self, rules: Mapping[str, CleanupRule]) -> Collection[str]:
        """A server that drops entries by itself has left something to do anywhere."""
        if not (await server_memory.read(self._client)).drops:
            calls = [(self._keys.base(name), rule_arguments(rule)) for name, rule in rules.items()]
            with suppress(BackendRefused):  # who cleans is told why
                due = await self._client.run_all(number, "due", calls)
                return {name for name, is_due in zip(rules, due, strict=True) if is_due}
        return rules

    def stored_policies(self, of: Collection[str] = ()) -> Mapping[str, str]:
        return run(self._stored_policies(of))

    async def _stored_policies(self, of: Collection[str]) -> Mapping[str, str]:
        names = [*(of or await self._keys.namespaces(self._client)), ALL]
        # Which is no error where something else stands under the key.
        commands = [("MGET", self._keys.policy(name)) for name in names]
        found = await self._client.pipeline(only_string, commands)
        return {
            name: text.decode(errors="replace")
            for name, text in zip(names, found, strict=True)
            if text is not None
        }

    def store_policy(self, namespace: str, text: str) -> None:
        run(self._client.command(anything, "SET", self._keys.policy(namespace), text))

    def totals(self) -> Mapping[str, Usage]:
        return run(self._totals())

    async def _totals(self) -> Mapping[str, Usage]:
        names = await self._keys.namespaces(self._client)
        bases = [self._keys.base(name) for name in names]
        entries = await self._client.pipeline(number, [("ZCARD", f"{base}lru") for base in bases])
        sizes = await self._client.pipeline(
            total_bytes, [("HGET", f"{base}meta", "") for base in bases]
        )
        held = (Usage(*of_one, None) for of_one in zip(entries, sizes, strict=True))
        return dict(zip(names, held, strict=True))

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        calls = [(self._keys.base(name), (most,)) for name in namespaces]
        found = run(self._client.run_all(as_uses, "oldest", calls))
        return dict(zip(namespaces, found, strict=True))

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        base = self._keys.base(namespace)
        return run(self._client.run(as_trimmed, "trim", base, most, micros(used_until)))

    def revoke_leases(self, namespace: str) -> None:
        run(self._client.command(anything, "UNLINK", f"{self._keys.base(namespace)}loads"))

    def forget(self, namespace: str, now: float) -> bool:
        return run(self._forget(namespace, now))

    async def _forget(self, namespace: str, now: float) -> bool:
        await self.store_for_threads(namespace).verify(now)
        base, suffixes = self._keys.base(namespace), [*all_suffixes(now), POLICY]
        if not await self._client.run(number, "forget", base, *suffixes):
            return False
        await self._client.command(anything, "SREM", self._keys.names, namespace)
        if await self._client.command(number, "EXISTS", f"{base}lru"):  # written to meanwhile
            await self._client.command(anything, "SADD", self._keys.names, namespace)
        return True

    def reset(self, namespace: str, now: float) -> None:
        base = self._keys.base(namespace)
        tables = (f"{base}{suffix}" for suffix in all_suffixes(now))
        run(self._client.command(anything, "UNLINK", *tables))

    def find_namespaces(self, *, remember: bool) -> Collection[str]:
        return run(self._find_namespaces(remember=remember))

    async def _find_namespaces(self, *, remember: bool) -> Collection[str]:
        names, complete = await self._keys.listed(self._client)
        if complete:
            return names
        found = sorted({*names, *await walk.namespaces(self._client, self._keys)})
        if remember:
            with suppress(BackendRefused):  # of a full server: who asks next pays as much
                await self._client.command(anything, "SADD", self._keys.names, COMPLETE, *found)
        return found

    def compact(self) -> None:
        """Remove the values that nothing names, where an index was lost: it walks over all keys."""
        run(self._compact())

    async def _compact(self) -> None:
        names = await self._keys.namespaces(self._client)
        await walk.remove_leftovers(self._client, self._keys, names)

    def watch(self, *, returning: bool) -> bool:
        if self._watch is None:
            with importing:
                from cachectl._backends.redis.watch import Watch

            arguments = self._server, self._client, self._translated, self._keys
            self._watch = self._watch or Watch(*arguments, self._newest)
        if not returning:
            return self._watch.look_now_and_then()
        changed = self._watch.look()
        self._server.leave()
        return changed

    def _newest(self) -> Mapping[str, str]:
        return {name: shared.newest for name, shared in list(self._shared.items())}

    def check(self) -> None:
        run(self._client.command(anything, "PING"))

    def lock(self, name: str) -> AbstractContextManager[None]:
        return held(self._client, self._keys.lock(name), name, self.place)

    def turns(self) -> Iterable[Turn]:
        return ()

    def before_fork(self) -> bool:
        return True

    def after_fork_in_child(self) -> None:
        self._blocking.after_fork_in_child()
        if self._in_loops is not None:
            self._in_loops.after_fork_in_child()

    def close(self) -> None:
        try:
            self.write_uses(list(self._shared))
        finally:
            self._blocking.close()
            if self._in_loops is not None:
                self._in_loops.close()

    def _transport_for_tasks(self) -> "LoopTransport":
        if self._in_loops is None:
            with importing:
                from cachectl._backends.redis.transport.loop import LoopTransport

                if self._in_loops is None:
                    self._in_loops = LoopTransport(self._routes, self._timeouts)
        return self._in_loops

    def _of(self, namespace: str) -> Shared:
        found = self._shared.get(namespace)
        if found is None:
            log = AccessLog(None if self._note is None else partial(self._note, namespace))
            shared = Shared(namespace, self._keys.base(namespace), self._keys.names, log)
            found = self._shared.setdefault(namespace, shared)
        return found
