"""The algorithm of `lrfu` over a plain dictionary: what every backend must agree with."""

from collections import Counter

from cachectl._backends.eviction.lrfu import MAIN, Lrfu, Rank, State


class PlainPlaces(dict[str, Rank]):
    """An index without any order of their own: whatever is first is searched for."""

    def find(self, key: str) -> Rank | None:
        return self.get(key)

    def put(self, key: str, rank: Rank) -> None:
        self[key] = rank

    def drop(self, key: str) -> None:
        del self[key]

    def first(self, part: int) -> tuple[str, Rank] | None:
        standing = ((rank.order, key) for key, rank in self.items() if rank.segment == part)
        _, key = min(standing, default=(0.0, None))
        return None if key is None else (key, self[key])

    def sizes(self) -> list[int]:
        counts = Counter(rank.segment for rank in self.values())
        return [counts[part] for part in range(4)]

    def held(self) -> set[str]:
        return {key for key, rank in self.items() if rank.segment <= MAIN}


class PlainCache:
    """A cache of keys alone that does with the order what a backend does with it."""

    def __init__(self, max_entries: int) -> None:
        self.index: PlainPlaces = PlainPlaces()
        self.order: Lrfu = Lrfu(self.index, State())
        self.max_entries = max_entries
        self._used: dict[str, None] = {}

    def get(self, key: str) -> bool:
        """Return whether the key is held, and note its use."""
        if key not in self.index.held():
            return False
        self._used.pop(key, None)
        self._used[key] = None
        return True

    def set(self, key: str) -> list[str]:
        """Write the key and return what had to go."""
        used, self._used = self._used, {}
        for name in used:
            self.order.used(name)
        self.order.written(key)
        evicted = self.trim()
        self.order.rebalance(1)
        return evicted

    def trim(self) -> list[str]:
        """Evict while there are too many, and return what had to go."""
        evicted: list[str] = []
        while self.order.state.held > self.max_entries:
            key = self.order.evict()
            assert key is not None
            evicted.append(key)
        return evicted

    def score(self, key: str) -> float:
        return self.index[key].score
