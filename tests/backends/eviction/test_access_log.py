"""Uses that wait to be written: all of them, as far as memory allows."""

import pytest

from cachectl._backends.eviction import access_log
from cachectl._backends.eviction.access_log import FEW, AccessLog


def test_what_could_not_be_written_waits_behind_what_was_used_since():
    log = AccessLog()
    log.record("a", 1.0)
    log.record("b", 2.0)
    taken = log.drain()
    log.record("a", 3.0)
    log.requeue(taken)
    assert log.drain() == [("b", 2_000_000), ("a", 3_000_000)]


def test_a_log_that_cannot_be_written_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access_log, "MOST", 3)
    log = AccessLog()
    for number in range(10):
        log.record(f"k{number}", float(number + 1))
        log.requeue(log.drain())
    assert [key for key, _ in log.drain()] == ["k7", "k8", "k9"]


def test_of_many_keys_a_use_is_due_once_the_last_one_that_was_written_is_five_seconds_old():
    """Few are written each time."""
    log = AccessLog()
    log.due(100.0, limited=True)
    for number in range(FEW + 1):
        log.record(f"k{number}", 104.0, written=100_000_000)
    log.record("old", 106.0, written=100_000_000)
    assert log.due(106.0, limited=True) == [("old", 106_000_000)]
    assert len(log.take(["k0"])) == 1
    assert len(log.due(107.0, limited=True) or ()) == FEW
    assert len(log) == 0


def test_where_nothing_is_evicted_a_use_is_due_after_half_an_hour_and_waits_for_others():
    log = AccessLog()
    assert log.due(5000.0, limited=False) == []
    log.record("fresh", 5001.0, written=4000_000_000, made_at=3000.0)
    log.record("old", 5002.0, written=3000_000_000, made_at=3000.0)
    log.record("first use", 5003.0, written=4000_000_000, made_at=4000.0)
    assert log.due(5004.0, limited=False) is None
    assert [key for key, _ in log.due(5200.0, limited=False) or ()] == ["old", "first use"]
    assert [key for key, _ in log.drain()] == ["fresh"]


def test_what_is_taken_is_the_last_use_and_gone():
    log = AccessLog()
    log.record("a", 10.0)
    log.record("a", 11.0, written=10_000_000)
    log.record("b", 12.0)
    assert log.take(["b", "a", "c"]) == [("a", 11_000_000), ("b", 12_000_000)]
    assert log.drain() == []


def test_recent_uses_of_very_many_keys_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    """Each is written with one that is hardly earlier."""
    monkeypatch.setattr(access_log, "MOST_RECENT", FEW + 10)
    log = AccessLog()
    log.due(100.0, limited=True)
    for number in range(FEW + 11):
        log.record(f"k{number}", 104.0, written=100_000_000)
    assert log.due(105.0, limited=True) == []
    assert len(log) == FEW + 11
    assert log.due(110.0, limited=True) == []
    assert len(log) == 0


def test_uses_are_handed_over_more_often_where_entries_stay_for_seconds():
    log = AccessLog()
    log.evicted_after = 8_000_000
    log.due(100.0, limited=True)
    for number in range(FEW + 1):
        log.record(f"k{number}", 103.0, written=101_100_000)
    assert log.due(103.0, limited=True) == []
    log.record("old", 104.0, written=102_000_000)
    assert log.due(104.0, limited=True) == [("old", 104_000_000)]
