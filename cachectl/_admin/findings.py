"""What stands out in the figures of a cache: what is broken, and what asks for attention."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from cachectl._metrics.reports import Application, NamespaceStats, Stats
from cachectl._metrics.windows import LONGEST
from cachectl._model.units import format_moment, format_rate

BROKEN: Final = "x"
ATTENTION: Final = "!"
DAY: Final = 86_400.0
"""Seconds that findings are about where no window was asked for."""

_FEW_HITS: Final = 0.1
_LEAST_LOOKUPS: Final = 1000
_FALLEN: Final = 0.1
_LEAST_TO_FALL: Final = 100
_EVICTED_SHARE: Final = 0.2
_LEAST_EVICTED: Final = 100

Concern = Literal["errors", "evictions", "full", "rate", "cache", "other"]


class Finding(NamedTuple):
    """What is found of a namespace, or of the cache itself where that is empty; `concern` says which
    of its figures show it.
    """

    mark: str
    namespace: str
    text: str
    concern: Concern


def mark_of(findings: Sequence[Finding]) -> str:
    """Return the mark of what is worst; nothing if nothing was found."""
    marks = {each.mark for each in findings}
    return BROKEN if BROKEN in marks else ATTENTION if marks else ""


def findings_of(report: Stats, all_time: Stats, since: float | None) -> list[Finding]:
    """Return what is found in the figures of a window of `since` seconds, None is all time: what is
    broken first, otherwise in the order of the namespaces.
    """
    when = f" in {window_name(since)}" if since is not None else ""
    found = [*_of_cache(report)]
    for name, now in report.namespaces.items():
        found += _of_namespace(name, now, all_time.namespaces.get(name, now), when)
    return sorted(found, key=lambda each: each.mark != BROKEN)


def window_name(seconds: float) -> str:
    """Return how a window is called: `24h`, `7d`, `90m`; none is longer than what is kept by time."""
    seconds = min(seconds, LONGEST)
    whole = round(seconds)
    for length, unit, least in ((86_400, "d", 172_800), (3600, "h", 3600), (60, "m", 60)):
        if whole >= least and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{seconds:g}s"


def _of_cache(report: Stats) -> Iterator[Finding]:
    away = [each for each in report.applications if each.status == "fallback_only"]
    if away:
        yield Finding(ATTENTION, "", _away(away, report), "cache")
    refused = [each for each in report.applications if each.status == "refusing"]
    if refused:
        count = f"{len(refused)} of {_processes(len(report.applications))}"
        text = f"{count} {_do(refused, 'is', 'are')} refused calls: {refused[0].last_error}"
        yield Finding(ATTENTION, "", text, "cache")
    if report.backend.status != "ok" and report.backend.last_error:
        yield Finding(ATTENTION, "", report.backend.last_error, "cache")


def _away(away: Sequence[Application], report: Stats) -> str:
    processes = len(report.applications)
    since = min((each.since for each in away if each.since is not None), default=None)
    began = "" if since is None else f" since {format_moment(since, report.generated_at)}"
    where = f"{_do(away, 'works from its', 'work from their')} own memory{began}"
    back = f"{_do(away, 'its counts arrive when it is', 'their counts arrive when they are')} back"
    return f"{len(away)} of {_processes(processes)} {where} ({away[0].last_error}); {back}"


def _of_namespace(
    name: str, now: NamespaceStats, ever: NamespaceStats, when: str
) -> Iterator[Finding]:
    """Yield what is broken, and what most asks for attention."""
    if now.errors:
        yield Finding(BROKEN, name, _broken(now, when), "errors")
    attention = next(_attention(name, now, ever, when), None)
    if attention is not None:
        yield attention


def _broken(now: NamespaceStats, when: str) -> str:
    damaged, parts = now.missed["damaged"], []
    if damaged:
        entries = _count(damaged, "damaged entry", "damaged entries")
        parts.append(f"{entries}{when}, served as misses")
    if now.errors > damaged:
        others = _count(now.errors - damaged, "error", "errors")
        parts.append(f"{others} of the backend{when}")
    return "; ".join(parts)


def _attention(
    name: str, now: NamespaceStats, ever: NamespaceStats, when: str
) -> Iterator[Finding]:
    evicted, lookups = now.missed["evicted"], now.hits + now.misses
    if evicted >= max(_LEAST_EVICTED, _EVICTED_SHARE * now.misses):
        text = f"{evicted:,} of {now.misses:,} misses{when} were evicted before"
        yield Finding(ATTENTION, name, text, "evictions")
    if now.hit_rate is None or ever.hit_rate is None:
        return
    if lookups >= _LEAST_LOOKUPS and now.hit_rate < _FEW_HITS:
        hits = _count(now.hits, "hit", "hits")
        yield Finding(ATTENTION, name, f"{hits} in {lookups:,} lookups{when}", "rate")
    if lookups >= _LEAST_TO_FALL and now.hit_rate <= ever.hit_rate - _FALLEN:
        text = f"hit rate {format_rate(now.hit_rate)}{when}, {format_rate(ever.hit_rate)} all time"
        yield Finding(ATTENTION, name, text, "rate")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _processes(number: int) -> str:
    return _count(number, "process", "processes")


def _do(who: Sequence[object], one: str, many: str) -> str:
    return one if len(who) == 1 else many
