"""Working in steps beside others who want to write."""

from time import perf_counter, sleep
from typing import Final

from cachectl._backends.file.writer import Writer

_LONGEST: Final = 0.05  # seconds
_ENOUGH: Final = 0.01
_FEW_ROWS: Final = 64  # which may have values of a megabyte each
_MANY_ROWS: Final = 32_768


class Pace:
    """Pauses between steps: for as long as a step took while other processes write, or else for a
    quarter of that, so that the first of them can.

    SQLite has no queue of those who wait to write: without a pause they find no gap, and its log,
    which starts again only while nobody writes, grows without bound.

    `rows` is how many of those a step is to remove that take hardly any time: more, while it is short.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._resume_at = 0.0
        self.rows: int = _FEW_ROWS

    def begin(self) -> float:
        """Pause if need be, and return when the step begins."""
        sleep(max(0.0, self._resume_at - perf_counter()))
        return perf_counter()

    def end(self, began: float) -> None:
        """Let the next step wait, as this one took so long."""
        now = perf_counter()
        taken = min(now - began, _LONGEST)
        more = self.rows * 2 if taken < _ENOUGH else self.rows // 2
        self.rows = max(_FEW_ROWS, min(more, _MANY_ROWS))
        self._resume_at = now + (taken if self._writer.others_wrote() else taken / 4)
