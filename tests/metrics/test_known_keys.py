"""What a process remembers of keys that are gone: bounded, and the latest of each."""

import sys
import threading

import pytest

from cachectl import MissReason
from cachectl._metrics.known_keys import KnownKeys


@pytest.fixture
def known() -> KnownKeys:
    return KnownKeys()


def reason(known: KnownKeys, key: str, *, limited: bool = True) -> MissReason:
    return known.reason(key, 0.0, limited)


def test_it_remembers_all_of_some_thousand_keys(known: KnownKeys):
    known.evicted(f"e{number}" for number in range(3000))
    known.invalidated([f"i{number}" for number in range(3000)], 3000)

    evicted = [reason(known, f"e{number}") for number in range(3000)]
    invalidated = [reason(known, f"i{number}") for number in range(3000)]
    assert evicted.count(MissReason.EVICTED) > 2900
    assert invalidated.count(MissReason.INVALIDATED) > 2900
    assert {*evicted, *invalidated} <= {
        MissReason.EVICTED, MissReason.INVALIDATED, MissReason.ABSENT,
    }  # fmt: skip


def test_it_takes_half_a_megabyte_at_most_and_keeps_what_is_new(known: KnownKeys):
    assert known.memory <= 1024
    for number in range(200_000):
        known.evicted([f"{number}"])

    assert known.memory == 512 * 1024
    late = [reason(known, f"{number}") for number in range(199_000, 200_000)]
    assert late.count(MissReason.EVICTED) > 900


def test_a_key_it_never_heard_of_is_absent(known: KnownKeys):
    known.evicted(f"{number}" for number in range(50_000))

    assert {reason(known, f"other {number}") for number in range(50_000)} == {MissReason.ABSENT}


def test_what_went_by_no_doing_of_this_process_is_evicted_where_there_is_a_limit(known, item):
    known.stored([item("k", expires_at=10.0)])

    assert reason(known, "k") is MissReason.EVICTED
    assert reason(known, "k", limited=False) is MissReason.INVALIDATED
    assert known.reason("k", 10.0, True) is MissReason.EXPIRED


def test_what_went_by_a_tag_is_invalidated(known, item):
    known.stored([item("k", expires_at=10.0)])
    known.invalidated_by_tag()

    assert reason(known, "k") is MissReason.INVALIDATED


def test_of_keys_that_were_not_all_there_those_are_invalidated_that_were(known, item):
    known.stored([item("held", expires_at=10.0)])
    known.evicted(["evicted"])
    known.invalidated(["held", "evicted", "never"], 1)

    assert reason(known, "held") is MissReason.INVALIDATED
    assert reason(known, "evicted") is MissReason.EVICTED
    assert reason(known, "never") is MissReason.ABSENT


def test_what_was_evicted_before_a_clear_stays_evicted(known, item):
    known.stored([item("held", expires_at=10.0)])
    known.evicted(["evicted"])
    known.cleared()

    assert reason(known, "held") is MissReason.INVALIDATED
    assert reason(known, "evicted") is MissReason.EVICTED


def test_a_table_grows_though_threads_meet_where_it_is_full():
    """Threads change as often as they can, in a hundred tables."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            known, begin = KnownKeys(), threading.Barrier(4)

            def note(
                thread: int, known: KnownKeys = known, begin: threading.Barrier = begin
            ) -> None:
                begin.wait()
                known.evicted(f"{thread} {number}" for number in range(400))

            threads = [threading.Thread(target=note, args=(thread,)) for thread in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            known.evicted(f"{number}" for number in range(4096))
            assert known.memory >= 16 * 4096
    finally:
        sys.setswitchinterval(interval)


def test_what_was_cleared_is_invalidated_and_what_is_forgotten_absent(known, item):
    known.stored([item("k", expires_at=10.0)])
    known.cleared()
    assert reason(known, "k") is MissReason.INVALIDATED

    known.forget()
    assert reason(known, "k") is MissReason.ABSENT


@pytest.fixture
def item():
    """Makes an item of which only key and expiry matter."""
    from cachectl._model.entry import Entry
    from cachectl._model.records import Item

    def make(key: str, *, expires_at: float) -> Item:
        return Item(key, Entry("v", 1, 0.0, expires_at, 0, 0, (), 1), b"", 1)

    return make
