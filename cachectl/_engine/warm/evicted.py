"""Which entries that a warm-up wrote went again, because a limit was in their way."""

from cachectl._engine.namespace import Namespace
from cachectl._engine.warm.report import WarmCounts
from cachectl._metrics.events import Event, EventKind


class EvictedAgain:
    """A listener that counts evictions of what was written. It keeps a number for each entry that a
    limit may evict: not more than the cache holds.
    """

    def __init__(self, counts: WarmCounts, *, limited: bool) -> None:
        self._counts = counts
        self._limited = limited  # over all namespaces
        self._written: set[int] = set()

    def __call__(self, event: Event) -> None:
        if event.kind is EventKind.EVICTION:
            entry = hash((event.namespace, event.key))
            if entry in self._written:
                self._written.discard(entry)
                self._counts.evicted += 1

    def expect(self, namespace: Namespace, key: str) -> None:
        """Take note of an entry that is to be written: the write itself may evict it."""
        policy = namespace.policy
        if self._limited or policy.max_entries is not None or policy.max_bytes is not None:
            self._written.add(hash((namespace.name, namespace.stored_key(key))))

    def leave_out(self, namespace: Namespace, key: str) -> None:
        """Take note that it was not written."""
        self._written.discard(hash((namespace.name, namespace.stored_key(key))))
