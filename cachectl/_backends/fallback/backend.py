"""The backend behind which memory stands in.

This is for applications. The command line works on the backend itself, and fails when it must.
"""

import time
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from cachectl._backends.capabilities import (
    SupportsCompaction,
    SupportsDiscovery,
    SupportsDue,
    SupportsExpiredEntries,
    SupportsForgetting,
    SupportsFork,
    SupportsLook,
    SupportsManyUses,
    SupportsRecount,
    SupportsReset,
    SupportsRevocation,
    SupportsSlots,
    SupportsStatus,
    SupportsStoredPolicies,
    SupportsTrimming,
)
from cachectl._backends.fallback.breaker import CircuitBreaker
from cachectl._backends.fallback.counters import FallbackCounters
from cachectl._backends.fallback.recovery import Recovery
from cachectl._backends.fallback.store import FallbackStore, Pause, StandIn
from cachectl._backends.protocols import AsyncStore, Backend
from cachectl._backends.selection import counts_of, usage_of
from cachectl._metrics.counters import CounterStore, Counts
from cachectl._metrics.reports import Status
from cachectl._metrics.windows import Window
from cachectl._model.records import CleanupRule, CleanupStep, Usage
from cachectl._model.turn import CallLock, Turn
from cachectl.errors import BackendError, BackendRefused, BackendUnavailable


