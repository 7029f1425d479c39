"""Sketches: times within two percent, and the keys that are missed most, in little room."""

import random
import threading
from collections import Counter
from itertools import accumulate

import pytest

from cachectl._metrics.sketches import KEYS, MissedKeys, Notes, bucket_of, merged, quantile, top


def exact(times: list[float], part: float) -> float:
    return sorted(times)[int(part * (len(times) - 1))]


@pytest.mark.parametrize(
    "draw",
    [
        lambda chance: chance.lognormvariate(-8, 2),
        lambda chance: chance.uniform(1e-6, 10),
        lambda chance: chance.paretovariate(1.1) * 1e-5,
    ],
    ids=["lognormal", "uniform", "heavy tail"],
)
def test_a_quantile_is_within_two_percent(draw):
    chance = random.Random(7)
    times = [draw(chance) for _ in range(20_000)]
    counts = Counter(map(bucket_of, times))

    for part in (0.0, 0.5, 0.9, 0.99, 0.999):
        assert quantile(counts, part) == pytest.approx(exact(times, part), rel=0.02)


def test_times_that_cannot_be_are_in_the_first_bucket_or_the_last():
    assert bucket_of(-3.0) == bucket_of(0.0) == bucket_of(1e-9) < bucket_of(1e-6)
    assert bucket_of(1e12) == bucket_of(1e6)
    assert quantile({}, 0.5) is None


def test_a_sketch_of_keys_is_bounded_and_tells_at_most_what_was():
    chance = random.Random(7)
    keys, missed = [f"{number}" for number in range(50_000)], MissedKeys()
    weights = [*accumulate(1 / (rank + 1) for rank in range(len(keys)))]
    seen = chance.choices(keys, cum_weights=weights, k=200_000)
    for key in seen:
        missed.note(key)

    told, really = missed.take(), Counter(seen)
    assert len(told) <= KEYS
    assert all(count <= really[key] for key, count in told.items())
    assert [*top(told, 10)] == sorted(really.items(), key=lambda item: (-item[1], item[0]))[:10]


def test_notes_of_many_threads_are_exact():
    notes = Notes()

    def note(thread: int) -> None:
        for number in range(5_000):
            notes.missed(f"{number % 10}")
            notes.took("hit", 0.001 * (thread + 1))

    threads = [threading.Thread(target=note, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    taken = []
    while any(thread.is_alive() for thread in threads):
        taken.append(notes.take())
    taken.append(notes.take())

    found = merged(sketch for sketch in taken if sketch is not None)
    assert found.missed == {f"{number}": 2_000 for number in range(10)}
    assert sum(found.times["hit"].values()) == 20_000
    assert notes.take() is None
