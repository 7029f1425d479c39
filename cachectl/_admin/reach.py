"""What the tool can reach: not what other processes hold in memory."""

from typing import Final

from cachectl._engine.cache import Cache

OUT_OF_REACH: Final = "what applications hold in memory can only be reached by themselves"
PUBLISHED: Final = f"{OUT_OF_REACH}; stats shows what they publish"


def in_memory(cache: Cache) -> bool:
    """Return whether entries are in the memory of processes: of this one, and of others."""
    return cache.status().active_backend == "memory"
