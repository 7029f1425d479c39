"""Checkpoints: what is in the log of the database is copied into it, and the log begins again.

SQLite would do that in the commit that makes the log too long, which then takes as long as a thousand
others. Here a thread does it beside those who write, as far as it can; they wait only for the rest.
"""

import threading
from contextlib import suppress
from time import monotonic, sleep
from typing import Final

from cachectl._backends.place import LOG_BYTES, Place
from cachectl._backends.sqlite import FAILURES, Connection
from cachectl._model.turn import Turn
from cachectl._model.units import format_bytes
from cachectl.errors import BackendError

HARD: Final = 32 * 1024 * 1024
"""Bytes of the log from which on who writes waits for that."""
LONG: Final = 64 * 1024 * 1024
"""Bytes that the log has only if somebody who reads does not let it begin again."""
_REST: Final = 256
"""Pages of the log that are copied while nobody can write."""
_ROUNDS: Final = 4
_READS: Final = 20
"""Milliseconds that those have who read what the log had before it begins again."""
_MOMENTS: Final = 25
_MOMENT: Final = 0.002
"""How often one who writes looks whether the log has begun again, and seconds between that."""
_AGAIN: Final = 2.0
"""Seconds after which a log is looked at again that could not begin again."""


class Checkpoints:
    """Of one database, which others write as well. `turn` is that of those in this process who write."""

    def __init__(self, place: Place, turn: Turn) -> None:
        self._place = place
        self._writing = turn
        self.turn: Turn = Turn(f"the log of {place.path}")
        self._thread: threading.Thread | None = None
        self._not_before = 0.0

    def written(self) -> None:
        """See to a log that has grown too long, after something was written."""
        size = self._place.log_bytes()
        if size < LOG_BYTES or monotonic() < self._not_before:
            return
        if size >= HARD:
            self._run()
            self._give_way()
        elif self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._run, name="cachectl-checkpoint", daemon=True
            )
            self._thread.start()

    def _give_way(self) -> None:
        """Write nothing for a moment if somebody else sees to the log, who needs one without writes."""
        for _ in range(_MOMENTS):
            if self._not_before or not HARD <= self._place.log_bytes() < LONG:
                return
            sleep(_MOMENT)

    def _run(self) -> None:
        """Let the log begin again. Who cannot does so later, or somebody else does."""
        with suppress(BackendError), self.turn:
            if self._place.log_bytes() < LOG_BYTES:
                return
            try:
                began_again = self._restart()
            except FAILURES:  # who reads or writes says what is wrong
                began_again = False
            self._not_before = 0.0 if began_again else monotonic() + _AGAIN

    def _restart(self) -> bool:
        """Return whether the log begins again, or somebody else sees to it."""
        connection = Connection(self._place)
        try:
            connection.execute(f"PRAGMA busy_timeout = {_READS}").fetchall()
            before = -1
            for _ in range(_ROUNDS):
                busy, pages, copied = _checkpoint(connection, "PASSIVE")
                if busy:
                    return True
                if pages - copied < _REST:
                    break
                if copied == before:
                    return False  # somebody reads what was there then
                before = copied
            with self._writing:
                return any(not _checkpoint(connection, "RESTART")[0] for _ in range(_ROUNDS))
        finally:
            connection.close()


def _checkpoint(connection: Connection, kind: str) -> tuple[int, int, int]:
    """Return whether others are in the way, the pages of the log, and how many of them were copied."""
    busy, pages, copied = connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
    return busy, pages, copied


def notes(place: Place) -> list[str]:
    """Return in words whether somebody does not let the log of a database begin again."""
    log, size = f"{place.path}-wal", place.log_bytes()
    if size <= LONG:
        return []
    said = f"the log {log} has {format_bytes(size)}, and grows as long as somebody reads on"
    return [f"{said} who began before: end who has it open for long (fuser '{log}')"]
