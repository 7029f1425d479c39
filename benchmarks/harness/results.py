"""Results: lines with ratios and verdicts, as a document in JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

from benchmarks.harness.registry import HitRate, Reading, Row

SCHEMA: Final = "cachectl-benchmarks/1"

Verdict = Literal["aim met", "bar met", "missed", ""]


def verdict(ratio: float, bar: float | None, aim: float | None) -> Verdict:
    """Return what a ratio is worth; nothing where there is no bar."""
    if bar is None:
        return ""
    if ratio > bar:
        return "missed"
    return "aim met" if aim is not None and ratio <= aim else "bar met"


@dataclass(frozen=True, kw_only=True)
class Line:
    """We beside one peer. Times are medians of seconds per operation, `ratio` the median of
    the ratios within each round, `low` and `high` their quartiles.
    """

    case: str
    ours: str
    peer: str
    ours_seconds: float
    peer_seconds: float
    ratio: float
    low: float
    high: float
    rounds: int
    bar: float | None = None
    aim: float | None = None
    entries: int | None = None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        return verdict(self.ratio, self.bar, self.aim)


@dataclass(frozen=True)
class Measured:
    """A row with what came out."""

    name: str
    group: str
    work: str
    against: str
    lines: list[Line] = field(default_factory=list)
    rates: list[HitRate] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(row.name, row.group, row.work, row.against)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its lines and readings."""
        found = {line.verdict for line in self.lines}
        found |= {verdict(it.value, it.bar, it.aim) for it in self.readings}
        worst: tuple[Verdict, ...] = ("missed", "bar met", "aim met")
        return next((verdict for verdict in worst if verdict in found), "")


@dataclass(frozen=True)
class Results:
    """All rows of one run. `measured_on` is a day; `machine` names no host and no path."""

    measured_on: str
    machine: dict[str, str]
    rows: list[Measured]

    def group(self, *names: str) -> list[Measured]:
        return [row for row in self.rows if row.group in names]

    def to_json(self) -> str:
        document = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(_rounded(document), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def load(cls, path: Path) -> Self:
        document = json.loads(path.read_text())
        return cls(document["measured_on"], document["machine"], _rows(document["rows"]))


def missed(rows: Iterable[Measured]) -> bool:
    """Return whether a bar is missed."""
    return any(row.verdict == "missed" for row in rows)


def _rows(documents: Iterable[dict[str, Any]]) -> list[Measured]:
    return [
        Measured(
            **document
            | {
                "lines": [Line(**line) for line in document["lines"]],
                "rates": [HitRate(**rate) for rate in document["rates"]],
                "readings": [Reading(**reading) for reading in document["readings"]],
            }
        )
        for document in documents
    ]


def _rounded(value: Any) -> Any:
    """Return `value` with four significant digits; more would be noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
