"""Bulk loading: what manifests, archives, directories and loaders yield becomes entries.

report = warm(cache, [open_source("products.jsonl"), open_source("images", "img")])
"""

from cachectl.warm.records import Load, Place, Record, Refused, Source
from cachectl.warm.report import Failure, Progress, WarmReport
from cachectl.warm.sources import open_source
from cachectl.warm.sources.loader import LoaderSource, resolve
from cachectl.warm.warming import warm

__all__ = [
    "Failure",
    "Load",
    "LoaderSource",
    "Place",
    "Progress",
    "Record",
    "Refused",
    "Source",
    "WarmReport",
    "open_source",
    "resolve",
    "warm",
]
