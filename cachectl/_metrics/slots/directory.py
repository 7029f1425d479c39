"""The directory in which the processes of a user have their slots for one place."""

import logging
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from cachectl._metrics.private import opened
from cachectl._metrics.slots.file import SlotFile
from cachectl._metrics.slots.records import DamagedSlot
from cachectl._metrics.slots.slot import Slot
from cachectl._metrics.windows import RINGS
from cachectl.errors import BackendRefused

_SUFFIX: Final = ".slot"
_DRAFT: Final = ".new"
_MOST: Final = 1000
"""Slots that are looked at; a machine has fewer processes that use one place."""
_LEFT: Final = 32
"""Slots that may be left over before a new process counts on in one, whenever that was written."""

log: Final = logging.getLogger("cachectl")


class SlotDirectory:
    """Slots in `path`, a directory of this user that is closed to all others."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, now: float) -> Slot:
        """Return a slot for this process: one that is left from about now, or a new one. So
        processes that end soon, one after the other, leave one file and not one each.

        Raises `OSError`, or `BackendRefused` if the directory is not ours.
        """
        try:
            return self._open(now)
        except FileNotFoundError:  # whoever had the last slot removed the directory just then
            return self._open(now)

    def left(self) -> Iterator[Slot]:
        """Yield the slots of processes that ended: each is held until it is released or removed.

        One that is damaged is removed, and nothing else is. Raises `BackendRefused` if the
        directory is not ours.
        """
        try:
            with opened(self._path) as directory:
                for name in _names(directory):
                    slot = _take(directory, name)
                    if slot is not None:
                        yield slot
        except OSError as error:
            log.debug("the slots in %s cannot be read: %s", self._path, str(error))

    def has(self, slot: Slot) -> bool:
        """Return whether others find the slot here."""
        return slot.file.is_in(self._path)

    def remove(self, slot: Slot) -> None:
        """Remove a slot that is held, and the directory if it was the last."""
        try:
            with opened(self._path) as directory:
                slot.file.remove(directory)
            self._path.rmdir()
        except (OSError, BackendRefused):  # others have slots there; or it is gone already
            slot.file.release()

    def _open(self, now: float) -> Slot:
        self._path.mkdir(mode=0o700, exist_ok=True)
        with opened(self._path) as directory:
            return self._left_over(directory, now) or self._new(directory, now)

    def _left_over(self, directory: int, now: float) -> Slot | None:
        tried = 0
        for name in _names(directory):
            slot = _take(directory, name)
            if slot is None:
                continue
            tried += 1
            bucket = RINGS[0].bucket
            if bucket(slot.counted_at) == bucket(now) or tried == _LEFT:
                return slot
            slot.file.release()
        return None

    def _new(self, directory: int, now: float) -> Slot:
        client = os.urandom(8).hex()
        file = SlotFile.create(directory, client + _DRAFT)
        try:
            slot = Slot.make(file, client, now)
            file.publish(directory, client + _SUFFIX)
        except BaseException:
            file.remove(directory)
            raise
        return slot


def _names(directory: int) -> list[str]:
    """Return the names of slots, and of drafts that a process may have left."""
    with os.scandir(directory) as entries:
        names = (entry.name for entry in entries)
        return list(islice((n for n in names if n.endswith((_SUFFIX, _DRAFT))), _MOST))


def _take(directory: int, name: str) -> Slot | None:
    """Return a slot that nobody holds; what is none of ours goes."""
    file = SlotFile.take(directory, name)
    if file is None:
        return None
    try:
        slot = Slot(file)
        if name == slot.client + _SUFFIX:
            return slot
    except DamagedSlot as error:
        log.warning("removed the slot %s, and what it had of counts: %s", name, str(error))
    except BaseException:
        file.release()
        raise
    file.remove(directory)
    return None
