"""What a warm-up reports, while it runs and afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple

from cachectl._engine.warm.fates import Fate, Fates
from cachectl._engine.warm.records import Position

FAILURES_KEPT: Final = 100
_LONGEST_REASON: Final = 200


class WarmFailure(NamedTuple):
    """An item that was not written, or what is none. `line` counts from 1; None if the source has no lines."""

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
    from, or are stored as where they were not read. Of what was written, so much is `kept` at the end;
    so much the run itself `replaced` under the same key, limits `evicted` again, as far as this process
    did (`evicted_by` says which), has `expired`, or is `gone` because others removed it, or the server
    did: where the server drops entries by itself `kept` is an estimate, with its `uncertainty` as a part of
    it. What was found and is no item was `skipped`. `failures` and `skips` are the first of those, and
    `namespaces` says how much was written to each. `seconds` is how long it took.
    """

    read: int
    written: int
    fresh: int
    failed: int
    skipped: int
    kept: int
    replaced: int
    evicted: int
    expired: int
    gone: int
    uncertainty: float
    bytes: int
    seconds: float
    namespaces: Mapping[str, int]
    evicted_by: Mapping[str, int]
    failures: Sequence[WarmFailure]
    skips: Sequence[WarmFailure]


@dataclass(slots=True)
class WarmCounts:
    """What a run has done so far, of which `report` is made."""

    read: int = 0
    written: int = 0
    fresh: int = 0
    failed: int = 0
    skipped: int = 0
    bytes: int = 0
    seconds: float = 0.0
    fate: Fate = field(default_factory=Fate)
    uncertainty: float = 0.0
    namespaces: dict[str, int] = field(default_factory=dict)
    evicted_by: dict[str, int] = field(default_factory=dict)
    failures: list[WarmFailure] = field(default_factory=list)
    skips: list[WarmFailure] = field(default_factory=list)

    def report(self) -> WarmReport:
        """Return what was done."""
        return WarmReport(
            self.read,
            self.written,
            self.fresh,
            self.failed,
            self.skipped,
            *self.fate,
            self.uncertainty,
            self.bytes,
            self.seconds,
            dict(self.namespaces),
            dict(self.evicted_by),
            list(self.failures),
            list(self.skips),
        )

    def follow(self, fates: Fates, found: Mapping[str, Fate]) -> None:
        """Take note of what became of what was written."""
        self.fate = Fate.total(found.values())
        self.uncertainty = fates.uncertainty
        self.evicted_by = {}
        for name, fate in found.items():
            if fate.evicted:
                limits = fates.limits(name)
                self.evicted_by[limits] = self.evicted_by.get(limits, 0) + fate.evicted

    def skip(self, position: Position, reason: str) -> None:
        """Count what is no item."""
        self.skipped += 1
        _keep(self.skips, position, reason)

    def fail(self, position: Position, reason: str) -> None:
        """Count an item that was not written, and keep the reason if there is room."""
        self.failed += 1
        _keep(self.failures, position, reason)

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


def _keep(kept: list[WarmFailure], position: Position, reason: str) -> None:
    if len(kept) < FAILURES_KEPT:
        short = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
        kept.append(WarmFailure(position.source, position.line, short))
