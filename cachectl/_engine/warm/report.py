"""What a warm-up reports, while it runs and afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple

from cachectl._engine.warm.records import Position

FAILURES_KEPT: Final = 100
_LONGEST_REASON: Final = 200


class WarmFailure(NamedTuple):
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


@dataclass(frozen=True, slots=True)
class WarmReport:
    """What a warm-up did: of the items it `read`, how many were `written`, were `fresh` and left
    alone, or `failed`. Each is one of these.

    `written` counts what the backend has acknowledged, `bytes` what the written values were read
    from, or are stored as where they were not read. Of what was written, limits `evicted` so much
    again before the end, as far as this process did. `failures` are the first of `failed`, and
    `namespaces` says how much was written to each. `seconds` is how long it took.
    """

    read: int
    written: int
    fresh: int
    failed: int
    evicted: int
    bytes: int
    seconds: float
    namespaces: Mapping[str, int]
    failures: Sequence[WarmFailure]


@dataclass(slots=True)
class WarmCounts:
    """What a run has done so far, of which `report` is made."""

    read: int = 0
    written: int = 0
    fresh: int = 0
    failed: int = 0
    evicted: int = 0
    bytes: int = 0
    seconds: float = 0.0
    namespaces: dict[str, int] = field(default_factory=dict)
    failures: list[WarmFailure] = field(default_factory=list)

    def report(self) -> WarmReport:
        """Return what was done."""
        figures = {name: getattr(self, name) for name in self.__slots__}
        return WarmReport(
            **{**figures, "namespaces": dict(self.namespaces), "failures": list(self.failures)}
        )

    def fail(self, position: Position, reason: str) -> None:
        """Count an item that was not written, and keep the reason if there is room."""
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            if len(reason) > _LONGEST_REASON:
                reason = f"{reason[:_LONGEST_REASON]}…"
            self.failures.append(WarmFailure(position.source, position.line, reason))

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
