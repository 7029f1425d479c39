"""Bulk loading: what manifests, archives, directories and loaders yield becomes entries.

report = warm(cache, [open_source("products.jsonl"), open_source("images", "img")])
"""

from cachectl._admin.warm.records import Load, Position, Record, Refused, Source
from cachectl._admin.warm.report import Failure, Progress, WarmReport
from cachectl._admin.warm.run import warm
from cachectl._admin.warm.sources import open_source
from cachectl._admin.warm.sources.loader import LoaderSource, resolve

__all__ = [
    "Failure",
    "Load",
    "LoaderSource",
    "Position",
    "Progress",
    "Record",
    "Refused",
    "Source",
    "WarmReport",
    "open_source",
    "resolve",
    "warm",
]
