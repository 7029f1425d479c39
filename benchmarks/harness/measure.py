"""Measuring side by side: interleaved rounds, medians, and ratios taken within a round."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from statistics import median, quantiles
from time import perf_counter

from benchmarks.harness.pace import Pace
from benchmarks.harness.registry import Case, Contender, Row, Sample
from benchmarks.harness.results import Line

Work = Callable[[], object]


def each(function: Callable[[str], object], keys: Iterable[str]) -> Sample:
    """Return a sample of calling `function` with one key after the other."""
    keys = list(keys)

    def work() -> None:
        for key in keys:
            function(key)

    return looped(work, len(keys))


def looped(work: Work, operations: int = 1) -> Sample:
    """Return a sample of `work`, which does so many operations and can be repeated."""
    return repeated(partial(_timed, work), operations)


def repeated(timed: Callable[[int], float], operations: int = 1) -> Sample:
    """Return a sample of work of so many operations. `timed` does it as many times as it is told,
    and returns the seconds that took.
    """
    calls = 0

    def sample(seconds: float) -> float:
        nonlocal calls
        if not calls:
            timed(1)  # warm up
            calls = max(1, round(seconds / timed(1)))
        return timed(calls) / calls / operations

    return sample


def prepared(scene: Callable[[], AbstractContextManager[Work]], operations: int = 1) -> Sample:
    """Return a sample of work that needs the same beginning each time, made by `scene`."""

    def sample(_seconds: float) -> float:
        with scene() as work:
            return _timed(work, 1) / operations

    return sample


def lines(row: Row, case: Case, pace: Pace) -> Iterator[Line]:
    """Measure a case, and yield a line for each peer of it."""
    contenders = [case.ours, *case.peers]
    times = _rounds(contenders, min(case.rounds, pace.rounds), pace.seconds)
    for peer, taken in zip(case.peers, times[1:], strict=True):
        ratios = [ours / theirs for ours, theirs in zip(times[0], taken, strict=True)]
        low, _, high = quantiles(ratios, method="inclusive")
        yield Line(
            case=case.name,
            ours=case.ours.name,
            peer=peer.name,
            ours_seconds=median(times[0]),
            peer_seconds=median(taken),
            ratio=median(ratios),
            low=low,
            high=high,
            rounds=len(ratios),
            bar=row.bar if case.barred else None,
            aim=row.aim if case.barred else None,
            entries=case.entries,
            note="; ".join(filter(None, (case.ours.note, peer.note))),
        )


def _rounds(contenders: list[Contender], rounds: int, seconds: float) -> list[list[float]]:
    """Return the times of each contender; every other round goes in reverse order."""
    times: list[list[float]] = [[] for _ in contenders]
    with _without_gc():
        for number in range(rounds):
            pairs = list(zip(contenders, times, strict=True))
            for contender, taken in pairs if number % 2 == 0 else reversed(pairs):
                taken.append(contender.sample(seconds))
    return times


def _timed(work: Work, calls: int) -> float:
    started = perf_counter()
    for _ in range(calls):
        work()
    return perf_counter() - started


@contextmanager
def _without_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
