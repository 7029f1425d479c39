"""Interrupts that wait for the end of a step."""

import threading

import pytest

from cachectl._model.interrupts import interrupt, unbroken


class Ended(BaseException):
    """What a handler of a signal raises."""


def end() -> None:
    raise Ended


def test_outside_of_a_step_it_ends_at_once():
    with pytest.raises(Ended):
        interrupt(end)


def test_in_a_step_it_ends_with_the_outermost():
    done: list[str] = []

    def step() -> None:
        with unbroken():
            with unbroken():
                interrupt(end)
                done.append("inner")
            done.append("outer")

    with pytest.raises(Ended):
        step()
    assert done == ["inner", "outer"]
    with unbroken():
        pass


def test_who_is_asked_twice_does_not_wait():
    done: list[str] = []

    def step() -> None:
        with unbroken():
            interrupt(end)
            interrupt(end)
            done.append("never")

    with pytest.raises(Ended):
        step()
    assert not done
    with unbroken():
        pass


def test_a_step_that_fails_ends_the_program_all_the_same():
    def step() -> None:
        with unbroken():
            interrupt(end)
            raise ValueError

    with pytest.raises(Ended) as ended:
        step()
    assert isinstance(ended.value.__context__, ValueError)


def test_the_steps_of_other_threads_are_not_waited_for():
    inside, done = threading.Event(), threading.Event()

    def step() -> None:
        with unbroken():
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=step)
    thread.start()
    inside.wait(30)
    with pytest.raises(Ended):
        interrupt(end)
    done.set()
    thread.join()
