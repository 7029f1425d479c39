"""Bulk loading: what manifests, archives, directories and loaders yield becomes entries.

report = warm(cache, [open_source("products.jsonl"), open_source("images", "img")])
"""

from cachectl._engine.warm.records import Load, Position, Record, Refused, Skipped, Source
from cachectl._engine.warm.report import Progress, WarmCounts, WarmFailure, WarmReport
from cachectl._engine.warm.run import WarmOptions, warm
from cachectl._engine.warm.sources import open_source
from cachectl._engine.warm.sources.loader import LoaderSource, resolve

__all__ = [
    "Load",
    "LoaderSource",
    "Position",
    "Progress",
    "Record",
    "Refused",
    "Skipped",
    "Source",
    "WarmCounts",
    "WarmFailure",
    "WarmOptions",
    "WarmReport",
    "open_source",
    "resolve",
    "warm",
]
