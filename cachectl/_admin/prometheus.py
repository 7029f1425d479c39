"""Figures in the text format of Prometheus, named in its manner: base units, `_total`."""

from collections.abc import Iterator, Sequence
from typing import Final

from cachectl._metrics.counters import ROWS
from cachectl._metrics.reports import NamespaceStats, Stats

_GAUGES: Final = (
    ("entries", "Entries held.", "entries"),
    ("expired_entries", "Entries that have expired and are held still.", "expired_entries"),
    ("size_bytes", "Bytes stored.", "bytes"),
    ("memory_bytes", "Bytes the backend spends, estimated.", "memory_bytes"),
    ("max_entries", "Limit of entries.", "max_entries"),
    ("max_size_bytes", "Limit of bytes stored.", "max_bytes"),
    ("compression_ratio", "Bytes before compression over bytes after.", "compression_ratio"),
)
_METRICS: Final = (
    *((metric, "gauge", description, name) for metric, description, name in _GAUGES),
    ("misses_total", "counter", "Lookups that found nothing fresh.", "misses"),
    *((row.metric, "counter", row.help, row.report) for row in ROWS if row.report),
)


def lines(report: Stats, names: Sequence[str]) -> Iterator[str]:
    """Yield the lines; what is unknown is left out."""
    for metric, kind, description, field in _METRICS:
        yield f"# HELP cachectl_{metric} {description}"
        yield f"# TYPE cachectl_{metric} {kind}"
        for name in names:
            value = _value(report.namespaces[name], field)
            if value is not None:
                backend = _label(report.backend.active_backend)
                labels = f"backend={backend},namespace={_label(name)}"
                yield f"cachectl_{metric}{{{labels}}} {value}"


def _label(text: str) -> str:
    """Return a quoted value of a label: whatever it is, it ends where it should."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _value(figures: NamespaceStats, field: str) -> float | None:
    value: float | None = getattr(figures, field, None)
    return figures.other.get(field, value)
