"""Figures that were saved before something changed, a deploy perhaps, beside those of now."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, Final, NamedTuple

from cachectl._admin.documents import timestamp
from cachectl._admin.findings import ATTENTION, BROKEN, Finding
from cachectl._metrics.reports import NamespaceStats, Stats
from cachectl._metrics.windows import Window
from cachectl._model.units import format_rate
from cachectl.errors import UsageError

_SCHEMA: Final = "cachectl.stats/1"
_LARGEST: Final = 64 * 1024 * 1024
_MOST: Final = 2**63
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

    @classmethod
    def total(cls, sides: Sequence["Side"]) -> "Side":
        """Return the sum of several; what one of them does not know is not known."""
        counts = {name: sum(getattr(side, name) for side in sides) for name in cls._fields[:-1]}
        known = [side.memory_bytes for side in sides if side.memory_bytes is not None]
        return cls(**counts, memory_bytes=sum(known) if len(known) == len(sides) else None)

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

    @classmethod
    def read(cls, path: str) -> "Saved":
        """Return what a file holds. Raises `UsageError` if it cannot be read, or is no such document."""
        try:
            return cls._of(_document(Path(path)))
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise UsageError(f"{path} is no saved 'cachectl stats --format json'") from None

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> "Saved":
        if document["schema"] != _SCHEMA:
            raise ValueError
        seconds = document["window"]["seconds"]
        return cls(
            datetime.fromisoformat(document["generated_at"]).timestamp(),
            None if seconds is None else _number(seconds),
            {name: Side.saved(each) for name, each in document["namespaces"].items()},
        )


class Comparison(NamedTuple):
    """Figures before and after, by namespace. Those after were counted since the others were saved, or else
    in a window of the same length.
    """

    saved: Saved
    report: Stats
    rows: Sequence[Compared]

    @classmethod
    def of(cls, saved: Saved, report: Stats, names: Sequence[str] = ()) -> "Comparison":
        """Return that of these namespaces, or of all that there were or are, by name. Raises `UsageError`
        for windows that are not alike, and for a namespace whose figures were not saved.
        """
        _require_alike(saved, report.window)
        unsaved = {*_unsaved(saved, report)}
        for name in names:
            if name in unsaved:
                raise UsageError(f"the saved figures are not of {name}: it counted before them")
        known = names or sorted({*saved.namespaces, *report.namespaces} - unsaved)
        return cls(saved, report, [_compared(name, saved, report) for name in known])

    @property
    def total(self) -> Compared:
        """All of them together, of which each may have begun to count anew."""
        before = Side.total([row.before for row in self.rows])
        after = Side.total([row.after for row in self.rows])
        return Compared(f"total ({len(self.rows):,})", before, after)

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "saved_at": timestamp(self.saved.at),
            "generated_at": timestamp(self.report.generated_at),
            "window_seconds": self.saved.seconds,
            "namespaces": {row.name: _told(row) for row in self.rows},
            "totals": _told(self.total),
        }


def _require_alike(saved: Saved, window: Window) -> None:
    """Raise `UsageError` for windows of other lengths: their edges are buckets, so they differ by one."""
    if saved.seconds is None or window.start is None or window.ring is None:
        is_alike = saved.seconds is None and window.start is None
    else:
        is_alike = abs(saved.seconds - (window.end - window.start)) <= window.ring.width
    if not is_alike:
        raise UsageError(_UNLIKE)


def _unsaved(saved: Saved, report: Stats) -> Iterator[str]:
    """Yield the namespaces that counted when others were saved: of those nobody knows what is new."""
    for name, trend in report.trends.items():
        is_older = trend.counting_since is not None and trend.counting_since < saved.at
        if is_older and name not in saved.namespaces:
            yield name


def _compared(name: str, saved: Saved, report: Stats) -> Compared:
    figures, before = report.namespaces.get(name), saved.namespaces.get(name, Side())
    now = Side() if figures is None else Side.now(figures)
    return Compared(name, before, now.after(before) if saved.seconds is None else now)


_UNLIKE: Final = (
    "the saved figures are of another window: compare all time with all time, or --since 24h twice"
)


def _errors(count: float) -> str:
    return f"{count:,} {'error' if count == 1 else 'errors'} since then"


def _document(path: Path) -> Any:
    with path.open("rb") as file:
        return json.loads(file.read(_LARGEST))


def _number(value: Any) -> float:
    """Return a number that can be counted with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not isfinite(value) or not 0 <= value <= _MOST:
        raise ValueError
    return value


def _told(row: Compared) -> dict[str, Any]:
    sides = {
        name: {**side._asdict(), "hit_rate": side.hit_rate}
        for name, side in (("before", row.before), ("after", row.after))
    }
    return {**sides, "hit_rate_change": row.rate_change}
