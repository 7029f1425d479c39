"""The image system: its types of assets, and images that stand for generated ones."""

from typing import Any

import numpy as np

from cachectl import Cache, Namespace
from cachectl.testing import Clock

Image = np.ndarray[Any, Any]

ASSETS = [
    ("parchment", 50, 3600),
    ("enso", 100, 3600),
    ("sigil", 100, 3600),
    ("giraffe", 100, 3600),
    ("kangaroo", 100, 3600),
    ("directed_enso", 200, 1800),
]
"""Default Cache Configuration: asset type, cache size, TTL in seconds."""

MEMORY = [
    ("parchment", (1024, 1024, 3), 3.0e6, 150e6),
    ("enso", (800, 800, 4), 2.5e6, 250e6),
    ("sigil", (500, 500, 4), 1.0e6, 100e6),
    ("giraffe", (800, 600, 4), 1.9e6, 190e6),
    ("kangaroo", (800, 600, 4), 1.9e6, 190e6),
    ("directed_enso", (800, 800, 4), 2.5e6, 500e6),
]
"""Memory Usage: asset type, shape of an image, its approximate bytes, those of a full cache."""


def draw(seed: int, shape: tuple[int, ...] = (8, 8, 3)) -> Image:
    """Return an image like no other; it stands for one that takes 100 to 500 ms to generate."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def cache_stats(cache: Cache) -> dict[str, Any]:
    """Return `cache_stats` of the document's `GET /cache/stats`."""
    stats = cache.stats()
    totals = stats.totals
    return {
        "total_hits": totals.hits,
        "total_misses": totals.misses,
        "total_evictions": totals.evictions,
        "total_expired": totals.expired,
        "total_set": totals.sets,
        "total_size": totals.entries,
        "overall_hit_rate": totals.hit_rate,
        "caches": {
            name: {
                "hits": figures.hits,
                "misses": figures.misses,
                "evictions": figures.evictions,
                "expired": figures.expired,
                "total_set": figures.sets,
                "size": figures.entries,
                "max_size": figures.max_entries,
                "default_ttl": figures.ttl,
                "hit_rate": None if figures.hit_rate is None else round(figures.hit_rate, 3),
            }
            for name, figures in stats.namespaces.items()
        },
    }


def use(
    images: Namespace, clock: Clock, *, hits: int, misses: int, warmed: int, expired: int
) -> None:
    """Warm the cache, let some of it expire, and serve requests from the rest."""
    for number in range(warmed):
        images.set(f"warmed {number}", draw(number), ttl=60 if number < expired else None)
    clock.advance(60)
    for number in range(misses):
        images.get_or_load(f"{number}", lambda: draw(0))
    for number in range(hits):
        images.get(f"{number % misses}")
