"""Errors that are told once, and not once a call."""

from cachectl._metrics.troubles import Troubles
from cachectl.errors import BackendBusy, BackendRefused, BackendUnavailable
from cachectl.testing import Clock

FULL = BackendRefused("it is full", "full")
FOREIGN = BackendRefused("something else is there", "foreign")


def test_an_error_is_news_until_it_was_met_and_again_a_minute_after_it_was_last(clock: Clock):
    troubles = Troubles(clock)
    assert troubles.is_news(FULL, "a")
    for _ in range(100):
        clock.advance(59)
        assert not troubles.is_news(FULL, "a")
    clock.advance(60)
    assert troubles.is_news(FULL, "a")


def test_errors_that_take_turns_are_told_once_each(clock: Clock):
    troubles = Troubles(clock)
    told = [troubles.is_news(error, "a") for error in (FULL, FOREIGN) * 5]
    assert told == [True, True] + [False] * 8


def test_what_is_the_same_for_all_namespaces_is_told_for_the_first(clock: Clock):
    troubles = Troubles(clock)
    assert [troubles.is_news(FULL, name) for name in "ab"] == [True, False]
    assert [troubles.is_news(FOREIGN, name) for name in "ab"] == [True, True]


def test_what_was_refused_last_is_current_for_a_minute(clock: Clock):
    troubles = Troubles(clock)
    assert troubles.current() is None
    troubles.is_news(FULL, "a")
    began = clock()
    clock.advance(30)
    troubles.is_news(FULL, "b")
    assert troubles.current() == (began, "it is full", "full")
    clock.advance(59)
    assert troubles.current() == (began, "it is full", "full")
    clock.advance(1)
    assert troubles.current() is None


def test_an_outage_is_no_refusal_and_a_lock_that_is_waited_for_in_vain_is_one(clock: Clock):
    troubles = Troubles(clock)
    assert troubles.is_news(BackendUnavailable("gone"), "a")
    assert troubles.current() is None
    assert troubles.is_news(BackendBusy("locked"), "a")
    assert troubles.current() == (clock(), "locked", "busy")


def test_a_clock_that_is_set_back_tells_more_not_less(clock: Clock):
    troubles = Troubles(clock)
    troubles.is_news(FULL, "a")
    clock.advance(-10)
    assert troubles.current() is None
    assert troubles.is_news(FULL, "a")


def test_not_more_is_remembered_than_what_there_is_room_for(clock: Clock):
    troubles = Troubles(clock)
    for number in range(3000):
        troubles.is_news(BackendRefused(f"file {number}"), "a")
    assert len(troubles._met) == 1000
    assert not troubles.is_news(BackendRefused("file 2999"), "a")
