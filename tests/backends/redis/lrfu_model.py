"""What the server should hold by `lrfu`: the algorithm itself, over plain dictionaries."""

from hashlib import sha1

from cachectl._backends.eviction.lrfu import (
    MAIN,
    MAIN_GHOSTS,
    WINDOW,
    WINDOW_GHOSTS,
    Lrfu,
    State,
)
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, Item
from cachectl.testing.plain_lrfu import PlainPlaces

FREE = Limits(eviction="lrfu")

BASE = "app:{ns}:"

PARTS = {WINDOW: "window", MAIN: "main", WINDOW_GHOSTS: "window-ghosts", MAIN_GHOSTS: "main-ghosts"}

PLACES = (*PARTS.values(), "score", "state")


def up_to(entries: int, size: int | None = None) -> Limits:
    return Limits(entries, size, "lrfu")


def keys_of(raw, part: str) -> list[str]:
    return [key.decode() for key in raw.zrange(BASE + part, 0, -1)]


def mark(key: str) -> str:
    return sha1(key.encode(), usedforsecurity=False).hexdigest()[:14]


def check_places(raw) -> None:
    """Every entry has one rank, and scores are kept of nothing but the window and the history."""
    window, main = keys_of(raw, "window"), keys_of(raw, "main")
    assert sorted(window + main) == sorted(keys_of(raw, "lru"))
    left = keys_of(raw, "window-ghosts") + keys_of(raw, "main-ghosts")
    assert len(set(left)) == len(left)
    scored = {key.decode() for key in raw.hkeys(f"{BASE}score")}
    assert set(left) <= scored <= {*left, *map(mark, window)}


def kept(raw) -> list[str]:
    """Return the names of the keys that hold index."""
    return [name for name in PLACES if raw.exists(BASE + name)]


class Model:
    """What a namespace should hold: entries by key, moved by `cachectl._backends.eviction.lrfu` alone."""

    def __init__(self) -> None:
        self.held: dict[str, Item] = {}
        self.lrfu = Lrfu(PlainPlaces(), State())
        self._used: dict[str, None] = {}

    def get(self, key: str) -> bool:
        if key in self.held:
            self._used.pop(key, None)
            self._used[key] = None
        return key in self.held

    def flush(self) -> None:
        for key in self._used:
            self.lrfu.used(key)
        self._used = {}

    def put(self, items: list[Item], limits: Limits, now: float) -> None:
        self.flush()
        written = 0
        for each in items:
            if limits.max_bytes is not None and len(each.data) > limits.max_bytes:
                self.remove([each.key])
                continue
            self.held[each.key] = each
            self.lrfu.written(each.key)
            written += 1
        self._enforce(limits, now, 10 + len(items))
        self.lrfu.rebalance(written)

    def remove(self, keys: list[str]) -> None:
        for key in keys:
            if self.held.pop(key, None):
                self.lrfu.removed(key)

    def remove_tagged(self, tag: str) -> None:
        self.remove([key for key, each in self.held.items() if tag in each.entry.tags])

    def cleanup(self, rule: CleanupRule) -> None:
        self.flush()
        self._enforce(rule.limits, rule.now, BATCH)

    def sizes(self) -> list[int]:
        return self.lrfu.state.sizes

    def _enforce(self, limits: Limits, now: float, most: int) -> None:
        expiries = sorted((each.entry.expires_at, key) for key, each in self.held.items())
        self.remove([key for expires_at, key in expiries if expires_at <= now][:most])
        while limits.exceeded(len(self.held), sum(len(one.data) for one in self.held.values())):
            leaving = self.lrfu.evict()
            assert leaving is not None
            del self.held[leaving]


def forgotten(model: Model) -> None:
    """An emptied namespace begins anew."""
    if not model.held:
        model.lrfu = Lrfu(PlainPlaces(), State())
