"""Write-behind of counts: from the threads of this process to the backend, once a second.

Whatever a process counted is added exactly once. A batch that may not have arrived is sent again
under the same number; what is counted meanwhile waits behind it.
"""

import os
import threading
from collections.abc import Callable

from cachectl._metrics.counters import Batch, CounterStore, Counts
from cachectl._metrics.thread_counters import ThreadCounters
from cachectl._metrics.windows import RINGS


class CounterBuffer:
    """Counts on their way to the `CounterStore`."""

    def __init__(self, store: CounterStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._namespaces: dict[str, ThreadCounters] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all that was counted, as a forked process must: its parent sends that."""
        self._client = os.urandom(8).hex()
        self._sequence = 0
        self._pending: list[Batch] = []
        self._lock = threading.Lock()
        for counters in self._namespaces.values():
            counters.reset()

    def counters(self, namespace: str, on_new_thread: Callable[[], None]) -> ThreadCounters:
        """Return where this process counts for the namespace."""
        with self._lock:
            if namespace not in self._namespaces:
                self._namespaces[namespace] = ThreadCounters(on_new_thread)
            return self._namespaces[namespace]

    def flush(self) -> None:
        """Write all that was counted. Raises `BackendError`; nothing is lost then."""
        with self._lock:
            self._collect()
            while self._pending:
                self._store.add(self._pending[0])
                del self._pending[0]

    def pending(self) -> dict[str, Counts]:
        """Return what was counted and is not written yet."""
        with self._lock:
            self._collect()
            total: dict[str, Counts] = {}
            for batch in self._pending:
                for name, counts in batch.counts.items():
                    total[name] = total.get(name, Counts()).plus(counts)
            return total

    def _collect(self) -> None:
        drained = {name: counters.drain() for name, counters in list(self._namespaces.items())}
        counts = {name: moved for name, moved in drained.items() if moved.any()}
        if not counts:
            return
        now = self._clock()
        last = self._pending[-1] if len(self._pending) > 1 else None
        if last and RINGS[0].bucket(last.at) == RINGS[0].bucket(now):
            for name, moved in last.counts.items():  # never sent yet: it may still grow
                counts[name] = counts.get(name, Counts()).plus(moved)
            self._pending[-1] = last._replace(counts=counts)
            return
        self._sequence += 1
        self._pending.append(Batch(self._client, self._sequence, now, counts))
