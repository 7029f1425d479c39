"""Handing counts over: from the threads of this process to the backend, about once a second.

Whatever a process counted is handed over exactly once. A batch that may not have arrived is
sent again under the same number; what is counted meanwhile waits behind it.
"""

import atexit
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Final

from cachectl.counters import RINGS, Batch, CounterStore, Counts, Tally
from cachectl.errors import BackendError

INTERVAL: Final = 1.0
"""Seconds between two hand-overs: what a killed process may have counted in vain."""

log: Final = logging.getLogger("cachectl")


class Outbox:
    """Counts on their way to the `CounterStore`."""

    def __init__(self, store: CounterStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {}
        self.forget()

    def forget(self) -> None:
        """Start anew with nothing counted, as a forked process must: its parent sends the rest."""
        self._client = os.urandom(8).hex()
        self._sequence = 0
        self._pending: list[Batch] = []
        self._lock = threading.Lock()
        for tally in self._tallies.values():
            tally.forget()

    def tally(self, namespace: str, on_new_thread: Callable[[], None]) -> Tally:
        """Return where this process counts for the namespace."""
        with self._lock:
            if namespace not in self._tallies:
                self._tallies[namespace] = Tally(on_new_thread)
            return self._tallies[namespace]

    def send(self) -> None:
        """Hand over all that was counted. Raises `BackendError`; nothing is lost then."""
        with self._lock:
            self._collect()
            while self._pending:
                self._store.add(self._pending[0])
                del self._pending[0]

    def waiting(self) -> dict[str, Counts]:
        """Return what was counted and is not handed over."""
        with self._lock:
            self._collect()
            total: dict[str, Counts] = {}
            for batch in self._pending:
                for name, counts in batch.counts.items():
                    total[name] = total.get(name, Counts()).plus(counts)
            return total

    def _collect(self) -> None:
        drained = {name: tally.drain() for name, tally in list(self._tallies.items())}
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


class Flusher:
    """A thread that calls `flush` every `INTERVAL`, and once more when the process ends."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._stop.is_set() or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="cachectl-flush", daemon=True)
            self._thread.start()
        _flush_at_exit(self)

    def stop(self) -> None:
        """End the thread; `flush` is not called again."""
        self._stop.set()
        if self._thread and self._thread.is_alive():
            self._thread.join()

    def forget(self) -> None:
        """Forget the thread: it did not come along into a forked process."""
        self._lock = threading.Lock()
        self._thread = None
        _running.discard(self)

    def flush(self) -> None:
        """Flush once, in a process that is about to end."""
        if not self._stop.is_set():
            self._flush_logged()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._flush_logged()

    def _flush_logged(self) -> None:
        try:
            self._flush()
        except BackendError as error:
            log.debug("counts wait: %s", error)
        except Exception:
            log.exception("counts wait for a reason that is a bug")  # and must not end the thread


_running: Final[weakref.WeakSet[Flusher]] = weakref.WeakSet()


def _flush_at_exit(flusher: Flusher) -> None:
    if not _running:
        atexit.register(_flush_all)
    util = sys.modules.get("multiprocessing.util")
    if util is not None and flusher not in _running:
        # A multiprocessing child ends without `atexit`, but runs these.
        util.Finalize(None, _flush_all, exitpriority=10)
    _running.add(flusher)


def _flush_all() -> None:
    for flusher in list(_running):
        flusher.flush()
