"""The slots of one cache: that of this process, and those that ended processes left."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cachectl._metrics.counters import CounterStore
from cachectl._metrics.outgoing import Outgoing
from cachectl._metrics.slots.directory import SlotDirectory
from cachectl._metrics.slots.slot import Slot, Uses
from cachectl._model.turn import CallLock
from cachectl.errors import BackendBusy, BackendError, BackendRefused

_AGAIN: Final = 1.0
"""Seconds until a process that could not have a slot tries once more; and between two looks for
slots that others left."""
_PATIENCE: Final = 1.0
"""Seconds after which the rest of the slots that were found waits for the next look."""

log: Final = logging.getLogger("cachectl")


class Slots:
    """Slots in the directory that `find` returns, and makes what it is in if it is told to; None if
    there can be none. `touch` writes when keys of a namespace were last used.
    """

    def __init__(
        self,
        find: Callable[[bool], Path | None],
        touch: Callable[[str, Uses], None],
        clock: Callable[[], float],
    ) -> None:
        self._find = find
        self._touch = touch
        self._clock = clock
        self._looked_at = float("-inf")
        self.slot: Slot | None = None
        self._directory: SlotDirectory | None = None
        self._inherited: dict[str, Uses] = {}
        self._left: list[Slot] = []
        self.turn: CallLock = CallLock("the slots")  # of who opens one
        self._not_before = float("-inf")

    def open(self) -> Slot | None:
        """Return the slot of this process, made now if it was not; None if none can be had."""
        if self.slot is None:
            with suppress(BackendBusy), self.turn:
                if self.slot is None and time.monotonic() >= self._not_before:
                    self._not_before = time.monotonic() + _AGAIN  # nor in a signal handler in here
                    self.slot = self._open()
        return self.slot

    def leave_lost(self) -> bool:
        """Let go of a slot that others do not find any more, as its directory is gone. Return whether there
        was one; what it holds is for its owner to write, and then to let go of it with `release_left`.
        """
        with suppress(BackendBusy), self.turn:
            slot, directory = self.slot, self._directory
            if slot is not None and directory is not None and not directory.has(slot):
                self._left.append(slot)
                self.slot = self._directory = None
                self._not_before = float("-inf")
                return True
        return False

    def release_left(self) -> None:
        """Let go of what was left."""
        while self._left:
            self._left.pop().file.release()

    def note_use(self, namespace: str, key: str, stamp: int) -> None:
        """Note when a key was used, until that is written."""
        slot = self.slot or self.open()
        if slot is not None:
            slot.note_use(namespace, key, stamp)

    def write_uses(self, write: Callable[[], bool]) -> None:
        """Call `write`, and forget the uses that are noted now if it wrote all that were."""
        slot = self.slot
        if slot is not None:
            slot.uses.turn()
        if write() and slot is not None:
            for namespace in list(self._inherited):
                self._touch(namespace, self._inherited.pop(namespace))
            slot.uses.drop()

    def collect(self, store: CounterStore) -> None:
        """Write what processes left that ended, about once a second at most."""
        if time.monotonic() - self._looked_at >= _AGAIN:
            self.collect_now(store)

    def collect_now(self, store: CounterStore) -> None:
        """Write what processes left that ended. What goes wrong is logged."""
        self._looked_at = time.monotonic()
        try:
            path = self._find(False)
            if path is not None:
                self._collect(SlotDirectory(path), store)
        except (OSError, BackendError) as error:
            log.debug("what other processes left in slots is not written yet: %s", str(error))
        except Exception:
            log.exception("what other processes left in slots is not written because of a bug")

    def close(self) -> None:
        """Let go of the slot, and remove it if all that was in it was written."""
        self._not_before = float("inf")
        self.release_left()
        slot, self.slot = self.slot, None
        if slot is not None and self._directory is not None:
            if slot.is_empty() and not self._inherited:
                self._directory.remove(slot)
            slot.file.release()

    def after_fork_in_child(self) -> None:
        """Leave the slot to the parent; the child gets one of its own when it needs it."""
        self.release_left()
        if self.slot is not None:
            self.slot.file.release()
        self.slot = self._directory = None
        self._inherited = {}
        self._not_before = float("-inf")

    def _open(self) -> Slot | None:
        try:
            path = self._find(True)
            if path is None:
                return None
            self._directory = SlotDirectory(path)
            slot = self._directory.open(self._clock())
        except (OSError, BackendError) as error:
            log.debug("what this process notes is in its memory alone: %s", str(error))
            return None
        self._inherited = slot.read_uses(self._clock())
        return slot

    def _collect(self, directory: SlotDirectory, store: CounterStore) -> None:
        for slot in directory.left():
            try:
                self._write(slot, store)
                directory.remove(slot)
            except BackendRefused as error:
                log.debug("what is in the slot %s is not written: %s", slot.client, str(error))
            finally:
                slot.file.release()
            if time.monotonic() - self._looked_at > _PATIENCE:
                return

    def _write(self, slot: Slot, store: CounterStore) -> None:
        Outgoing.of_slot(slot, self._clock()).send(store)
        for namespace, uses in slot.read_uses(self._clock()).items():
            with suppress(BackendRefused):  # a full server; then nothing is evicted by use either
                self._touch(namespace, uses)
