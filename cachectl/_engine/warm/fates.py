"""What became of the entries that a warm-up wrote: not all of them are there at its end."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from cachectl._engine.freshness import expires_at
from cachectl._engine.namespace import Namespace
from cachectl._metrics.events import Event, EventKind
from cachectl._model.outcome import Outcome
from cachectl._model.policy import Limits
from cachectl._model.records import Usage
from cachectl._model.write import Write
from cachectl.errors import BackendError

_PARTS: Final = 16  # of which one at a time is looked at, so that memory stays flat
_GONE: Final = -1.0
_LEFT_OUT: Final = -2.0


class Fate(NamedTuple):
    """What became of what was written: so much is there, was replaced by what the same run wrote under its
    key, was evicted, has expired, or is gone because others removed it.
    """

    kept: int = 0
    replaced: int = 0
    evicted: int = 0
    expired: int = 0
    gone: int = 0

    @classmethod
    def total(cls, parts: Iterable["Fate"]) -> "Fate":
        """Return what became of it in all."""
        return cls(*map(sum, zip(cls(), *parts, strict=True)))

    def seen(self, held: Usage) -> "Fate":
        """Return the same where no more is held than this."""
        gone = max(0, self.kept - held.entries)
        return self._replace(kept=self.kept - gone, gone=self.gone + gone)

    def limited(self, most: int | None) -> "Fate":
        """Return the same where no more than `most` are left by a limit."""
        going = 0 if most is None else max(0, self.kept - most)
        return self._replace(kept=self.kept - going, evicted=self.evicted + going)


class Holder(Protocol):
    """What tells what is held."""

    def usage(self, *names: str) -> Mapping[str, Usage]: ...


class _Ledger:
    """What happened to the entries of one namespace, in the order in which it did: 16 bytes each."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._keys = [array("q") for _ in range(_PARTS)]
        self._times = [array("d") for _ in range(_PARTS)]

    def note(self, key: str, expires_at: float) -> None:
        """Take note of a write, or of what else happened to a key."""
        number = hash(key)
        self._keys[number % _PARTS].append(number)
        self._times[number % _PARTS].append(expires_at)

    def fate(self) -> Fate:
        now = self.namespace.state.clock()
        parts = zip(self._keys, self._times, strict=True)
        return Fate.total(_fate(keys, times, now) for keys, times in parts)


class Fates:
    """A listener that follows what becomes of what is written."""

    def __init__(self, limits: Limits) -> None:
        self._overall = limits
        self._ledgers: dict[str, _Ledger] = {}
        self._evicted: list[Event] = []
        self.uncertainty: float = 0.0
        """The part of what is held by which `found` may be wrong."""

    def __call__(self, event: Event) -> None:
        if event.kind is EventKind.EVICTION and event.namespace in self._ledgers:
            self._evicted.append(event)

    def begin(self, namespace: Namespace) -> None:
        """Take note of what happened before the next write."""
        if namespace.name not in self._ledgers:
            self._ledgers[namespace.name] = _Ledger(namespace)
        self._settle()

    def end(
        self, namespace: Namespace, writes: Sequence[Write], outcomes: Sequence[Outcome]
    ) -> None:
        """Take note of a write, and of what it evicted."""
        ledger, now = self._ledgers[namespace.name], namespace.state.clock()
        ttl, stored_key, note = namespace.policy.ttl, namespace.policy.stored_key, ledger.note
        by_policy = expires_at(None, ttl, now)
        for write, outcome in zip(writes, outcomes, strict=True):
            if outcome is Outcome.STORED:
                own = by_policy if write.ttl is None else expires_at(write.ttl, ttl, now)
                note(stored_key(write.key), own)
            elif outcome is Outcome.TOO_LARGE:  # and what stood there is gone
                note(stored_key(write.key), _LEFT_OUT)
        self._settle()

    def found(self, holder: Holder | None = None) -> dict[str, Fate]:
        """Return what became of what was written to each namespace. Who is asked what it holds, knows also
        of what nobody told us.
        """
        self._settle()
        fates = {name: ledger.fate() for name, ledger in self._ledgers.items()}
        with suppress(BackendError):
            if holder is not None and fates:
                held = holder.usage(*fates)
                self.uncertainty = max((use.uncertainty for use in held.values()), default=0.0)
                return {name: fate.seen(held.get(name, Usage())) for name, fate in fates.items()}
        return fates

    def foretold(self) -> dict[str, Fate]:
        """Return what would become of it, as far as a number of entries is the limit."""
        return {
            name: ledger.fate().limited(ledger.namespace.policy.max_entries)
            for name, ledger in self._ledgers.items()
        }

    def limits(self, name: str) -> str:
        """Return in words by which limits entries of a namespace may be evicted."""
        return self._ledgers[name].namespace.policy.limits.said(name, self._overall)

    def _settle(self) -> None:
        evicted, self._evicted = self._evicted, []
        for event in evicted:
            self._ledgers[event.namespace].note(event.key, _GONE)


def _fate(keys: Sequence[int], times: Sequence[float], now: float) -> Fate:
    there: dict[int, float] = {}
    replaced = evicted = 0
    for key, time in zip(keys, times, strict=True):
        if time == _GONE:
            evicted += there.pop(key, None) is not None
        elif time == _LEFT_OUT:
            replaced += there.pop(key, None) is not None
        else:
            replaced += key in there
            there[key] = time
    expired = sum(time <= now for time in there.values())
    return Fate(len(there) - expired, replaced, evicted, expired)
