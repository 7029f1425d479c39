"""What happens in one namespace, counted and told to those who listen."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from cachectl._metrics.counters import MISSED
from cachectl._metrics.events import Event, EventKind, Listeners, MissReason
from cachectl._metrics.known_keys import KnownKeys
from cachectl._metrics.sketches import Notes
from cachectl._metrics.thread_counters import ThreadCounters
from cachectl._metrics.troubles import Troubles
from cachectl._model.batches import BATCH
from cachectl._model.entry import Found, Worth
from cachectl._model.records import CleanupStep, Item, Removed, Written
from cachectl.errors import BackendError, CacheError

_ABSENT: Final = MissReason.ABSENT  # to ask the class takes as long as to count
_EXPIRED: Final = MissReason.EXPIRED
_ERROR: Final = MissReason.ERROR
_BYPASSED: Final = MissReason.BYPASSED
_DISABLED: Final = MissReason.DISABLED
_ONE_IN: Final = 100
"""Of how many lookups one is timed."""

log: Final = logging.getLogger("cachectl")


class Recorder:
    """Records for one namespace. Counts unless told not to; listeners hear of everything.

    `is_away` returns whether something else than the backend answers now; None if nothing ever does.
    """

    def __init__(
        self,
        namespace: str,
        counters: ThreadCounters,
        notes: Notes,
        listeners: Listeners,
        troubles: Troubles,
        is_away: Callable[[], bool] | None,
        clock: Callable[[], float],
        *,
        counting: bool,
    ) -> None:
        self.namespace = namespace
        self.counting = counting
        self._counters = counters
        self._local = counters.local  # looked up once: it is on the path of every hit
        self._notes = notes
        self._clock = clock
        self._listeners = listeners
        self._troubles = troubles
        self._is_away = is_away
        self.limited: bool = False
        self.known: KnownKeys = KnownKeys()
        self._has_told_of_unstored = False
        self.has_written: bool = False
        self.may_exceed: bool = False
        """Whether a write evicted so many that limits may still be exceeded."""
        self._told: set[str] = set()
        self._listened = self._observed = bool(listeners)
        self._to_time = 0
        listeners.on_change(self._listeners_changed)

    def count_elsewhere(self) -> None:
        """Follow the counters, which were renewed."""
        self._local = self._counters.local

    def record_hit(self, key: str, entry: Found, now: float) -> None:
        """Record a lookup that found a fresh entry."""
        if self.counting:
            try:
                counts = self._local.counts
            except AttributeError:
                counts = self._counters.current()
            counts.hits += 1
            counts.last_hit_at = now
            if entry.cost:
                counts.saved_cost += entry.cost
                if entry.cost_over:
                    counts.saved_over += entry.cost_over
            if entry.load_us:
                counts.saved_us += entry.load_us
        if self._observed:
            self._observe(EventKind.HIT, key, now, size=entry.size)

    def record_miss(self, key: str, found: MissReason, now: float, *, loads: bool = False) -> None:
        """Record a lookup that found nothing. One of a disabled namespace is not counted; one that is
        followed by a load is when it is known who loads.
        """
        reason = found
        if found is _ABSENT and self.counting:
            if self._is_away is not None and self._is_away():
                reason = _ERROR
            else:
                reason = self.known.reason(key, now, self.limited)
        elif found is _EXPIRED and self.counting:
            self.known.expired(key, now)
        if loads:
            vars(self._local)["reason"] = reason
        elif reason is not _DISABLED:
            self.record_load(key, reason)
        if self._observed:
            self._observe(EventKind.MISS, key, now, reason=reason)

    def time_some(self, lookups: int) -> None:
        """Note how long some of the next lookups take: one in a hundred, if they are as many again. A
        hit that is not one of them costs nothing more.
        """
        self._to_time = max(1, lookups // _ONE_IN)
        self._observed = True

    def record_load_time(self, seconds: float) -> None:
        """Note how long a loader took."""
        if self.counting:
            self._notes.took("load", seconds)

    def _observe(
        self,
        kind: EventKind,
        key: str,
        began: float,
        *,
        size: int | None = None,
        reason: MissReason | None = None,
    ) -> None:
        """Note how long a lookup took that is to be timed, and tell of it who listens."""
        if self._to_time > 0:
            self._to_time -= 1
            if self.counting and reason is not _DISABLED:
                self._notes.took(kind, self._clock() - began)
        if self._to_time <= 0:
            self._observed = self._listened
        if self._listened:
            self._listeners.tell(Event(kind, self.namespace, key, size, reason))

    def take_reason(self) -> MissReason:
        """Return why the lookup missed that this thread made just now, to load."""
        reason: MissReason = vars(self._local).pop("reason", _ABSENT)
        return reason

    def record_load(self, key: str, reason: MissReason) -> None:
        """Count a lookup that found nothing, and loads."""
        if self.counting:
            if reason is not _BYPASSED and reason is not _ERROR:
                self._notes.missed(key)  # the others would have missed with any key
            try:  # as in a hit: a call less is a tenth of a miss
                counts = self._local.counts
            except AttributeError:
                counts = self._counters.current()
            if reason is _ABSENT:
                counts.missed_absent += 1
            else:
                name = MISSED[reason]
                setattr(counts, name, getattr(counts, name) + 1)

    def record_shared(self, worth: Worth) -> None:
        """Count a lookup that found nothing, and got what another had loaded."""
        if self.counting:
            counts = self._counters.current()
            counts.shared += 1
            counts.saved_cost += worth.cost
            counts.saved_over += worth.cost_over
            counts.saved_us += worth.load_us

    def record_suppressed(self, error: CacheError) -> None:
        """Count and log an error that is not passed on to the caller.

        The backend's are warnings, but the same one is that only once, not once a lookup.
        """
        told = isinstance(error, BackendError) and self._troubles.is_news(error, self.namespace)
        level = logging.WARNING if told else logging.DEBUG
        log.log(level, "namespace %s: %s", self.namespace, str(error))
        if self.counting:
            self._counters.current().errors += 1

    def record_unstored(self, key: str, function: str, reason: object) -> None:
        """Count that what a function returned could not be stored, and log the first."""
        if not self._has_told_of_unstored:
            self._has_told_of_unstored = True
            text = f"what {function} returned for the key {key!r} is not stored: {reason}"
            log.warning("namespace %s: %s", self.namespace, text)
        if self.counting:
            self._counters.current().errors += 1

    def tell_once(self, text: str) -> None:
        """Log a warning, the same one never again."""
        if text not in self._told:
            self._told.add(text)
            log.warning("namespace %s: %s", self.namespace, text)

    def record_spared(self) -> None:
        """Count an error that memory kept from a caller while the backend was away."""
        if self.counting:
            self._counters.current().errors += 1

    def record_lost(self) -> None:
        """Count that what this namespace held is gone, by no doing of ours."""
        self.known.forget()
        if self.counting:
            self._counters.current().errors += 1

    def record_write(self, items: Sequence[Item], written: Written) -> None:
        """Record a write of `items`, and what it removed."""
        self.has_written = True
        if len(written.evicted) >= BATCH:
            self.may_exceed = True
        if self.counting:
            stored, expired, evicted, dropped = written
            try:  # as in a hit: a call less is a good part of this
                counts = self._local.counts
            except AttributeError:
                counts = self._counters.current()
            counts.sets += stored
            counts.expired += expired
            if stored == len(items):
                self.known.stored(items)
            if evicted or dropped:
                counts.evictions += len(evicted) + dropped
                self.known.evicted(evicted)
        if self._listened:
            self._tell_of_sets(items, written)

    def record_invalidated(
        self, removed: Removed, operation: str, keys: Sequence[str] | None = None
    ) -> None:
        """Record what someone removed: of these keys, or else by a tag, or all by `clear`."""
        if self.counting and removed.entries:
            self._counters.current().invalidated += removed.entries
            if keys is not None:
                self.known.invalidated(keys, removed.entries)
            elif operation == "clear":
                self.known.cleared()
            else:
                self.known.invalidated_by_tag()
        if self._listened:
            log.debug("%s %s: %d removed", operation, self.namespace, removed.entries)

    def record_cleanup(self, step: CleanupStep) -> None:
        """Record what a step of a cleanup, or a lookup that met an expired entry, removed."""
        if self.counting:
            counts = self._counters.current()
            counts.expired += step.expired.entries + step.dropped.expired
            counts.evictions += step.evicted.entries + step.dropped.evicted
            self.known.evicted(step.evicted_keys)
        if self._listened:
            self._tell_of_evictions(step.evicted_keys)

    def record_compression(self, nanoseconds: int, before: int, after: int) -> None:
        """Record that a value was written where compression is on: its bytes before and after."""
        if self.counting:
            counts = self._counters.current()
            counts.compress_ns += nanoseconds
            counts.compressed_from += before
            counts.compressed_to += after

    def record_decompression(self, nanoseconds: int) -> None:
        """Record the time that a hit of a compressed entry took for that."""
        if self.counting:
            self._counters.current().decompress_ns += nanoseconds

    def _tell_of_sets(self, items: Sequence[Item], written: Written) -> None:
        log.debug(
            "set %s: %d stored, %d evicted", self.namespace, written.stored, len(written.evicted)
        )
        for item in items if written.stored else ():
            event = Event(EventKind.SET, self.namespace, item.key, item.entry.size)
            self._listeners.tell(event)
        self._tell_of_evictions(written.evicted)

    def _tell_of_evictions(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._listeners.tell(Event(EventKind.EVICTION, self.namespace, key))

    def _listeners_changed(self) -> None:
        self._listened = bool(self._listeners)
        self._observed = self._listened or self._to_time > 0
