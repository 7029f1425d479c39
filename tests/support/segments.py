"""How many index each backend keeps for a namespace: a new backend needs one line in `COUNTS`."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import redis

from cachectl._backends.memory.store import MemoryStore
from cachectl._engine.cache import Cache
from cachectl.testing import Opener

Sizes = list[int]
"""The keys in the window, in the main part, and those remembered that left each of them."""


def _in_memory(opener: Opener, cache: Cache, namespace: str) -> tuple[Sizes, Sizes | None]:
    backend: Any = cache._core.backend
    store = backend.store(namespace)
    assert isinstance(store, MemoryStore)
    counts = Counter(rank.segment for rank in store._index._index.values())
    order = store._order
    return [counts[part] for part in range(4)], None if order is None else order.state.sizes


def _in_file(opener: Opener, cache: Cache, namespace: str) -> tuple[Sizes, Sizes | None]:
    its = "WHERE namespace_id = (SELECT id FROM namespaces WHERE name = ?)"
    parts = f"SELECT segment, count(*) FROM lrfu_ranks {its} GROUP BY segment"
    sizes = f"SELECT in_window, in_main, window_ghosts, main_ghosts FROM lrfu_states {its}"
    with closing(
        sqlite3.connect(str(opener.settings["file.directory"]) + "/cache.db")
    ) as connection:
        counts = dict(connection.execute(parts, (namespace,)).fetchall())
        state = connection.execute(sizes, (namespace,)).fetchone()
    return [counts.get(part, 0) for part in range(4)], None if state is None else list(state)


def _in_redis(opener: Opener, cache: Cache, namespace: str) -> tuple[Sizes, Sizes | None]:
    """The server counts the sizes itself, so there are none beside the index."""
    base = f"cachectl:{{{namespace}}}:"
    with redis.Redis.from_url(str(opener.settings["redis.url"])) as raw:
        sizes = [
            raw.zcard(base + part) for part in ("window", "main", "window-ghosts", "main-ghosts")
        ]
        assert raw.hlen(f"{base}score") <= sizes[0] + sizes[2] + sizes[3]
    return sizes, sizes


COUNTS: dict[str, Callable[[Opener, Cache, str], tuple[Sizes, Sizes | None]]] = {
    "memory": _in_memory,
    "file": _in_file,
    "redis": _in_redis,
}


def segment_sizes(opener: Opener, cache: Cache, namespace: str) -> Sizes:
    """Return the sizes of the four segments, which must be those that the state tells."""
    counted, told = COUNTS[opener.backend](opener, cache, namespace)
    assert counted == (told or [0, 0, 0, 0])
    return counted
