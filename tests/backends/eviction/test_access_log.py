"""Uses that wait to be written: all of them, as far as memory allows."""

import pytest

from cachectl._backends.eviction import access_log
from cachectl._backends.eviction.access_log import AccessLog


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
