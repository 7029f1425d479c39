"""Counts on their way from where a process counts to the `CounterStore`, exactly once."""

import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Protocol, Self

from cachectl._metrics.counters import REMEMBERED, Batch, CounterStore, Counts, added, moved
from cachectl._metrics.sketches import Sketch
from cachectl._metrics.thread_counters import LocalCounts
from cachectl._metrics.windows import RINGS

if TYPE_CHECKING:  # only applications have slots
    from cachectl._metrics.slots.slot import Slot


Take = Callable[[Collection[str]], Mapping[str, Sketch]]
"""Returns what was noted of some namespaces, and forgets it."""


class CountSource(Protocol):
    """Where a process counts, and notes what of that was handed over."""

    @property
    def client(self) -> str:
        """Who it is that sends batches."""

    @property
    def sequence(self) -> int:
        """The number of the last batch that arrived; of the first, 1."""

    @property
    def on_its_way(self) -> Batch | None:
        """A batch after that, which may have arrived."""

    def row(self, namespace: str) -> LocalCounts | None:
        """Return counters for one thread; None if there is no room for more."""

    def totals(self) -> dict[str, Counts]:
        """Return what was counted, by namespace."""

    def arrived(self) -> dict[str, Counts]:
        """Return what of that is in batches that arrived."""

    def begin(self, batch: Batch) -> None:
        """Note that a batch is on its way. The one that is already is not noted again."""

    def commit(self) -> None:
        """Note that it arrived."""


class ProcessCounts:
    """A `CountSource` in the memory of this process, and gone with it."""

    def __init__(self) -> None:
        self.client = os.urandom(8).hex()
        self.sequence = 0
        self.on_its_way: Batch | None = None
        self._rows: dict[str, list[LocalCounts]] = {}
        self._arrived: dict[str, Counts] = {}

    def row(self, namespace: str) -> LocalCounts:
        row = LocalCounts()
        self._rows.setdefault(namespace, []).append(row)
        return row

    def totals(self) -> dict[str, Counts]:
        return {name: LocalCounts.total(rows) for name, rows in list(self._rows.items())}

    def arrived(self) -> dict[str, Counts]:
        return self._arrived

    def begin(self, batch: Batch) -> None:
        self.on_its_way = batch

    def commit(self) -> None:
        batch = self.on_its_way
        if batch is not None:
            self._arrived = added(self._arrived, batch.counts.items())
            self.sequence, self.on_its_way = batch.sequence, None


class Outgoing:
    """What a source counted, in batches. One that may not have arrived is sent again under the same
    number; what is counted meanwhile waits behind it.
    """

    def __init__(self, source: CountSource, now: float) -> None:
        """Go on where another may have stopped. What was on its way for so long that no store
        would know it again is not sent: it may have arrived.
        """
        self.source = source
        sent = source.on_its_way
        if sent is not None and now - sent.at > REMEMBERED:
            source.commit()
            sent = None
        self.pending = [sent] if sent else []
        self._sequence = source.sequence + len(self.pending)
        self._drained = added(source.arrived(), sent.counts.items() if sent else ())

    @classmethod
    def of_slot(cls, slot: "Slot", now: float) -> Self:
        """Go on with a slot. What an ended process left there becomes a batch of its time."""
        outgoing = cls(slot, now)
        outgoing.collect(min(slot.counted_at, now))
        return outgoing

    def collect(self, at: float) -> dict[str, Counts]:
        """Make a batch of what was counted since, at about that time, and return that."""
        totals = self.source.totals()
        counts = moved(self._drained, totals)
        if not counts:
            return counts
        self._drained = totals
        last = self.pending[-1] if len(self.pending) > 1 else None
        if last and RINGS[0].bucket(last.at) == RINGS[0].bucket(at):  # never sent yet
            self.pending[-1] = last._replace(counts=added(counts, last.counts.items()))
            return counts
        self._sequence += 1
        self.pending.append(Batch(self.source.client, self._sequence, at, counts))
        return counts

    def send(self, store: CounterStore, take: Take = lambda _: {}) -> None:
        """Write all batches, and what `take` returns with the last that counts something of a namespace.
        Raises `BackendError`; nothing is lost then.
        """
        while self.pending:
            if self.source.on_its_way is None:
                later = {name for batch in self.pending[1:] for name in batch.counts}
                sketches = take(self.pending[0].counts.keys() - later)
                self.pending[0] = self.pending[0]._replace(sketches=sketches)
            self.source.begin(self.pending[0])
            store.add(self.pending[0])
            self.source.commit()
            del self.pending[0]
