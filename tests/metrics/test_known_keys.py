"""What a process remembers of keys that are gone: bounded, and the latest of each."""

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
    known.invalidated(f"i{number}" for number in range(3000))

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
