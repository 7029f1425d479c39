"""Write-behind of counts: from the threads of this process to the backend, once a second.

Whatever a process counted is added exactly once.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from cachectl._metrics.counters import CounterStore, Counts, added, moved
from cachectl._metrics.outgoing import Outgoing, ProcessCounts
from cachectl._metrics.sketches import SKETCHED, Notes, Sketch
from cachectl._metrics.thread_counters import LocalCounts, ThreadCounters
from cachectl._model.turn import Turn

if TYPE_CHECKING:  # only applications have slots
    from cachectl._metrics.slots.keeper import Slots
    from cachectl._metrics.slots.slot import Slot


class CounterBuffer:
    """Counts on their way to the `CounterStore`.

    They are counted in a slot, where they outlive the process, as far as there is one with room;
    the others are in memory.
    """

    def __init__(
        self,
        store: CounterStore,
        clock: Callable[[], float],
        slots: "Slots | None" = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._slots = slots
        self._namespaces: dict[str, ThreadCounters] = {}
        self._notes: dict[str, Notes] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all that was counted, as a forked process must: its parent sends that."""
        self._counts = ProcessCounts()
        self._in_memory = Outgoing(self._counts, self._clock())
        self._in_slot: Outgoing | None = None
        self._left: list[Outgoing] = []
        self._settling: list[Outgoing] = []
        self._turn = Turn("the counts")
        for counters in self._namespaces.values():
            counters.reset()
        for notes in self._notes.values():
            notes.reset()

    def notes(self, namespace: str) -> Notes:
        """Return where this process notes what it does not count for the namespace."""
        return self._notes.setdefault(namespace, Notes())

    def counters(self, namespace: str, on_new_thread: Callable[[], None]) -> ThreadCounters:
        """Return where this process counts for the namespace."""
        made = ThreadCounters(on_new_thread, partial(self._make_row, namespace))
        return self._namespaces.setdefault(namespace, made)

    def flush(self) -> dict[str, Counts]:
        """Write all that was counted, and return what is new of that. Raises `BackendError`; nothing is lost
        then.
        """
        counted: dict[str, Counts] = {}
        with self._turn:
            for notes in list(self._notes.values()):
                notes.sort()
            for outgoing in self._outgoing():
                counted = added(counted, outgoing.collect(self._clock()).items())
                outgoing.send(self._store, self._take)
            self._left, self._settling = [], self._left
        return counted

    def _take(self, names: Collection[str]) -> dict[str, Sketch]:
        """Return what was noted of some namespaces, and forget it."""
        bucket = SKETCHED.bucket(self._clock())
        taken = {name: self.notes(name).take(bucket) for name in names}
        return {name: sketch for name, sketch in taken.items() if sketch is not None}

    def leave_slot(self) -> None:
        """Count somewhere else from now on. What a thread is just adding there is written, too."""
        if self._in_slot is not None:
            self._left.append(self._in_slot)
            self._in_slot = None
        for counters in list(self._namespaces.values()):
            counters.renew()

    def pending(self) -> dict[str, Counts]:
        """Return what was counted and is not known to be written."""
        total: dict[str, Counts] = {}
        for outgoing in self._outgoing():
            source = outgoing.source
            total = added(total, moved(source.arrived(), source.totals()).items())
        return total

    def _make_row(self, namespace: str) -> LocalCounts:
        slot = self._follow(self._slots.open() if self._slots else None)
        row = None if slot is None else slot.source.row(namespace)
        return self._counts.row(namespace) if row is None else row

    def _follow(self, slot: "Slot | None") -> Outgoing | None:
        """Return what leaves the slot, before anything new is counted in it."""
        if self._in_slot is None and slot is not None:
            outgoing = Outgoing.of_slot(slot, self._clock())
            self._in_slot = self._in_slot or outgoing  # of two threads, both get the first
        return self._in_slot

    def _outgoing(self) -> list[Outgoing]:
        in_slot = self._follow(self._slots.slot if self._slots else None)
        here = [self._in_memory] if in_slot is None else [self._in_memory, in_slot]
        return [*here, *self._left, *self._settling]
