"""By when a call gives up."""

import asyncio
from contextvars import Context
from time import monotonic

import pytest

from cachectl._model.deadline import (
    call_began,
    deadline,
    note_in_vain,
    note_wait,
    noted,
    one_call,
    outside,
    spent,
    wait_anew,
    within,
)

ABOUT = 0.04


def left(seconds: float) -> float:
    return deadline(seconds) - monotonic()


@pytest.fixture(autouse=True)
def context(request):
    """Each test as in a thread of its own."""
    function = request.function
    request.node.obj = lambda **given: Context().run(function, **given)


def test_who_is_in_no_call_has_the_whole_time():
    assert left(1.0) == pytest.approx(1.0, abs=ABOUT)
    assert spent() == 0.0


def test_a_part_of_a_call_has_what_the_call_has_left():
    with one_call(monotonic() - 0.6):
        assert left(1.0) == pytest.approx(0.4, abs=ABOUT)
        assert call_began() == pytest.approx(monotonic() - 0.6, abs=ABOUT)
    assert left(1.0) == pytest.approx(1.0, abs=ABOUT)


def test_the_last_part_has_a_little_time_whatever_the_others_took():
    with one_call(monotonic() - 60):
        assert left(1.0) == pytest.approx(0.1, abs=ABOUT)
        assert left(0.0) <= 0.0


def test_a_thread_does_its_part_of_a_call():
    assert within(monotonic() - 0.6, left, 1.0) == pytest.approx(0.4, abs=ABOUT)
    with one_call(monotonic() - 0.6):
        assert outside(left, 1.0) == pytest.approx(1.0, abs=ABOUT)


def test_what_was_waited_just_now_is_known():
    note_wait(monotonic() - 0.6)
    assert spent() == pytest.approx(0.6, abs=ABOUT)


def test_one_who_waited_in_vain_waits_little_for_a_second():
    note_in_vain()
    assert left(1.0) == pytest.approx(0.1, abs=ABOUT)
    wait_anew()
    assert left(1.0) == pytest.approx(1.0, abs=ABOUT)


def test_a_coroutine_that_is_dropped_in_a_call_ends_quietly():
    """It is closed wherever it is collected, which is not where it began."""

    async def call() -> None:
        with one_call(monotonic()):
            await noted(asyncio.get_running_loop().create_future(), monotonic())

    async def begin() -> None:
        coroutine = call()
        Context().run(coroutine.send, None)
        coroutine.close()

    asyncio.run(begin())
    assert spent() == 0.0
