"""Working in steps beside others who want to write."""

from time import perf_counter, sleep
from typing import Final

_LONGEST: Final = 0.05  # seconds


class Pace:
    """Pauses before a step for as long as the step before it took.

    SQLite has no queue of those who wait to write: without a pause they find no gap, and its log,
    which starts again only while nobody writes, grows without bound.
    """

    def __init__(self) -> None:
        self._resume_at = 0.0

    def begin(self) -> float:
        """Pause if need be, and return when the step begins."""
        sleep(max(0.0, self._resume_at - perf_counter()))
        return perf_counter()

    def end(self, began: float) -> None:
        """Let the next step wait for as long as this one took."""
        now = perf_counter()
        self._resume_at = now + min(now - began, _LONGEST)
