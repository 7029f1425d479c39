"""What frees room: it works where there is none."""

from collections.abc import Callable
from typing import Final

from cachectl import Cache

REMOVALS: Final[dict[str, Callable[[Cache], object]]] = {
    "delete": lambda cache: cache.namespace("a").delete("k1"),
    "delete_many": lambda cache: cache.namespace("a").delete_many(f"k{n}" for n in range(700)),
    "invalidate": lambda cache: cache.namespace("a").invalidate(tag="odd"),
    "clear": lambda cache: cache.namespace("a").clear(),
    "clear_all": lambda cache: cache.clear(),
    "cleanup": lambda cache: cache.cleanup(max_entries=10),
}
