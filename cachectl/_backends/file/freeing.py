"""Removing where there is no room: a few entries at a time, with what was kept for that."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from cachectl._backends.file import space
from cachectl._backends.file.writer import Writer
from cachectl._backends.room import FEW, Room, free_bytes
from cachectl.errors import BackendError, BackendRefused

T = TypeVar("T")

_LITTLE: Final = 1024 * 1024
"""Bytes: where fewer are free, there is no room."""


class Freeing:
    """Does steps, each of which removes some entries."""

    def __init__(self, directory: Path, writer: Writer) -> None:
        self._directory = directory
        self._writer = writer
        self._room = Room(directory)
        self.is_stuck: bool = False
        """Whether there was no room to let the log begin again after the last step."""

    @property
    def most(self) -> int:
        """How many entries a step is to remove at most, as it is now: other threads may change that."""
        return self._room.most

    def step(self, remove: Callable[[int], T]) -> T:
        """Return what `remove` does, which is told how many entries at most."""
        most = self._room.most
        try:
            value = remove(most)
        except BackendRefused as error:
            if most == FEW:
                raise
            self.begin(error)
            value = remove(FEW)
        self.stepped()
        return value

    def stepped(self) -> None:
        """Let the log begin again after a step where there is no room."""
        if self._room.most == FEW:
            self.is_stuck = not self._restart_log()

    def begin(self, error: BackendRefused) -> None:
        """Let go of what was kept. Raises the error if it is another one."""
        if error.kind != "full":
            raise error
        self.give()
        self._restart_log()

    def give(self) -> None:
        """Let go of what was kept."""
        self._room.give()

    def end(self) -> None:
        """Give back what was freed, and keep some of it."""
        self.is_stuck = False
        if self._room.most == FEW:
            with suppress(BackendRefused):
                space.vacuum_carefully(self._writer)
            self._restart_log()
            self.keep()

    def relieve(self) -> None:
        """Give the log back where hardly any room is left: it may be many times what is in the database."""
        if free_bytes(self._directory) < _LITTLE:
            self.give()
            self._restart_log()
        self.end()

    def shorten_log(self) -> bool:
        """Let the log begin again if it is long, with what was kept for that; return whether it does."""
        if self._writer.log_bytes() < _LITTLE:
            return False
        self.give()
        begins_again = self._restart_log()
        self.keep()
        return begins_again

    def keep(self) -> None:
        """Keep what is needed for the log to begin again."""
        with suppress(BackendError):
            self._room.keep(self._writer.do_at_once(space.growth))

    def closed(self) -> None:
        """Keep what there was no room for beside the log, which is gone."""
        self._room.keep()

    def _restart_log(self) -> bool:
        """Let the log begin again, if the database can grow as it needs to for that; return whether it
        does.
        """
        with suppress(BackendError):
            fits = self._writer.do_at_once(space.growth) <= free_bytes(self._directory)
            with self._writer.at_the_log():
                return fits and self._writer.do(space.shorten_log)
        return False
