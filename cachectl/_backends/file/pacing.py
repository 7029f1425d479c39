"""Removing in steps beside others who want to write."""

from time import perf_counter, sleep
from typing import Final

_LONGEST: Final = 0.05  # seconds


def give_way(since: float) -> None:
    """Pause after a step for as long as it took, which began at `since` (`perf_counter`).

    SQLite has no queue of those who wait to write: without a pause they find no gap, and its log,
    which starts again only while nobody writes, grows without bound.
    """
    sleep(min(perf_counter() - since, _LONGEST))