class FallbackBackend:
    """A backend behind which memory stands in."""

    live: ClassVar[bool] = False

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self.name = backend.name
        self.refusal = backend.refusal
        self.evictions: Collection[str] = backend.evictions
        self.modules: tuple[str, ...] = backend.modules
        self.place: str | None = backend.place
        self._backend = backend
        self._breaker = CircuitBreaker(backend.name, clock)
        self._stand_ins: dict[str, StandIn] = {}
        self._recovery = Recovery(backend, self._breaker, self._stand_ins)
        self._turn = CallLock("the cache")
        self._spared: Callable[[str], None] = _nobody_asks

    def __repr__(self) -> str:
        return f"FallbackBackend({self._backend!r})"

    @property
    def counters(self) -> CounterStore:
        return FallbackCounters(self._breaker, self._backend.counters)

    def store_for_threads(self, namespace: str) -> AsyncStore:
        if not self._stand_ins:
            self._recovery.begin(may_wait=True)
        return self._around(self._backend.store_for_threads(namespace), namespace, _sleep)

    def store_for_tasks(self, namespace: str) -> AsyncStore:
        from asyncio import sleep

        if not self._stand_ins:
            self._recovery.begin(may_wait=False)
        return self._around(self._backend.store_for_tasks(namespace), namespace, sleep)

    def slots(self, *, create: bool) -> Path | None:
        if isinstance(self._backend, SupportsSlots):
            return self._backend.slots(create=create)
        return None

    def note_uses(self, note: Callable[[str, str, int], None]) -> None:
        if isinstance(self._backend, SupportsSlots):
            self._backend.note_uses(note)

    def touch(self, namespace: str, uses: Sequence[tuple[str, int]]) -> None:
        if isinstance(self._backend, SupportsSlots):
            self._backend.touch(namespace, uses)

    def write_uses(self, namespaces: Iterable[str]) -> bool:
        backend = self._backend
        if not isinstance(backend, SupportsManyUses):
            return False
        return self._breaker.is_open or self._breaker.call(lambda: backend.write_uses(namespaces))

    @property
    def is_away(self) -> bool:
        return self._breaker.is_open

    def note_spared(self, note: Callable[[str], None]) -> None:
        self._spared = note

    def usage(self) -> Mapping[str, Usage]:
        return self._usage(())

    def usage_of(self, names: Collection[str]) -> Mapping[str, Usage]:
        return self._usage(names)

    def counts_of(self, names: Collection[str], window: Window) -> Mapping[str, Counts]:
        return self._breaker.call(lambda: counts_of(self._backend, names, window))

    def find_namespaces(self, *, remember: bool) -> Collection[str]:
        backend = self._backend
        if not isinstance(backend, SupportsDiscovery):
            return self.usage().keys()
        try:
            return self._breaker.call(lambda: backend.find_namespaces(remember=remember))
        except BackendUnavailable:
            return [name for name, _ in self._standing_in()]

    def expired_entries(self, now: float, of: Collection[str] = ()) -> Mapping[str, int]:
        backend = self._backend
        if self._breaker.is_open:
            return {name: each.memory.expired_entries(now) for name, each in self._standing_in()}
        if not isinstance(backend, SupportsExpiredEntries):
            return {}
        return self._breaker.call(lambda: backend.expired_entries(now, of))

    def check(self) -> None:
        self._breaker.call(self._recovery.reach)

    def look(self) -> Sequence[str]:
        return self._backend.look() if isinstance(self._backend, SupportsLook) else ()

    def recover(self) -> bool:
        """Return to the backend, having removed from it what was written or removed while it was
        away: what it has under those keys is older than what callers have seen.
        """
        return self._recovery.recover()

    def status(self) -> Status:
        refusal: BackendError | None = None
        status = self._ok()
        try:
            self._breaker.call(self._recovery.reach)
            if isinstance(self._backend, SupportsStatus):
                status = self._breaker.call(self._backend.status)
        except BackendUnavailable:
            pass
        except BackendError as error:
            refusal = error
        if self._breaker.is_open:
            return self._fallback_only()
        if refusal is None:
            return status
        return replace(status, status="refusing", last_error=str(refusal), kind=refusal.kind)

    def state(self) -> Status:
        return self._fallback_only() if self._breaker.is_open else self._ok()

    def _ok(self) -> Status:
        return Status(self.name, self.name, "ok", 0)

    def _fallback_only(self) -> Status:
        breaker = self._breaker
        entries = sum(stand_in.memory.usage().entries for _, stand_in in self._standing_in())
        since, error, kind = breaker.since, breaker.last_error, breaker.kind
        return Status(self.name, "memory", "fallback_only", entries, since, error, kind=kind)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the backend's lock; while it is away there is nothing to share one with."""
        with ExitStack() as held:
            with suppress(BackendUnavailable):
                self._breaker.call(lambda: held.enter_context(self._backend.lock(name)))
            yield

    def compact(self) -> None:
        if isinstance(self._backend, SupportsCompaction):
            with suppress(BackendUnavailable):
                self._breaker.call(self._backend.compact)

    def forget(self, namespace: str, now: float) -> bool:
        backend = self._backend
        if not isinstance(backend, SupportsForgetting):
            raise BackendRefused(f"the backend {backend.name} forgets nothing")
        return self._breaker.call(lambda: backend.forget(namespace, now))

    def reset(self, namespace: str, now: float) -> None:
        backend = self._backend
        if not isinstance(backend, SupportsReset):
            raise BackendRefused(f"the counters of the backend {backend.name} cannot begin anew")
        self._breaker.call(lambda: backend.reset(namespace, now))

    def stored_policies(self, of: Collection[str] = ()) -> Mapping[str, str]:
        backend = self._backend
        if not isinstance(backend, SupportsStoredPolicies):
            return {}
        return self._breaker.call(lambda: backend.stored_policies(of))

    def store_policy(self, namespace: str, text: str) -> None:
        backend = self._backend
        if isinstance(backend, SupportsStoredPolicies):
            self._breaker.call(lambda: backend.store_policy(namespace, text))

    def due(self, rules: Mapping[str, CleanupRule]) -> Collection[str]:
        backend = self._backend
        if isinstance(backend, SupportsDue):
            with suppress(BackendUnavailable):
                return self._breaker.call(lambda: backend.due(rules))
        return rules

    def totals(self) -> Mapping[str, Usage]:
        """While memory stands in nothing is held over all: each of its namespaces has its bound."""
        backend = self._backend
        if self._breaker.is_open or not isinstance(backend, SupportsTrimming):
            return {}
        return self._breaker.call(backend.totals)

    def oldest(self, namespaces: Sequence[str], most: int) -> Mapping[str, list[tuple[float, int]]]:
        backend = self._backend
        if not isinstance(backend, SupportsTrimming):
            return {}
        return self._breaker.call(lambda: backend.oldest(namespaces, most))

    def trim(self, namespace: str, most: int, used_until: float) -> CleanupStep:
        backend = self._backend
        if not isinstance(backend, SupportsTrimming):
            return CleanupStep()
        return self._breaker.call(lambda: backend.trim(namespace, most, used_until))

    def revoke_leases(self, namespace: str) -> None:
        for name, stand_in in self._standing_in():
            if name == namespace:
                stand_in.memory.revoke_leases()
        backend = self._backend
        if isinstance(backend, SupportsRevocation):
            self._breaker.call(lambda: backend.revoke_leases(namespace))

    def recount(self) -> None:
        if isinstance(self._backend, SupportsRecount):
            with suppress(BackendUnavailable):
                self._breaker.call(self._backend.recount)

    def turns(self) -> Iterator[Turn]:
        yield self._turn
        yield self._breaker.lock
        for _, stand_in in self._standing_in():
            yield from stand_in.memory.turns()
        if isinstance(self._backend, SupportsFork):
            yield from self._backend.turns()

    def before_fork(self) -> bool:
        return not isinstance(self._backend, SupportsFork) or self._backend.before_fork()

    def after_fork_in_child(self) -> None:
        self._breaker.after_fork_in_child()
        self._recovery.after_fork_in_child()
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_child()

    def close(self) -> None:
        self._recovery.close()
        self._backend.close()

    def _usage(self, names: Collection[str]) -> Mapping[str, Usage]:
        try:
            return self._breaker.call(lambda: usage_of(self._backend, names))
        except BackendUnavailable:
            held = {name: stand_in.memory.usage() for name, stand_in in self._standing_in()}
            return {name: held[name] for name in names or held if name in held}

    def _around(self, store: AsyncStore, namespace: str, pause: Pause) -> FallbackStore:
        with self._turn:
            note = partial(self._spared, namespace)
            made = StandIn(namespace, note, self._recovery.journal)
            stand_in = self._stand_ins.setdefault(namespace, made)
        return FallbackStore(self._breaker, store, stand_in, pause)

    def _standing_in(self) -> list[tuple[str, StandIn]]:
        return list(self._stand_ins.items())


def _nobody_asks(namespace: str) -> None:
    """Take what nobody counts."""


async def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251 - for threads, which are to block
