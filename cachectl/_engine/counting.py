"""What one cache counts, and how that reaches its backend."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from cachectl._backends.capabilities import SupportsFork, SupportsSlots, SupportsSparing
from cachectl._backends.protocols import Backend
from cachectl._backends.selection import counts_of
from cachectl._metrics.counters import Counts, added
from cachectl._metrics.events import Listeners
from cachectl._metrics.flusher import Flush, Flusher
from cachectl._metrics.recorder import Recorder, log
from cachectl._metrics.troubles import Troubles
from cachectl._metrics.windows import Window
from cachectl._metrics.write_behind import CounterBuffer
from cachectl._model.importing import importing
from cachectl._model.records import Usage
from cachectl._model.turn import Turn
from cachectl.errors import BackendError, BackendUnavailable

if TYPE_CHECKING:  # a command needs none, but for figures
    from cachectl._engine.publishing import Publishing
    from cachectl._metrics.slots.keeper import Slots


class Counted(NamedTuple):
    """What was counted, by namespace, and what people should know of that."""

    counts: Mapping[str, Counts]
    notes: Sequence[str] = ()


class Counting:
    """Recorders of namespaces, the buffer behind them, and the thread that calls `tick` once a
    second; `flush` is called before figures are read.

    A `strict` cache has no thread: it is flushed when it is closed, or asked for figures; nor has
    it a slot, or a publication. A fork is told to this object, for its cache.
    """

    def __init__(
        self,
        backend: Backend,
        flush: Callable[[], None],
        tick: Flush,
        close: Callable[[], None],
        clock: Callable[[], float],
        publishing: "Publishing | None",
        *,
        strict: bool,
    ) -> None:
        self.listeners: Listeners = Listeners()
        self._backend = backend
        self._sparing = backend if isinstance(backend, SupportsSparing) else None
        self._flush = flush
        self._clock = clock
        self._strict = strict
        self._slots = None if strict else self._make_slots()
        self.buffer: CounterBuffer = CounterBuffer(backend.counters, clock, self._slots)
        self.troubles: Troubles = Troubles(clock)
        self._publishing = publishing
        self.flusher: Flusher = Flusher(tick, close, self.troubles, publishing)
        self._recorders: dict[str, Recorder] = {}

    def start(self) -> None:
        """Begin to flush once a second, unless the cache is strict."""
        if not self._strict:
            self.flusher.start()

    def recorder(self, name: str, *, counting: bool) -> Recorder:
        """Return the recorder of a namespace; one that is new counts or does not."""
        if name not in self._recorders:
            counters = self.buffer.counters(name, self.start)
            self._recorders[name] = Recorder(
                name,
                counters,
                self.buffer.notes(name),
                self.listeners,
                self.troubles,
                None if self._sparing is None else self._is_away,
                self._clock,
                counting=counting,
            )
        return self._recorders[name]

    def with_known(self, usage: Mapping[str, Usage]) -> Mapping[str, Usage]:
        """Return what is held, with what is known here of keys that went."""
        known = {name: recorder.known.memory for name, recorder in list(self._recorders.items())}
        return {
            name: held._replace(memory_bytes=held.memory_bytes + known.get(name, 0))
            if held.memory_bytes is not None
            else held
            for name, held in usage.items()
        }

    def flush(self, write_uses: Callable[[], bool]) -> None:
        """Call `write_uses`, which says whether it wrote all, and write counts; also those that ended processes left, if this cache
        has a thread. Raises `BackendError`; nothing is lost then.
        """
        slots = self._slots
        if slots is not None and slots.leave_lost():
            self.buffer.leave_slot()
            for recorder in list(self._recorders.values()):
                recorder.count_elsewhere()
        try:
            if slots is None:
                write_uses()
            else:
                slots.write_uses(write_uses)
        finally:  # whichever namespace refuses its uses
            counted = self.buffer.flush()
            for name, recorder in list(self._recorders.items()):
                recorder.time_some(counted.get(name, Counts()).lookups)
            if slots is not None:
                slots.release_left()
                slots.collect(self._backend.counters)

    def collect(self) -> None:
        """Write what processes left that ended, as far as that can be done now."""
        if self._slots is None and not self._finds_slots():
            return
        slots = self._slots or self._make_slots()
        if slots is not None:
            slots.collect_now(self._backend.counters)

    def close(self) -> None:
        """Let go of the slot, and of what is published."""
        if self._slots is not None:
            self._slots.close()
        if self._publishing is not None:
            self._publishing.withdraw()

    def read(self, window: Window, names: Collection[str]) -> "Counted":
        """Return what all processes counted, in these namespaces or in all; of this process alone
        while that cannot be had. A strict cache raises `BackendUnavailable`.
        """
        if not self.write():
            return self._read_unwritten(window, names)
        try:
            return Counted(counts_of(self._backend, names, window))
        except BackendError as error:
            self._refuse_outage(error)
            return self._read_unwritten(window, names)

    def write(self) -> bool:
        """Write what was counted, also by processes that ended; return whether all could be. A strict cache
        raises `BackendUnavailable`.
        """
        try:
            self._flush()
        except BackendError as error:
            self._refuse_outage(error)
            told = not isinstance(error, BackendUnavailable) and self.troubles.is_news(error, "")
            level = logging.WARNING if told and not self._strict else logging.DEBUG
            log.log(level, "not all counts and uses are written yet: %s", str(error))
            if not isinstance(error, BackendUnavailable):
                self.collect()
            return False
        self.collect()
        return True

    def _is_away(self) -> bool:
        return self._sparing is not None and self._sparing.is_away

    def _read_unwritten(self, window: Window, names: Collection[str]) -> "Counted":
        """Return the same where not all could be written: with what was not, or that alone."""
        unwritten = self.buffer.pending()
        try:
            return Counted(added(counts_of(self._backend, names, window), unwritten.items()))
        except BackendUnavailable as error:
            self._refuse_outage(error)
            return Counted(unwritten)
        except BackendError as error:
            return Counted(unwritten, (f"what was counted cannot be read: {error}",))

    def _refuse_outage(self, error: BackendError) -> None:
        if self._strict and isinstance(error, BackendUnavailable):
            raise error

    def turns(self) -> Iterator[Turn]:
        """See `SupportsFork`."""
        if isinstance(self._backend, SupportsFork):
            yield from self._backend.turns()
        if self._slots is not None:
            yield self._slots.turn

    def before_fork(self) -> bool:
        """See `SupportsFork`."""
        return not isinstance(self._backend, SupportsFork) or self._backend.before_fork()

    def after_fork_in_child(self) -> None:
        """See `SupportsFork`; what was counted is the parent's to write."""
        if self._slots is not None:
            self._slots.after_fork_in_child()
        if self._publishing is not None:
            self._publishing.after_fork_in_child()
        self.buffer.reset()
        self.flusher.reset()
        if isinstance(self._backend, SupportsFork):
            self._backend.after_fork_in_child()

    def _finds_slots(self) -> bool:
        """Return whether there is anything to collect, which takes some modules to import."""
        backend = self._backend
        found = backend.slots(create=False) if isinstance(backend, SupportsSlots) else None
        with suppress(OSError):
            return found is not None and any(found.iterdir())
        return False

    def _make_slots(self) -> "Slots | None":
        backend = self._backend
        if not isinstance(backend, SupportsSlots):
            return None
        with importing:
            from cachectl._metrics.slots.keeper import Slots

        slots = Slots(lambda create: backend.slots(create=create), backend.touch, self._clock)
        if not self._strict:
            backend.note_uses(slots.note_use)
        return slots
