"""Rows: what is measured, against what, and which ratio it must hold.

To add one, decorate a generator of cases with `row`, or with `paced_row` if how much it sets up
or how long it runs depends on the pace, and import its module in `FAMILIES`. What a generator
has set up lives as long as the cases it yields are measured.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Literal, NamedTuple

from benchmarks.harness.pace import Pace

Group = Literal[
    "charter",
    "peers",
    "growth",
    "tails",
    "waits",
    "workers",
    "features",
    "decisions",
    "rates",
    "floor",
]
"""What a row is there to show."""

Unit = Literal["s", "/s", "B", "ratio", "count"]

Sample = Callable[[float], float]
"""Does work for about so many seconds, or once, and returns the seconds that one operation took."""


class Contender(NamedTuple):
    """One side of a comparison. `note` says what it does not guarantee that the other does."""

    name: str
    sample: Sample
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One piece of work, done by us and by peers. The bar of its row holds if it is `barred`."""

    name: str
    ours: Contender
    peers: Sequence[Contender]
    barred: bool = False
    rounds: int = 25
    entries: int | None = None


@dataclass(frozen=True)
class HitRate:
    """The share of the requests of a trace that a cache of so many entries answered."""

    trace: str
    requests: int
    entries: int
    backend: str
    policy: str
    rate: float


@dataclass(frozen=True)
class Reading:
    """One figure of a run: a percentile, a rate, bytes, a count, or the ratio of two such. `bar` is
    the most that it may be, `aim` what we are after, which judges nothing where there is no bar.
    """

    case: str
    side: str
    figure: str
    value: float
    unit: Unit
    entries: int | None = None
    bar: float | None = None
    aim: float | None = None


Found = Case | HitRate | Reading
Cases = Callable[[], Iterator[Found]]
Paced = Callable[[Pace], Iterator[Found]]


@dataclass(frozen=True)
class Row:
    """What is measured under one name; `bar` and `aim` are the most that a ratio may be."""

    name: str
    group: Group
    work: str
    against: str
    cases: Paced
    bar: float | None
    aim: float | None


FAMILIES: Final = (
    "memory",
    "file",
    "redis",
    "redis_peers",
    "async_memory",
    "async_file",
    "async_redis",
    "async_loop",
    "bulk",
    "large_values",
    "commands",
    "million",
    "floor",
    "growth",
    "growth_memory",
    "namespaces",
    "tails",
    "waits",
    "uses",
    "workers",
    "features",
    "decisions",
    "compression",
    "hitrates",
)
"""The modules that register rows, in the order in which the rows are run."""

ABSENT: Final = {"tiered-get": "the tiered backend does not exist yet"}
"""Rows of the charter that cannot be measured, and why."""

_rows: Final[dict[str, Row]] = {}


def row(
    name: str,
    group: Group,
    work: str,
    against: str,
    *,
    bar: float | None = None,
    aim: float | None = None,
) -> Callable[[Cases], Cases]:
    """Return a decorator that registers a generator of cases as a row."""
    paced = paced_row(name, group, work, against, bar=bar, aim=aim)

    def register(cases: Cases) -> Cases:
        paced(lambda _pace: cases())
        return cases

    return register


def paced_row(
    name: str,
    group: Group,
    work: str,
    against: str,
    *,
    bar: float | None = None,
    aim: float | None = None,
) -> Callable[[Paced], Paced]:
    """Return what `row` returns, for a generator that is told how much to measure."""

    def register(cases: Paced) -> Paced:
        _rows[name] = Row(name, group, work, against, cases, bar, aim)
        return cases

    return register


def all_rows() -> dict[str, Row]:
    """Return every row by its name."""
    for family in FAMILIES:
        import_module(f"benchmarks.rows.{family}")
    return _rows
