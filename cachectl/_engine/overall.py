"""Limits over all namespaces together: the least recently used of any namespace goes.

A write holds the limits of its own namespace, and knows nothing of others. So the totals are looked
at about once a second by each process that writes: they are exceeded by what is written meanwhile.
"""

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from operator import itemgetter
from time import monotonic
from typing import Final, NamedTuple

from cachectl._backends.capabilities import SupportsExpiredEntries, SupportsTrimming
from cachectl._backends.protocols import Backend
from cachectl._metrics.recorder import Recorder
from cachectl._model.batches import BATCH
from cachectl._model.coroutines import iterate, run
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, CleanupStep, Removed, Usage

_MOST_LOOKED_AT: Final = 10_000
"""Entries that are looked at for one choice, of all namespaces."""
_NOTHING: Final = Removed()

Told = Callable[[str, CleanupStep], None]
"""Is called with what was removed from a namespace."""


class Share(NamedTuple):
    """What has to go from a namespace: so many entries of those that were last used until then."""

    entries: int
    used_until: float


class OverallLimits:
    """The most that all namespaces together may hold, and how that is held."""

    def __init__(
        self,
        backend: Backend,
        limits: Limits,
        recorder: Callable[[str], Recorder],
        clock: Callable[[], float],
    ) -> None:
        self._backend = backend
        self._limits = limits
        self._recorder = recorder
        self._clock = clock

    def hold(self, ends_at: float | None = None, told: Told | None = None) -> bool:
        """While the limits are exceeded, remove what has expired, and then what was used least recently.
        Return whether that was finished before the monotonic clock came to `ends_at`.
        """
        backend = self._backend
        if not isinstance(backend, SupportsTrimming):
            return True
        while True:
            totals = backend.totals()
            excess = self._excess(totals.values())
            if excess == _NOTHING:
                return True
            if ends_at is not None and monotonic() >= ends_at:
                return False
            steps = self._expired_steps(totals) or _evictions(backend, totals, excess)
            for name, step in steps.items():
                self._recorder(name).record_cleanup(step)
                if told is not None:
                    told(name, step)
            if all(step.did_nothing for step in steps.values()):
                return True  # others have done it

    def dry_run(self, done: Mapping[str, CleanupStep]) -> dict[str, Removed]:
        """Return what would be evicted of each namespace, after a cleanup had `done` so much in each: it
        removes what has expired, and then what comes first. It reads all entries, if need be.
        """
        held, found = self._backend.usage(), dict[str, Removed]()
        excess = self._excess(_less(held.get(name, Usage()), step) for name, step in done.items())
        if excess != _NOTHING:
            entries = (one for name, step in sorted(done.items()) for one in self._left(name, step))
            for name, size in _oldest(entries, excess):
                found[name] = found.get(name, _NOTHING).plus(Removed(1, size))
        return found

    def _excess(self, held: Iterable[Usage]) -> Removed:
        """Return by how much the limits are exceeded."""
        known = list(held)
        entries, size = sum(one.entries for one in known), sum(one.bytes for one in known)
        limits = self._limits
        return Removed(
            max(0, entries - limits.max_entries) if limits.max_entries is not None else 0,
            max(0, size - limits.max_bytes) if limits.max_bytes is not None else 0,
        )

    def _expired_steps(self, totals: Mapping[str, Usage]) -> dict[str, CleanupStep]:
        """Remove some of what has expired, in any namespace."""
        backend, now = self._backend, self._clock()
        names = list(totals)
        if isinstance(backend, SupportsExpiredEntries):
            names = [name for name, entries in backend.expired_entries(now).items() if entries]
        rule = CleanupRule(now, None, Limits())
        steps = {name: run(backend.store_for_threads(name).cleanup(rule)) for name in names}
        return {name: step for name, step in steps.items() if step.expired.entries}

    def _left(self, name: str, done: CleanupStep) -> Iterator[tuple[float, str, int]]:
        """Yield use, namespace and size of what a cleanup leaves, in the order in which it would go."""
        gone, now = done.evicted.entries, self._clock()
        for info in iterate(self._backend.store_for_threads(name).scan()):
            if info.entry is not None and info.entry.expires_at <= now:
                continue
            if gone:
                gone -= 1
            else:
                yield info.used_at, name, info.size


def _evictions(
    backend: SupportsTrimming, totals: Mapping[str, Usage], excess: Removed
) -> dict[str, CleanupStep]:
    """Evict some of what was used least recently of any namespace, not more than the excess."""
    names = [name for name, held in totals.items() if held.entries]
    most = max(1, min(BATCH, _MOST_LOOKED_AT // max(1, len(names))))
    shares = _shares(backend.oldest(names, most), most, excess)
    return {name: backend.trim(name, *share) for name, share in shares.items()}


def _shares(
    oldest: Mapping[str, Sequence[tuple[float, int]]], most: int, excess: Removed
) -> dict[str, Share]:
    """Return what of each namespace comes first of all, until the excess is covered, or it is not
    known what comes next: of each `most` are known.
    """
    known_until = min((uses[-1][0] for uses in oldest.values() if len(uses) >= most), default=inf)
    named = ([(used_at, name, size) for used_at, size in oldest[name]] for name in sorted(oldest))
    shares: dict[str, Share] = {}
    total = _NOTHING
    for used_at, name, size in heapq.merge(*named, key=itemgetter(0, 1)):
        if _covers(total, excess) or used_at > known_until:
            break
        total = total.plus(Removed(1, size))
        shares[name] = Share(shares[name].entries + 1 if name in shares else 1, used_at)
    return shares


def _oldest(
    entries: Iterable[tuple[float, str, int]], excess: Removed
) -> Iterator[tuple[str, int]]:
    """Yield namespace and size of the entries that were used least recently, until they cover the
    excess. All are kept meanwhile, a few bytes of each.
    """
    names: list[str] = []
    uses, owners, sizes = array("d"), array("L"), array("q")
    for used_at, name, size in entries:
        if not names or names[-1] != name:
            names.append(name)
        uses.append(used_at)
        owners.append(len(names) - 1)
        sizes.append(size)
    total = _NOTHING
    for at in sorted(range(len(uses)), key=uses.__getitem__):
        if _covers(total, excess):
            return
        total = total.plus(Removed(1, sizes[at]))
        yield names[owners[at]], sizes[at]


def _covers(total: Removed, excess: Removed) -> bool:
    return total.entries >= excess.entries and total.bytes >= excess.bytes


def _less(held: Usage, step: CleanupStep) -> Usage:
    gone = step.expired.plus(step.evicted)
    return Usage(held.entries - gone.entries, held.bytes - gone.bytes)
