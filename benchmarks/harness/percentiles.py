"""Calls that are timed one by one, and what is read from them: the usual and the worst."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Final

from benchmarks.harness.registry import Reading

_POINTS: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def at(share: float, ordered: Sequence[float]) -> float:
    """Return the smallest time that so large a share of the times does not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def percentiles(case: str, side: str, operation: str, times: Sequence[float]) -> Iterator[Reading]:
    """Yield the usual time of an operation, and the worst ones."""
    ordered = sorted(times)
    for name, share in _POINTS.items():
        yield Reading(case, side, f"{operation} {name}", at(share, ordered), "s")


def beside(
    ours: list[Reading], theirs: list[Reading], bars: Mapping[str, float]
) -> Iterator[Reading]:
    """Yield the ratios of our figures to theirs, with the bars of those that have one.

    A ratio is of times: of rates it is the other way round, so that below one is always faster.
    """
    others = {it.figure: it for it in theirs}
    for one in ours:
        other = others.get(one.figure)
        if other and one.value and other.value:
            ratio = one.value / other.value
            yield Reading(
                case=one.case,
                side=f"{one.side} : {other.side}",
                figure=one.figure,
                value=1 / ratio if one.unit == "/s" else ratio,
                unit="ratio",
                entries=one.entries,
                bar=bars.get(one.figure),
            )
