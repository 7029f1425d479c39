"""A million lookups of a realistic skew: what is said of them is what somebody else counted."""

import random
from collections import Counter, OrderedDict
from itertools import accumulate
from typing import Any, Final

import pytest

from cachectl._metrics.sketches import KINDS, Notes, quantile
from cachectl.testing import Clock
from tests.support.openers import Opener

MILLION: Final = 1_000_000
KEYS: Final = 10_000
POLICIES: Final[dict[str, dict[str, Any]]] = {
    "limit": {"max_entries": 1_500, "ttl": None},
    "ttl": {"max_entries": None, "ttl": 600.0},
}


class Model:
    """The least recently used of some entries, or each for a time: why a key is not there."""

    def __init__(self, max_entries: int | None, ttl: float | None) -> None:
        self.most = max_entries
        self.ttl = float("inf") if ttl is None else ttl
        self.held: OrderedDict[str, float] = OrderedDict()
        self.went: dict[str, str] = {}

    def look_up(self, key: str, now: float) -> str | None:
        """Return why a lookup misses; None if it hits."""
        if key not in self.held:
            return self.went.get(key, "absent")
        if self.held[key] <= now:
            del self.held[key]
            return self.gone(key, "expired")
        self.held.move_to_end(key)
        return None

    def store(self, key: str, now: float) -> None:
        self.held[key] = now + self.ttl
        self.held.move_to_end(key)
        if self.most is not None and len(self.held) > self.most:
            self.gone(self.held.popitem(last=False)[0], "evicted")

    def delete(self, key: str) -> None:
        if self.held.pop(key, None) is not None:
            self.gone(key, "invalidated")

    def gone(self, key: str, why: str) -> str:
        self.went[key] = why
        return why


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("opener", ["memory", "file", "redis"], indirect=True)
def test_reasons_of_misses_and_the_keys_missed_most_are_those_of_a_model(
    opener: Opener, clock: Clock, policy: str
):
    """Hot keys are looked up and stored, some are never stored, some deleted now and then."""
    chance = random.Random(11)
    weights = [*accumulate(1 / (rank + 1) ** 0.9 for rank in range(KEYS))]
    keys, model = [f"key {rank:05}" for rank in range(KEYS)], Model(**POLICIES[policy])
    reasons: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    cache = opener()
    space = cache.namespace("space", **POLICIES[policy])
    for number, rank in enumerate(chance.choices(range(KEYS), cum_weights=weights, k=MILLION)):
        key = keys[rank]
        expected = model.look_up(key, clock())
        assert (space.get(key, None) is None) == (expected is not None)
        if expected is not None:
            reasons[expected] += 1
            missed[key] += 1
            if rank % 7:  # the others are never stored
                space.set(key, number)
                model.store(key, clock())
        if number % 1_000 == 0:
            space.delete(key)
            model.delete(key)
        if number % 5_000 == 0:
            cache.flush()
        clock.advance(0.005)

    figures = space.stats()
    assert figures.misses == missed.total() == sum(figures.missed.values())
    for reason, count in reasons.items():
        assert figures.missed[reason] == pytest.approx(count, rel=0.02), reason
    ranked = sorted(missed.items(), key=lambda item: (-item[1], item[0]))
    assert list(space.top_misses()) == ranked[:10]


def test_the_quantiles_of_a_million_times_are_within_two_percent():
    chance = random.Random(12)
    times = [chance.lognormvariate(-7, 1.5) for _ in range(MILLION)]
    notes = Notes()
    for number, seconds in enumerate(times):
        notes.took(KINDS[number % 3], seconds)
        if number % 100_000 == 0:
            notes.sort()
    taken = notes.take(0)
    assert taken is not None
    for at, kind in enumerate(KINDS):
        ordered = sorted(times[at::3])
        for part in (0.5, 0.99):
            exact = ordered[int(part * (len(ordered) - 1))]
            assert quantile(taken.times[kind], part) == pytest.approx(exact, rel=0.02)
