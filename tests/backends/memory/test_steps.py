"""What removes much does so in steps: nobody waits for the whole of it."""

import sys
from types import FrameType

import pytest

from cachectl._backends.memory.store import MemoryStore
from cachectl._model.batches import BATCH
from cachectl._model.entry import Entry
from cachectl._model.policy import Eviction, Limits
from cachectl._model.records import CleanupRule, Item

ENTRIES = 4 * BATCH
evictions = pytest.mark.parametrize("eviction", ["lru", "lrfu"])


def item(number: int, expires_at: float = 1000.0) -> Item:
    entry = Entry("value", 2, 0.0, expires_at, 0, 0, (), 100)
    return Item(f"key:{number:06}", entry, b"", 60)


def filled(eviction: Eviction) -> MemoryStore:
    store = MemoryStore()
    for number in range(ENTRIES):
        store.put([item(number)], Limits(eviction=eviction), float(number % 7))
    return store


@evictions
def test_a_write_under_a_lowered_limit_evicts_a_few_and_the_next_ones_go_on(eviction: Eviction):
    store, limits = filled(eviction), Limits(10, eviction=eviction)
    evicted: list[int] = []
    while store.totals().entries > 10:
        evicted.append(len(store.put([item(ENTRIES + len(evicted))], limits, 7.0).evicted))
    assert max(evicted) == BATCH + 1
    assert sum(evicted) == ENTRIES + len(evicted) - 10


def turns_of(store: MemoryStore, rule: CleanupRule) -> int:
    """Return how often a cleanup takes the lock."""
    taken = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal taken
        taken += event == "call" and frame.f_code.co_qualname == "Turn.__enter__"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        store.cleanup(rule)
    finally:
        sys.setprofile(before)
    return taken


@evictions
@pytest.mark.parametrize(
    "rule",
    [
        CleanupRule(1000.0, None, Limits()),
        CleanupRule(0.0, 8.0, Limits()),
        CleanupRule(0.0, None, Limits(0)),
    ],
    ids=["expired", "idle", "limits"],
)
def test_a_cleanup_gives_others_their_turn_after_a_few_entries(
    eviction: Eviction, rule: CleanupRule
):
    store = filled(eviction)
    assert turns_of(store, rule) >= ENTRIES / BATCH
    assert store.totals().entries == 0


@evictions
def test_a_clear_lets_go_of_everything_and_holds_no_lock_meanwhile(eviction: Eviction):
    """It takes the place of a new namespace in a few assignments, whatever it held."""
    store = filled(eviction)
    before = store.totals()
    calls: list[str] = []

    def note(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and store.lock._is_mine():
            calls.append(repr(called))

    profiled = sys.getprofile()
    sys.setprofile(note)
    try:
        removed = store.clear()
    finally:
        sys.setprofile(profiled)
    assert (removed.entries, removed.bytes) == (before.entries, before.bytes)
    assert len(calls) < 10
    assert store.usage().bytes == store._memory == len(store._expiries) == 0
