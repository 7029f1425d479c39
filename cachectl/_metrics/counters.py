"""The counters of a namespace: a table with one row for each, and where they are kept.

To add a counter, add a row to `Counts`. Storage, windows, the JSON and CSV of `stats` and the
metrics for Prometheus follow it; `Recorder` adds to it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import add, attrgetter, sub
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from cachectl._metrics.sketches import Sketch
from cachectl._metrics.windows import Window


class Row(NamedTuple):
    """What is said about a counter. It is reported under the name `report`, divided by `per`;
    None is a counter that only others are made of. `help` and `metric` are for Prometheus.
    """

    name: str
    help: str
    report: str | None
    per: int
    metric: str


def _row(help_: str, *, report: str | None = "", per: int = 1, metric: str = "") -> Any:
    """Return a field with its row; what is left open is named after the field."""
    return field(default=0, metadata={"row": (help_, report, per, metric)})


@dataclass(slots=True)
class Counts:
    """The counters of one namespace. All are whole numbers, so that sums stay exact."""

    hits: int = _row("Lookups that found a fresh entry.")
    missed_absent: int = _row("Misses of which nothing is known: never stored, as far as known.")
    missed_expired: int = _row("Misses of what had expired.")
    missed_evicted: int = _row("Misses of what a limit had removed.")
    missed_invalidated: int = _row("Misses of what someone had removed.")
    missed_damaged: int = _row("Misses of what was damaged.")
    missed_bypassed: int = _row("Loads that were asked for whatever is cached.")
    missed_error: int = _row("Misses because the backend failed, or was away.")
    sets: int = _row("Entries written.")
    evictions: int = _row("Entries removed by a limit.")
    expired: int = _row("Entries removed by their TTL.")
    invalidated: int = _row("Entries removed by someone.")
    errors: int = _row("Damaged entries and backend errors, also those that memory spared callers.")
    saved_cost: int = _row(
        "Money that hits and shared loads saved.", per=10**6, metric="saved_cost_dollars"
    )
    saved_us: int = _row(
        "Load time that hits and shared loads saved.", report="saved_seconds", per=10**6
    )
    compressed_from: int = _row("Bytes written where compression is on, before it.", report=None)
    compressed_to: int = _row("The same after it, or as they were.", report=None)
    compress_ns: int = _row("Time spent compressing.", report="compress_seconds", per=10**9)
    decompress_ns: int = _row(
        "Time that hits decompressed.", report="decompress_seconds", per=10**9
    )
    shared: int = _row("Lookups that waited for the load of another.", metric="shared_loads")
    saved_over: int = _row("Nano-dollars by which `saved_cost` is too much.", report=None)
    last_hit_us: int = 0  # microseconds since 1970; merged by maximum

    @property
    def misses(self) -> int:
        """Lookups that found nothing fresh. Each is counted once, by its reason: so they add up."""
        return sum(_missed(self))

    @property
    def lookups(self) -> int:
        """Hits and misses."""
        return self.hits + self.misses

    def plus(self, other: "Counts") -> "Counts":
        merged = Counts(*map(add, _summed(self), _summed(other)))
        merged.last_hit_us = max(self.last_hit_us, other.last_hit_us)
        return merged

    def minus(self, earlier: "Counts") -> "Counts":
        moved = Counts(*map(sub, _summed(self), _summed(earlier)))
        moved.last_hit_us = self.last_hit_us
        return moved

    def any(self) -> bool:
        return any(_summed(self))

    def figures(self) -> dict[str, float]:
        """Return the counters by the names and in the units in which they are reported."""
        figures = {
            row.report: _in_units(getattr(self, row.name), row.per)
            for row in ROWS
            if row.report is not None
        }
        figures["misses"] = self.misses
        figures["saved_cost"] = (self.saved_cost * 1000 - self.saved_over) / 10**9
        return figures


def _in_units(count: int, per: int) -> float:
    return count if per == 1 else count / per


def _rows() -> tuple[Row, ...]:
    found = []
    for item in fields(Counts):
        if "row" in item.metadata:
            description, report, per, metric = item.metadata["row"]
            report = item.name if report == "" else report
            found.append(Row(item.name, description, report, per, f"{metric or report}_total"))
    return tuple(found)


ROWS: Final = _rows()
LAST_HIT: Final = "last_hit_us"
SUMMED: Final = tuple(row.name for row in ROWS)
"""The names of the counters that are merged by adding, in the order they are stored."""
MISSED: Final = {
    name.removeprefix("missed_"): name for name in SUMMED if name.startswith("missed_")
}
"""The counters of misses, by their reasons."""
_summed: Final = attrgetter(*SUMMED)
_missed: Final = attrgetter(*MISSED.values())


def moved(earlier: Mapping[str, Counts], later: Mapping[str, Counts]) -> dict[str, Counts]:
    """Return by namespace what was counted in between; not those that counted nothing."""
    found = {name: counts.minus(earlier.get(name, _NOTHING)) for name, counts in later.items()}
    return {name: counts for name, counts in found.items() if counts.any()}


def added(first: Mapping[str, Counts], second: Iterable[tuple[str, Counts]]) -> dict[str, Counts]:
    """Return the sums by namespace."""
    total = dict(first)
    for name, counts in second:
        total[name] = total.get(name, _NOTHING).plus(counts)
    return total


_NOTHING: Final = Counts()


class Batch(NamedTuple):
    """Counts of one process on their way: added exactly once, however often they are sent; and what it
    noted beside them, by namespace.
    """

    client: str
    sequence: int
    at: float
    counts: Mapping[str, Counts]
    sketches: Mapping[str, Sketch] = MappingProxyType({})


class Series(NamedTuple):
    """The counts of one namespace in the parts of a window, oldest first; all that it ever counted, and
    since when (Unix seconds). None is not known: of one that an older version began to count.
    """

    parts: list[Counts]
    total: Counts
    since: float | None

    @classmethod
    def of_nothing(cls, window: Window, parts: int) -> "Series":
        """Return that of a namespace that never counted anything."""
        return cls([Counts() for _ in range(window.divided(parts).parts)], Counts(), None)


REMEMBERED: Final = 86_400.0
"""Seconds for which a store knows a batch again. One that may have been added is not sent later."""


class CounterStore(Protocol):
    """Keeps the counters of all namespaces, for all processes."""

    def add(self, batch: Batch) -> None:
        """Add `batch`, or do nothing if this (client, sequence) was added before.

        Raises `BackendError` if it may not have been added; the same batch is then sent again.
        """

    def read(self, window: Window) -> dict[str, Counts]:
        """Return the counts of each namespace that ever counted anything, within `window`."""

    def series(self, window: Window, parts: int, of: Collection[str] = ()) -> dict[str, Series]:
        """Return how the counts of each namespace, or of some, came about within `window`, as
        `Window.divided` has it: no parts if it is all time.
        """

    def sketches(self, window: Window, of: Collection[str]) -> dict[str, Sketch]:
        """Return what was noted of these namespaces in the buckets that `sketched` names."""
