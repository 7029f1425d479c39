"""Reports of the engine as JSON: raw numbers, null for what is unknown."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cachectl._metrics.details import Details, Trend
from cachectl._metrics.reports import Application, CleanupReport, NamespaceStats, Stats, Status
from cachectl._metrics.windows import Window
from cachectl._model.entry import LATEST
from cachectl._model.records import Removed

if TYPE_CHECKING:  # most commands need nothing of it
    from cachectl._engine.warm.report import WarmReport


def timestamp(seconds: float | None) -> str | None:
    """Return Unix seconds as RFC 3339 in UTC: from 1970 to 9999, whatever they were damaged to."""
    if seconds is None:
        return None
    return (
        datetime.fromtimestamp(min(LATEST, max(0.0, seconds)), UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def stats(report: Stats, names: Iterable[str]) -> dict[str, Any]:
    """Return the document of `stats --format json`."""
    return {
        "generated_at": timestamp(report.generated_at),
        "backend": status(report.backend),
        "window": _window(report.window),
        "totals": _with_trend(figures(report.totals), report.trend),
        "namespaces": {name: _namespace(report, name) for name in names},
        "applications": applications(report.applications),
    }


def stats_rows(report: Stats, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield what `stats --format jsonl` has of each namespace, and at last of all, whose name is null."""
    about = {"generated_at": timestamp(report.generated_at), "window": _window(report.window)}
    for name in names:
        yield {"namespace": name, **about, **_namespace(report, name)}
    yield {"namespace": None, **about, **_with_trend(figures(report.totals), report.trend)}


def _window(window: Window) -> dict[str, Any]:
    seconds = None if window.start is None else window.end - window.start
    return {"start": timestamp(window.start), "end": timestamp(window.end), "seconds": seconds}


def _namespace(report: Stats, name: str) -> dict[str, Any]:
    return {
        **_with_trend(figures(report.namespaces[name]), report.trends.get(name)),
        **(details(report.details[name]) if name in report.details else {}),
    }


def _with_trend(document: dict[str, Any], found: Trend | None) -> dict[str, Any]:
    """Return the figures of a namespace with what was counted in the parts of a window."""
    if found is None:
        return document
    parts = [{**part._asdict(), "hit_rate": part.hit_rate} for part in found.parts]
    trend = {"start": timestamp(found.start), "seconds": found.seconds, "parts": parts}
    return {**document, "counting_since": timestamp(found.counting_since), "trend": trend}


def details(found: Details) -> dict[str, Any]:
    """Return what is noted of a namespace beside its counts."""
    return {
        "details_since": timestamp(found.since),
        "latency": {kind: latency._asdict() for kind, latency in found.latency.items()},
        "top_misses": [missed._asdict() for missed in found.top_misses],
    }


def applications(found: Iterable[Application]) -> list[dict[str, Any]]:
    """Return the processes that use a cache, and what each is in."""
    return [{**asdict(each), "since": timestamp(each.since)} for each in found]


def status(report: Status) -> dict[str, Any]:
    """Return which backend was asked for, and which one works."""
    return {
        "configured": report.configured_backend,
        "active": report.active_backend,
        "status": report.status,
        **report.details,
        **({"notes": list(report.notes)} if report.notes else {}),
    }


def figures(report: NamespaceStats) -> dict[str, Any]:
    """Return the figures of one namespace."""
    document = asdict(report)
    other = document.pop("other")
    return {**document, "last_hit_at": timestamp(report.last_hit_at), **other}


def cleanup(
    report: CleanupReport, planned: CleanupReport | None, *, dry_run: bool
) -> dict[str, Any]:
    """Return the document of `cleanup --format json`; `planned` is what was counted in advance."""
    total = report.removed()
    return {
        "dry_run": dry_run,
        "finished": report.finished,
        "planned": None if planned is None else planned.removed()._asdict(),
        "entries": total.entries,
        "bytes": total.bytes,
        "expired": removed(report.expired),
        "evicted": removed(report.evicted),
    }


def clear(
    report: Mapping[str, Removed], planned: Removed | None, *, dry_run: bool
) -> dict[str, Any]:
    """Return the document of `clear --format json`; `planned` is what was shown in advance."""
    total = Removed.total(report.values())
    return {
        "dry_run": dry_run,
        "planned": None if planned is None else planned._asdict(),
        "entries": total.entries,
        "bytes": total.bytes,
        "namespaces": {name: part._asdict() for name, part in report.items() if part.entries},
    }


def cleared(report: Mapping[str, Removed], *, dry_run: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of `clear --format jsonl`."""
    for name, part in report.items():
        if part.entries:
            yield {"namespace": name, "dry_run": dry_run, **part._asdict()}


def cleaned(report: CleanupReport, *, dry_run: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of `cleanup --format jsonl`."""
    for name in sorted({*report.expired, *report.evicted}):
        expired = report.expired.get(name, Removed())
        evicted = report.evicted.get(name, Removed())
        yield {
            "namespace": name,
            "dry_run": dry_run,
            "finished": report.finished,
            "expired": expired._asdict(),
            "evicted": evicted._asdict(),
        }


def warm(report: "WarmReport", *, dry_run: bool) -> dict[str, Any]:
    """Return the document of `warm --format json`."""
    return {
        "dry_run": dry_run,
        **asdict(report),
        "failures": [failure._asdict() for failure in report.failures],
        "skips": [skip._asdict() for skip in report.skips],
    }


def removed(report: Mapping[str, Removed]) -> dict[str, Any]:
    """Return what was removed from each namespace."""
    return {name: part._asdict() for name, part in report.items()}
