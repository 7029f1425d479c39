"""Figures that were saved before something changed, a deploy perhaps, beside those of now."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cachectl._admin.documents import timestamp
from cachectl._admin.findings import ATTENTION, BROKEN, Finding
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._model.units import format_rate
from cachectl.errors import UsageError

_SCHEMA: Final = "cachectl.stats/1"
_LARGEST: Final = 64 * 1024 * 1024
_ALIKE: Final = 0.02  # by so much may windows differ, whose edges are buckets
_FALLEN: Final = 0.1
_LEAST_LOOKUPS: Final = 100


class Side(NamedTuple):
    """What was counted of a namespace on one side of the change, and what it held at its end."""

    hits: float = 0
    misses: float = 0
    sets: float = 0
    evictions: float = 0
    errors: float = 0
    saved_cost: float = 0
    entries: float = 0
    memory_bytes: float | None = 0

    @property
    def lookups(self) -> float:
        """Hits and misses."""
        return self.hits + self.misses

    @property
    def hit_rate(self) -> float | None:
        """From 0 to 1; None without lookups."""
        return self.hits / self.lookups if self.lookups else None

    @classmethod
    def now(cls, figures: NamespaceStats) -> "Side":
        """Return that of a report."""
        return cls(*(getattr(figures, name) for name in cls._fields))

    @classmethod
    def saved(cls, document: Any) -> "Side":
        """Return that of a document. Raises `TypeError` and `KeyError`."""
        memory = document["memory_bytes"]
        known = {name: _number(document[name]) for name in cls._fields[:-1]}
        return cls(**known, memory_bytes=None if memory is None else _number(memory))

    def after(self, before: "Side") -> "Side":
        """Return what was counted since then: all of it where counting began anew meanwhile."""
        later = self._replace(
            **{name: getattr(self, name) - getattr(before, name) for name in _COUNTERS}
        )
        return self if min(getattr(later, name) for name in _COUNTERS) < 0 else later


_COUNTERS: Final = Side._fields[: Side._fields.index("entries")]


class Compared(NamedTuple):
    """A namespace, or the total, before and after."""

    name: str
    before: Side
    after: Side

    @property
    def rate_change(self) -> float | None:
        """By how much the hit rate changed, from -1 to 1; None where one of them is not known."""
        before, after = self.before.hit_rate, self.after.hit_rate
        return None if before is None or after is None else after - before

    @property
    def more_memory(self) -> float | None:
        """How many bytes more are spent; None where that is not known."""
        before, after = self.before.memory_bytes, self.after.memory_bytes
        return None if before is None or after is None else after - before

    @property
    def finding(self) -> Finding | None:
        """What stands out."""
        change = self.rate_change
        if self.after.errors:
            return Finding(BROKEN, self.name, _errors(self.after.errors), "errors")
        few = min(self.before.lookups, self.after.lookups) < _LEAST_LOOKUPS
        if change is None or few or change > -_FALLEN:
            return None
        before, after = self.before.hit_rate or 0, self.after.hit_rate or 0
        text = f"hit rate fell from {format_rate(before)} to {format_rate(after)}"
        return Finding(ATTENTION, self.name, text, "rate")


class Saved(NamedTuple):
    """A document of `stats` that was saved at a time, of a window of `seconds`, or of all time."""

    at: float
    seconds: float | None
    namespaces: Mapping[str, Side]
    totals: Side

    @classmethod
    def read(cls, path: str) -> "Saved":
        """Return what a file holds. Raises `UsageError` if that is no such document, and `OSError`."""
        try:
            return cls._of(_document(Path(path)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(f"{path} is no saved 'cachectl stats --format json'") from None

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> "Saved":
        if document["schema"] != _SCHEMA:
            raise ValueError
        return cls(
            datetime.fromisoformat(document["generated_at"]).timestamp(),
            document["window"]["seconds"],
            {name: Side.saved(each) for name, each in document["namespaces"].items()},
            Side.saved(document["totals"]),
        )


class Comparison(NamedTuple):
    """Figures before and after. Those after were counted since the others were saved, or else in a window
    of the same length.
    """

    saved: Saved
    report: Stats

    @classmethod
    def of(cls, saved: Saved, report: Stats) -> "Comparison":
        """Return it. Raises `UsageError` for windows that are not alike."""
        window = report.window
        seconds = None if window.start is None else window.end - window.start
        if (saved.seconds is None) != (seconds is None):
            raise UsageError(_UNLIKE)
        if saved.seconds and seconds and abs(saved.seconds / seconds - 1) > _ALIKE:
            raise UsageError(_UNLIKE)
        return cls(saved, report)

    def rows(self, names: Sequence[str] = ()) -> list[Compared]:
        """Return these namespaces, or all that were there before or are now, by name."""
        known = names or sorted({*self.saved.namespaces, *self.report.namespaces})
        return [self._compared(name) for name in known]

    @property
    def total(self) -> Compared:
        """All of them together."""
        name = f"total ({len(self.rows()):,})"
        return self._pair(name, self.saved.totals, Side.now(self.report.totals))

    def document(self, rows: Sequence[Compared]) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "saved_at": timestamp(self.saved.at),
            "generated_at": timestamp(self.report.generated_at),
            "window_seconds": self.saved.seconds,
            "namespaces": {row.name: _told(row) for row in rows},
            "totals": _told(self.total),
        }

    def _compared(self, name: str) -> Compared:
        now = self.report.namespaces.get(name)
        before = self.saved.namespaces.get(name, Side())
        return self._pair(name, before, Side() if now is None else Side.now(now))

    def _pair(self, name: str, before: Side, now: Side) -> Compared:
        return Compared(name, before, now.after(before) if self.saved.seconds is None else now)


_UNLIKE: Final = (
    "the saved figures are of another window: compare all time with all time, or --since 24h twice"
)


def _errors(count: float) -> str:
    return f"{count:,} {'error' if count == 1 else 'errors'} since then"


def _document(path: Path) -> Any:
    with path.open("rb") as file:
        return json.loads(file.read(_LARGEST))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


def _told(row: Compared) -> dict[str, Any]:
    sides = {
        name: {**side._asdict(), "hit_rate": side.hit_rate}
        for name, side in (("before", row.before), ("after", row.after))
    }
    return {**sides, "hit_rate_change": row.rate_change}
