"""Figures in the text format of Prometheus, named in its manner: base units, `_total`."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cachectl import __version__
from cachectl._admin.figures import value_of
from cachectl._metrics.counters import ROWS
from cachectl._metrics.reports import Application, Stats
from cachectl._model.arguments import shown
from cachectl.errors import UsageError

_LABEL: Final = r"(?a)(?!__)[A-Za-z_]\w*"
_OURS: Final = frozenset(("backend", "namespace", "status", "version"))
_STATES: Final = ("ok", "fallback_only", "refusing")


class _Metric(NamedTuple):
    """A metric of namespaces; `field` is the figure that it has."""

    name: str
    kind: str
    help: str
    field: str


_GAUGES: Final = (
    ("entries", "Entries held.", "entries"),
    ("expired_entries", "Entries that have expired and are held still.", "expired_entries"),
    ("size_bytes", "Bytes stored.", "bytes"),
    ("memory_bytes", "Bytes the backend spends, estimated.", "memory_bytes"),
    ("max_entries", "Limit of entries.", "max_entries"),
    ("max_size_bytes", "Limit of bytes stored.", "max_bytes"),
    ("full_ratio", "Part of its tighter limit that a namespace fills.", "full"),
    ("compression_ratio", "Bytes before compression over bytes after.", "compression_ratio"),
    ("last_hit_timestamp_seconds", "When a lookup last found something.", "last_hit_at"),
)
_COUNTERS: Final = {
    "misses": _Metric("misses_total", "counter", "Lookups that found nothing fresh.", "misses"),
    **{
        row.report: _Metric(row.metric, "counter", row.help, row.report)
        for row in ROWS
        if row.report
    },
}
_METRICS: Final = (
    *(_Metric(name, "gauge", description, field) for name, description, field in _GAUGES),
    *_COUNTERS.values(),
)


def parse_labels(texts: Iterable[str]) -> dict[str, str]:
    """Return what texts such as `cache=voice` say. Raises `UsageError`."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not re.fullmatch(_LABEL, name) or not value:
            raise UsageError(f"not a label: {shown(text)} (write cache=voice)")
        if name in _OURS or name in found:
            raise UsageError(f"there is a label {name} already")
        found[name] = value
    return found


def lines(report: Stats, names: Sequence[str], own: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines, each sample with labels of one's own, too; what is unknown is left out."""
    labels = {"backend": report.backend.active_backend, **own}
    yield from _head(labels, is_up=True)
    yield from _applications(labels, report.applications)
    for metric in _METRICS:
        values = {name: value_of(report.namespaces[name], metric.field) for name in names}
        yield from _described(metric.name, metric.kind, metric.help)
        for name, value in values.items():
            if value is not None:
                yield _sample(metric.name, {**labels, "namespace": name}, value)


def down(backend: str, own: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a cache of which nothing is known, as it cannot be reached."""
    yield from _head({"backend": backend, **own}, is_up=False)


def _head(labels: Mapping[str, str], *, is_up: bool) -> Iterator[str]:
    yield from _described("up", "gauge", "Whether the backend can be reached.")
    yield _sample("up", labels, int(is_up))
    yield from _described("build_info", "gauge", "The version of cachectl.")
    yield _sample("build_info", {**labels, "version": __version__}, 1)


def _applications(labels: Mapping[str, str], found: Sequence[Application]) -> Iterator[str]:
    counted = Counter(each.status for each in found)
    yield from _described(
        "applications", "gauge", "Processes of this user on this machine, by what they are in."
    )
    for status in _STATES:
        yield _sample("applications", {**labels, "status": status}, counted[status])


def _described(name: str, kind: str, description: str) -> Iterator[str]:
    yield f"# HELP cachectl_{name} {description}"
    yield f"# TYPE cachectl_{name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f"{label}={_quoted(text)}" for label, text in labels.items())
    return f"cachectl_{name}{{{pairs}}} {value}"


def _quoted(text: str) -> str:
    """Return a value of a label: whatever it is, it ends where it should. In the value a backslash is two,
    so that one before another character can be an escape of whoever prints it.
    """
    doubled = text.replace("\\", r"\\")
    escaped = doubled.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
