"""Figures in the text format of Prometheus, named in its manner: base units, `_total`."""

from collections.abc import Iterator, Sequence
from typing import Final

from cachectl.reports import NamespaceStats, Stats

_METRICS: Final = (
    ("entries", "gauge", "Entries held.", "entries"),
    ("size_bytes", "gauge", "Bytes stored.", "bytes"),
    ("memory_bytes", "gauge", "Bytes the backend spends, estimated.", "memory_bytes"),
    ("max_entries", "gauge", "Limit of entries.", "max_entries"),
    ("max_size_bytes", "gauge", "Limit of bytes stored.", "max_bytes"),
    ("hits_total", "counter", "Lookups that found a fresh entry.", "hits"),
    ("misses_total", "counter", "Lookups that did not.", "misses"),
    ("sets_total", "counter", "Entries written.", "sets"),
    ("evictions_total", "counter", "Entries removed by a limit.", "evictions"),
    ("expired_total", "counter", "Entries removed by their TTL.", "expired"),
    ("invalidated_total", "counter", "Entries removed by someone.", "invalidated"),
    ("errors_total", "counter", "Damaged entries and backend errors.", "errors"),
    ("saved_cost_dollars_total", "counter", "Money that hits saved.", "saved_cost"),
    ("saved_seconds_total", "counter", "Load time that hits saved.", "saved_seconds"),
    (
        "compression_ratio",
        "gauge",
        "Bytes before compression over bytes after.",
        "compression_ratio",
    ),
    ("compress_seconds_total", "counter", "Time spent compressing.", "compress_seconds"),
    ("decompress_seconds_total", "counter", "Time that hits decompressed.", "decompress_seconds"),
)


def lines(report: Stats, names: Sequence[str]) -> Iterator[str]:
    """Yield the lines; what is unknown is left out."""
    for metric, kind, description, field in _METRICS:
        yield f"# HELP cachectl_{metric} {description}"
        yield f"# TYPE cachectl_{metric} {kind}"
        for name in names:
            value = _value(report.namespaces[name], field)
            if value is not None:
                labels = f'backend="{report.backend.active_backend}",namespace="{name}"'
                yield f"cachectl_{metric}{{{labels}}} {value}"


def _value(figures: NamespaceStats, field: str) -> float | None:
    value: float | None = getattr(figures, field)
    return value
