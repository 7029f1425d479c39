"""Sketches: times within two percent, and the keys that are missed most, in little room."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, product

import pytest

from cachectl._backends.counter_database import CounterDatabase
from cachectl._backends.redis.backend import RedisBackend
from cachectl._metrics.counters import Batch, CounterStore, Counts
from cachectl._metrics.sketches import (
    KEYS,
    TOLD,
    MissedKeys,
    Notes,
    Sketch,
    bucket_of,
    merged,
    quantile,
    top,
)
from cachectl._metrics.windows import Window
from cachectl.testing import Clock


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
    assert len(told) <= TOLD
    assert all(count <= really[key] for key, count in told.items())
    assert [*top(told, 10)] == sorted(really.items(), key=lambda item: (-item[1], item[0]))[:10]


def test_a_key_that_is_missed_most_is_told_each_time_as_a_process_may_end():
    missed = MissedKeys()
    for _ in range(9):
        missed.note("hot")
    missed.take()
    for key in [f"{number}" for number in range(2 * KEYS)] * 3:
        missed.note(key)
    missed.note("hot")
    assert missed.take() == {"hot": 1}
    assert missed.take() == {}


def test_keys_that_are_missed_as_often_as_those_left_out_wait_and_are_told_whole():
    missed = MissedKeys()
    for number in range(2 * KEYS):
        missed.note(f"{number}")
    assert missed.take() == {}
    missed.note("7")
    assert missed.take() == {"7": 2}


def test_keys_of_another_bucket_are_no_longer_in_the_way_of_new_ones():
    notes, before = Notes(), [f"{number}" for number in range(KEYS)]
    for key in before * 5:
        notes.missed(key)
    for bucket, keys in ((0, []), (1, []), (1, [*before, "new", "new"])):
        for key in keys:
            notes.missed(key)
        taken = notes.take(bucket)
    assert taken is not None
    assert taken.missed["new"] == 2


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[CounterStore]:
    """Where the counts of processes come together."""
    if request.param == "file":
        yield CounterDatabase(None)
    else:
        backend = RedisBackend(url=request.getfixturevalue("redis_url"))
        yield backend.counters
        backend.close()


@pytest.mark.parametrize("others", [900, 5_000, 10**9])
def test_keys_that_processes_miss_most_are_found_among_very_many(
    store: CounterStore, clock: Clock, others: int
):
    """One miss in twenty is of a hot key."""
    chance, really = random.Random(5), Counter[str]()
    hot = [f"hot {number:02}" for number in range(20)]
    weights = [1 / (rank + 1) for rank in range(len(hot))]
    processes = [MissedKeys() for _ in range(4)]
    for sequence, number in product(range(1, 101), range(4)):
        keys = [*chance.choices(hot, weights, k=25)]
        keys += [f"cold {chance.randrange(others)}" for _ in range(475)]
        for key in keys:
            processes[number].note(key)
        really.update(keys)
        sketch = Sketch({}, processes[number].take())
        store.add(Batch(f"{number}", sequence, clock(), {"ns": Counts(hits=1)}, {"ns": sketch}))
    told = store.sketches(Window.last(None, clock()), ["ns"])["ns"].missed
    assert all(count <= really[key] for key, count in told.items())
    assert {key for key, _ in top(told, 8)} == set(hot[:8])
    assert all(told[key] >= 0.9 * really[key] for key in hot[:8])
    assert others < 1_000 or all(told[key] == really[key] for key in hot[:8])


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
        taken.append(notes.take(0))
    taken.append(notes.take(0))

    found = merged(sketch for sketch in taken if sketch is not None)
    assert found.missed == {f"{number}": 2_000 for number in range(10)}
    assert sum(found.times["hit"].values()) == 20_000
    assert notes.take(0) is None
