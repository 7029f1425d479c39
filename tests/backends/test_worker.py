"""The thread for what would block an event loop."""

import asyncio
import threading
from itertools import count

import pytest

from cachectl._backends.worker import Worker
from tests.support.processes import run

FORK = """
import signal
from cachectl._backends.worker import Worker

class Name(str):
    def __str__(self):  # asked for in the middle of the start of a thread
        if threading.current_thread() is first:
            begun.set()
            go_on.wait()
        return "worker"

worker, begun, go_on = Worker(Name("worker")), threading.Event(), threading.Event()
first = threading.Thread(target=worker.submit, args=[int])
first.start()
begun.wait()
child = os.fork()
if not child:
    signal.alarm(10)
    done = threading.Event()
    worker.submit(done.set)
    done.wait()
    os._exit(0)
go_on.set()
print(os.waitpid(child, 0)[1])
"""


def test_a_child_that_is_forked_while_another_thread_starts_it_has_one_of_its_own():
    assert run(FORK, {}) == 0


async def answers(of: int) -> tuple[list[int], int]:
    """Return what is told to so many tasks that ask while the first is being answered, and to one that
    asks later.
    """
    worker, numbers, begun, go_on = Worker("worker"), count(1), threading.Event(), threading.Event()

    def number() -> int:
        begun.set()
        go_on.wait()
        return next(numbers)

    first = asyncio.create_task(worker.share("number", number))
    await asyncio.to_thread(begun.wait)
    others = [asyncio.create_task(worker.share("number", number)) for _ in range(of)]
    await asyncio.sleep(0)  # all of them have asked
    go_on.set()
    told = [await first, *await asyncio.gather(*others)]
    return told, await worker.share("number", number)


def test_who_asks_while_it_is_answered_shares_the_next_answer():
    """Not this one, which may have been found before he asked."""
    assert asyncio.run(answers(10)) == ([1, *[2] * 10], 3)


def test_an_error_is_told_to_all_who_share_it():
    async def ask() -> list[object]:
        worker = Worker("worker")
        asked = [worker.share("what", lambda: 1 // 0) for _ in range(3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    with pytest.raises(ZeroDivisionError):
        raise asyncio.run(ask())[2]  # type: ignore[misc]
