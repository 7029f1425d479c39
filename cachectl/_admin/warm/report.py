"""What a warm-up reports, while it runs and afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple

from cachectl._admin.warm.records import Position

FAILURES_KEPT: Final = 100
_LONGEST_REASON: Final = 200


class Failure(NamedTuple):
    """An item that was not written. `line` counts from 1; None if the source has no lines."""

    source: str
    line: int | None
    reason: str


class Progress(NamedTuple):
    """How far a warm-up is: `done` of `total` (None: unknown) of the source that is being read,
    in bytes or items of it; the other counts are of the whole run so far.
    """

    source: str
    done: int
    total: int | None
    read: int
    written: int
    fresh: int
    failed: int


@dataclass(slots=True)
class WarmReport:
    """What was done. Once a run has ended, `read == written + fresh + failed`.

    `written` counts what the backend has acknowledged, `fresh` keys that needed no load,
    `bytes` what the written values were read from. `failures` are the first of `failed`.
    """

    read: int = 0
    written: int = 0
    fresh: int = 0
    failed: int = 0
    bytes: int = 0
    seconds: float = 0.0
    namespaces: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def fail(self, position: Position, reason: str) -> None:
        """Count an item that was not written, and keep the reason if there is room."""
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            if len(reason) > _LONGEST_REASON:
                reason = f"{reason[:_LONGEST_REASON]}…"
            self.failures.append(Failure(position.source, position.line, reason))

    def wrote(self, namespace: str, entries: int, size: int) -> None:
        """Count entries that were written."""
        self.written += entries
        self.bytes += size
        self.namespaces[namespace] = self.namespaces.get(namespace, 0) + entries

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time that the body takes, also if it raises."""
        started = monotonic()
        try:
            yield
        finally:
            self.seconds += monotonic() - started
