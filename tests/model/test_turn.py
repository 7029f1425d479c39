"""The lock with an end."""

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context
from itertools import count
from time import monotonic
from types import FrameType

import pytest

from cachectl._backends.sqlite import Patience
from cachectl._model import turn as module
from cachectl._model.deadline import note_wait, spent
from cachectl._model.turn import CallLock, Turn
from cachectl.errors import BackendBusy


@contextmanager
def held_elsewhere(turn: Turn) -> Iterator[None]:
    """Let another thread hold it."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with turn:
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def is_free(turn: Turn) -> bool:
    """Whether another thread gets it at once."""

    def take() -> bool:
        taken = turn.hold()
        if taken:
            turn.release()
        return taken

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(take).result()


@pytest.mark.parametrize("kind", [Turn, CallLock])
def test_waiting_has_an_end(kind):
    turn = kind("the cache")
    with held_elsewhere(turn), pytest.raises(BackendBusy) as caught:
        turn.acquire(Patience(0.01))
    assert str(caught.value) == "the cache: other threads have been using it for too long"
    turn.acquire(Patience(0.01))
    turn.release()


@pytest.mark.parametrize("kind", [Turn, CallLock])
def test_who_has_it_already_is_refused_at_once(kind):
    turn = kind("the cache")
    with turn, pytest.raises(BackendBusy) as caught:
        turn.acquire(Patience(3600))
    assert str(caught.value) == "the cache: in use by the code that this call interrupted"
    assert is_free(turn)


def test_a_call_may_take_it_again_within_itself():
    lock = CallLock("the cache")
    lock.acquire()
    with lock:
        pass
    assert not is_free(lock)
    lock.release()
    assert is_free(lock)


@pytest.mark.parametrize("kind", [Turn, CallLock])
def test_one_that_is_had_at_once_hides_no_wait_before_it(kind):
    def call() -> float:
        note_wait(monotonic() - 0.6)
        with kind("the cache"):
            return spent()

    assert Context().run(call) >= 0.6


class Interrupted(BaseException):
    """What a signal handler raises."""


@pytest.mark.parametrize("kind", [Turn, CallLock])
def test_whatever_interrupts_it_it_is_given_back(kind):
    """At each function that it calls, before that begins and when it returns."""
    turn, interrupted = kind("the cache"), 0
    for number in range(1, 20):
        calls = count(1)

        def watch(frame: FrameType, event: str, _: object, calls=calls, number=number) -> None:
            ours = frame.f_code.co_filename == module.__file__
            if ours and event in {"call", "c_return"} and next(calls) == number:
                sys.setprofile(None)
                raise Interrupted

        sys.setprofile(watch)
        try:
            with turn:
                pass
        except Interrupted:
            interrupted += 1
        finally:
            sys.setprofile(None)
        assert is_free(turn), number
    assert interrupted >= 3


@pytest.mark.parametrize("mine", [False, True])
def test_a_fork_leaves_it_to_who_has_it(mine):
    """Nobody else does then; the code that the fork interrupts, in both processes."""
    turn = Turn("the cache")
    if mine:
        turn.acquire()
    assert turn.hold()
    child = os.fork()
    if child == 0:
        turn.after_fork_in_child()
        right = is_free(turn) is not mine
        if mine:
            turn.release()
        os._exit(0 if right and is_free(turn) else 1)
    turn.release()
    assert is_free(turn) is not mine
    if mine:
        turn.release()
    assert is_free(turn)
    assert os.waitpid(child, 0)[1] == 0
