"""Nobody waits for a load that does not end: whatever became of who led it, somebody else loads."""

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest

from tests.support.openers import Opener
from tests.support.processes import wait_until

pytestmark = pytest.mark.parametrize("opener", ["memory"], indirect=True)
SECONDS = 25  # what would be a hang is a failure then


@pytest.fixture
def cache(opener: Opener):
    return opener()


@pytest.fixture
def users(cache):
    """A namespace whose loads are known to be quick, so that nobody waits long for one."""
    found = cache.namespace("users")
    for number in range(8):
        found.get_or_load(f"quick{number}", int)
    return found


def within(function: Callable[[], object]) -> object:
    """Return what a function returns, called in a thread; fail if that takes too long."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(SECONDS)


def begin_and_leave(
    cache, end: Callable[[asyncio.AbstractEventLoop], None]
) -> Callable[[], object]:
    """Begin a load in an event loop, end that somehow, and return a call of the same key."""

    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        await asyncio.sleep(0.05 if again else SECONDS * 2)
        return "loaded"

    again: list[bool] = []
    loop = asyncio.new_event_loop()
    task = loop.create_task(load())
    assert not task.done()
    for _ in range(5):
        loop.run_until_complete(asyncio.sleep(0))
    end(loop)
    again.append(True)
    return lambda: asyncio.run(load())


def test_a_load_whose_loop_was_closed_is_taken_over(cache, users):
    call = begin_and_leave(cache, lambda loop: loop.close())
    assert within(call) == "loaded"
    assert users.get("k") == "loaded"


def test_a_loop_that_was_closed_under_its_loads_is_not_kept(cache, users):
    """Nobody may ever ask for those keys again."""

    @cache.cached("users")
    async def load(key: str) -> None:
        await asyncio.sleep(SECONDS * 2)

    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(load(key)) for key in ("a", "a", "b")]
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    closed = weakref.ref(loop)
    del loop, tasks
    gc.collect()
    assert closed() is None


def test_a_load_whose_loop_stopped_is_taken_over_by_a_thread(cache, users):
    kept: list[asyncio.AbstractEventLoop] = []
    begin_and_leave(cache, kept.append)
    assert within(lambda: users.get_or_load("k", lambda: "thread")) == "thread"
    kept[0].close()


def test_a_load_whose_loop_is_blocked_is_taken_over_in_time(cache, users):
    blocked, go_on = threading.Event(), threading.Event()

    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        blocked.set()
        go_on.wait(SECONDS)
        return "late"

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(asyncio.run, load())
        assert blocked.wait(SECONDS)
        assert within(lambda: users.get_or_load("k", lambda: "other")) == "other"
        go_on.set()
        assert leader.result(SECONDS) == "late"
    assert users.get("k") == "other"


def test_what_a_replaced_leader_brings_is_not_stored(users):
    go_on, began = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        go_on.wait(SECONDS)
        return "old"

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(users.get_or_load, "k", slow)
        assert began.wait(SECONDS)
        assert users.get_or_load("k", lambda: "new") == "new"
        go_on.set()
        assert leader.result(SECONDS) == "old"
    assert users.get("k") == "new"


@pytest.mark.parametrize("referenced", [True, False])
def test_a_load_is_not_collected_with_the_task_that_asked_for_it(cache, users, referenced):
    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        await asyncio.sleep(0.02)
        return "loaded"

    async def main() -> str:
        kept = [asyncio.get_running_loop().create_task(load())]
        await asyncio.sleep(0)
        if not referenced:
            kept.clear()
        gc.collect()
        return await asyncio.wait_for(load(), SECONDS)

    assert asyncio.run(main()) == "loaded"


def test_a_thread_that_python_did_not_start_and_that_ended_is_taken_over(users):
    """It was ended in the middle, as an extension in C can: only its flight is left."""
    import _thread

    left = threading.Lock()
    left.acquire()

    def lead() -> None:
        from cachectl._engine.singleflight.threads import ThreadLeader, ThreadWaiter

        users.state.flights.begin("k", ThreadLeader(), ThreadWaiter)
        left.release()

    _thread.start_new_thread(lead, ())
    assert left.acquire(timeout=SECONDS)
    assert within(lambda: users.get_or_load("k", lambda: "other")) == "other"


def test_a_load_that_a_fork_left_behind_is_begun_again_in_the_child(users):
    began, go_on = threading.Event(), threading.Event()

    def load() -> str:
        began.set()
        go_on.wait(SECONDS)
        return "parent"

    thread = threading.Thread(target=users.get_or_load, args=("k", load))
    thread.start()
    assert began.wait(SECONDS)
    child = os.fork()
    if not child:
        os._exit(users.get_or_load("k", lambda: "child") != "child")
    go_on.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_a_load_that_needs_itself_through_a_thread_of_a_pool_ends(users):
    with ThreadPoolExecutor(1) as pool:

        def load() -> str:
            return "outer " + pool.submit(users.get_or_load, "k", lambda: "inner").result(SECONDS)

        assert within(lambda: users.get_or_load("k", load)) == "outer inner"


def test_a_load_that_needs_itself_through_a_worker_of_a_queue_ends(users):
    asked: Queue[Queue[object] | None] = Queue()

    def work() -> None:
        while (answer := asked.get()) is not None:
            answer.put(users.get_or_load("k", lambda: "inner"))

    def load() -> str:
        answer: Queue[object] = Queue()
        asked.put(answer)
        return f"outer {answer.get(timeout=SECONDS)}"

    worker = threading.Thread(target=work)
    worker.start()
    assert within(lambda: users.get_or_load("k", load)) == "outer inner"
    asked.put(None)
    worker.join()


def test_an_async_load_that_needs_itself_through_a_thread_ends(cache, users):
    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        loop = asyncio.get_running_loop()
        inner = await loop.run_in_executor(None, users.get_or_load, "k", lambda: "inner")
        return f"outer {inner}"

    assert within(lambda: asyncio.run(load())) == "outer inner"


def test_an_async_load_that_needs_itself_through_another_task_is_noticed_at_once(cache, users):
    depth = 0

    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        nonlocal depth
        depth += 1
        if depth == 2:
            return "inner"
        return "outer " + await asyncio.create_task(load())

    async def main() -> str:
        return await asyncio.wait_for(load(), 0.9)  # far below any patience

    assert asyncio.run(main()) == "outer inner"


def test_tasks_whose_loads_cross_do_not_wait_for_each_other(cache, users):
    @cache.cached("users")
    async def load(own: str, other: str, depth: int) -> str:
        await asyncio.sleep(0.01)
        return own + (await load(other, own, 0) if depth else "")

    async def main() -> list[str]:
        both = load("a", "b", 1), load("b", "a", 1)
        return await asyncio.wait_for(asyncio.gather(*both), SECONDS)

    assert asyncio.run(main()) == ["ab", "ba"]


def test_a_loop_that_waits_for_a_thread_which_calls_into_that_loop_ends(cache, users):
    """The thread of an event loop never waits for a load: who leads may need that loop."""
    started = threading.Event()

    async def main() -> tuple[object, object]:
        loop = asyncio.get_running_loop()
        go_on = asyncio.Event()

        async def answer() -> str:
            await go_on.wait()
            return "from the loop"

        def lead() -> object:
            def load() -> str:
                started.set()
                return asyncio.run_coroutine_threadsafe(answer(), loop).result(SECONDS)

            return users.get_or_load("k", load)

        leader = loop.run_in_executor(None, lead)
        await asyncio.to_thread(started.wait, SECONDS)
        own = users.get_or_load("k", lambda: "alone")
        go_on.set()
        return own, await leader

    assert within(lambda: asyncio.run(main())) == ("alone", "from the loop")


def test_callers_that_give_up_early_leave_the_load_to_those_who_stay(cache, users):
    calls = 0

    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.2)
        return "loaded"

    async def impatient() -> object:
        try:
            return await asyncio.wait_for(load(), 0.02)
        except TimeoutError:
            return "gave up"

    async def main() -> list[object]:
        return await asyncio.gather(*(impatient() for _ in range(10)), load())

    assert asyncio.run(main()) == ["gave up"] * 10 + ["loaded"]
    assert calls == 1


def test_a_graph_of_loads_that_many_tasks_share_loads_each_once(cache, users):
    """Who waits for whom is followed along one line, never through all who wait."""
    calls = 0

    @cache.cached("users")
    async def load(level: int, number: int) -> int:
        nonlocal calls
        calls += 1
        if level == 0:
            await asyncio.sleep(0)
            return 1
        return sum(await asyncio.gather(*(load(level - 1, each) for each in range(50))))

    async def main() -> int:
        return await asyncio.wait_for(load(4, 0), SECONDS)

    assert asyncio.run(main()) == 50**4
    assert calls == 1 + 4 * 50


def test_an_exception_of_a_loader_is_freed_with_the_frames_that_it_holds(cache, users):
    class Large:
        pass

    held: list[weakref.ref[Large]] = []

    def failing() -> None:
        large = Large()
        held.append(weakref.ref(large))
        raise ZeroDivisionError

    @cache.cached("users", key=lambda: "async")
    async def failing_async() -> None:
        failing()

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await failing_async()

    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                users.get_or_load("k", failing)
        asyncio.run(main())
        wait_until(lambda: [reference() for reference in held] == [None] * 4)
    finally:
        gc.enable()


def test_a_change_by_set_many_reaches_a_load(users):
    def load() -> str:
        users.set_many({"k": "newer"})
        return "older"

    assert users.get_or_load("k", load) == "older"
    assert users.get("k") == "newer"


def test_time_that_a_loader_takes_is_its_own(users):
    """Only those who wait for another's load look at how long it takes."""

    def slow() -> str:
        time.sleep(1.5)
        return "slow"

    assert users.get_or_load("k", slow) == "slow"
    assert users.get("k") == "slow"
