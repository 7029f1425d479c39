"""Counters of a backend that may be away: they wait, and nothing stands in for them."""

from collections.abc import Collection

from cachectl._backends.fallback.breaker import CircuitBreaker
from cachectl._metrics.counters import Batch, CounterStore, Counts, Series
from cachectl._metrics.sketches import Sketch
from cachectl._metrics.windows import Window


class FallbackCounters:
    """Asks the backend only while it is there. Raises `BackendUnavailable` otherwise."""

    def __init__(self, breaker: CircuitBreaker, counters: CounterStore) -> None:
        self._breaker = breaker
        self._counters = counters

    def add(self, batch: Batch) -> None:
        self._breaker.call(lambda: self._counters.add(batch))

    def read(self, window: Window) -> dict[str, Counts]:
        return self._breaker.call(lambda: self._counters.read(window))

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        return self._breaker.call(lambda: self._counters.series(window, parts, of))

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        return self._breaker.call(lambda: self._counters.sketches(window, of))
