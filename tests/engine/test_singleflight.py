"""One load for all who want a key at the same time, and no deadlock whatever loads do."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from cachectl import AsyncCache
from cachectl._engine.options import LoadOptions
from cachectl._engine.singleflight.flights import Flights
from cachectl._model.coroutines import run
from tests.support.openers import Opener
from tests.support.processes import wait_until

pytestmark = pytest.mark.parametrize("opener", ["memory"], indirect=True)
SECONDS = 20  # what would be a deadlock is a failure then


@pytest.fixture
def cache(opener: Opener):
    return opener()


@pytest.fixture
def users(cache):
    return cache.namespace("users")


@pytest.fixture
def no_collections() -> Iterator[None]:
    """Let only references decide what is freed."""
    gc.disable()
    yield
    gc.enable()


def together(*calls: Callable[[], object]) -> list[object]:
    """Call all at the same time, each in a thread, and return what they return or raise."""
    with ThreadPoolExecutor(len(calls)) as pool:
        start = threading.Barrier(len(calls))

        def call(function: Callable[[], object]) -> object:
            start.wait(SECONDS)
            return function()

        futures = [pool.submit(call, function) for function in calls]
        return [future.exception(SECONDS) or future.result() for future in futures]


class Loader:
    """Counts its calls, and waits until it is let go on."""

    def __init__(self, result: object = "loaded") -> None:
        self.calls = 0
        self.started = threading.Event()
        self.go_on = threading.Event()
        self._result = result

    def __call__(self) -> object:
        self.calls += 1
        self.started.set()
        assert self.go_on.wait(SECONDS)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def waiters(users, key: str) -> int:
    flight = users.state.flights.led(key)
    return 0 if flight is None else len(flight.waiters)


def test_fifty_threads_share_one_load(users):
    loader = Loader()

    def let_go() -> str:
        assert loader.started.wait(SECONDS)
        wait_until(lambda: waiters(users, "k") == 49)
        loader.go_on.set()
        return "loaded"

    found = together(*[lambda: users.get_or_load("k", loader)] * 50, let_go)
    assert found == ["loaded"] * 51
    assert loader.calls == 1


def test_fifty_tasks_share_one_load(cache):
    calls = 0

    @cache.cached("users")
    async def load(key: str) -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return key * 2

    async def main() -> list[str]:
        return await asyncio.gather(*(load("k") for _ in range(50)))

    assert asyncio.run(main()) == ["kk"] * 50
    assert calls == 1


def test_threads_and_tasks_share_one_load(cache, users):
    loader = Loader()

    @cache.cached("users", key=lambda: "k")
    async def load() -> object:
        return loader()

    async def main() -> list[object]:
        threads = [asyncio.to_thread(users.get_or_load, "k", loader) for _ in range(10)]
        first = asyncio.ensure_future(threads[0])
        await asyncio.to_thread(loader.started.wait, SECONDS)
        tasks = [first, *threads[1:], *(load() for _ in range(10))]
        asyncio.get_running_loop().call_later(0.1, loader.go_on.set)
        return await asyncio.wait_for(asyncio.gather(*tasks), SECONDS)

    assert asyncio.run(main()) == ["loaded"] * 20
    assert loader.calls == 1


def test_two_event_loops_share_one_load(cache):
    loader = Loader()

    @cache.cached("users", key=lambda: "k")
    async def load() -> object:
        return await asyncio.to_thread(loader)

    def let_go() -> str:
        loader.started.wait(SECONDS)
        loader.go_on.set()
        return "loaded"

    found = together(*[lambda: asyncio.run(load())] * 2, let_go)
    assert found == ["loaded"] * 3
    assert loader.calls == 1


def test_an_exception_reaches_all_and_is_not_cached(users):
    loader = Loader(ZeroDivisionError("of the loader"))

    def let_go() -> None:
        assert loader.started.wait(SECONDS)
        wait_until(lambda: waiters(users, "k") == 4)
        loader.go_on.set()

    *raised, _ = together(*[lambda: users.get_or_load("k", loader)] * 5, let_go)
    assert [type(error) for error in raised] == [ZeroDivisionError] * 5
    assert loader.calls == 1
    assert users.get_or_load("k", lambda: "second try") == "second try"


def test_all_who_wait_get_a_value_that_cannot_be_stored(users):
    loader = Loader({1, 2})

    def let_go() -> None:
        assert loader.started.wait(SECONDS)
        wait_until(lambda: waiters(users, "k") == 4)
        loader.go_on.set()

    *found, _ = together(*[lambda: users.get_or_load("k", loader)] * 5, let_go)
    assert found == [{1, 2}] * 5
    assert loader.calls == 1
    assert users.stats().errors == 1
    assert users.get_or_load("k", lambda: [1, 2]) == [1, 2]


def test_those_who_wait_count_as_one_miss_and_as_shared_loads_that_save(users):
    loader = Loader()

    def let_go() -> None:
        assert loader.started.wait(SECONDS)
        assert users.stats().misses == 1
        wait_until(lambda: waiters(users, "k") == 7)
        loader.go_on.set()

    together(*[lambda: users.get_or_load("k", loader, cost=0.5)] * 8, let_go)
    figures, entry = users.stats(), users.peek("k")
    assert (figures.hits, figures.misses, figures.shared) == (0, 1, 7)
    assert figures.saved_cost == 3.5
    assert figures.saved_seconds == pytest.approx(7 * entry.load_us / 1e6)
    assert figures.hit_rate == 0


def test_those_who_wait_for_a_load_that_fails_save_nothing(users):
    loader = Loader(ZeroDivisionError())

    def let_go() -> None:
        assert loader.started.wait(SECONDS)
        wait_until(lambda: waiters(users, "k") == 3)
        loader.go_on.set()

    together(*[lambda: users.get_or_load("k", loader)] * 4, let_go)
    figures = users.stats()
    assert (figures.misses, figures.shared, figures.saved_seconds) == (4, 0, 0)


def test_who_comes_too_late_for_a_load_and_finds_its_value_shares_it(users):
    late = users.state.flights.completed
    users.get_or_load("k", lambda: 1, cost=0.5)
    options = LoadOptions()
    assert run(users.operations.load("k", dict, options, late, bypass=False)) == 1
    figures = users.stats()
    assert (figures.misses, figures.shared, figures.saved_cost) == (1, 1, 0.5)


def test_tasks_that_wait_are_counted_as_threads_are(cache):
    async def main() -> None:
        async with AsyncCache.of(cache._core.settings) as tasks:
            users = tasks.namespace("users")

            async def load() -> str:
                await asyncio.sleep(0)
                return "loaded"

            @tasks.cached("others")
            async def decorated() -> str:
                return await load()

            await asyncio.gather(*(users.get_or_load("k", load, cost=0.5) for _ in range(8)))
            await asyncio.gather(*(decorated() for _ in range(8)))
            for name in ("users", "others"):
                figures = await tasks.namespace(name).stats()
                assert (figures.hits, figures.misses, figures.shared) == (0, 1, 7)
            assert (await users.stats()).saved_cost == 3.5

    asyncio.run(main())


@pytest.mark.parametrize("operation", ["invalidate", "clear"])
def test_what_is_removed_everywhere_is_not_stored_by_a_load_under_way(cache, users, operation):
    def load() -> str:
        cache.invalidate(tag="t") if operation == "invalidate" else cache.clear()
        return "stale"

    assert users.get_or_load("k", load, tags=["t"]) == "stale"
    assert not users.has("k")


def test_none_is_loaded_once(users):
    calls: list[None] = []
    for _ in range(3):
        assert users.get_or_load("k", lambda: calls.append(None)) is None
    assert len(calls) == 1


def test_bypass_loads_anew_and_replaces_what_is_cached(users):
    users.set("k", "old")
    assert users.get_or_load("k", lambda: "new", bypass=True) == "new"
    assert users.get("k") == "new"


@pytest.mark.parametrize("change", ["delete", "invalidate", "clear"])
def test_who_asks_after_a_removal_does_not_share_a_load_that_began_before(users, change):
    loader = Loader("old")

    def remove_and_ask() -> None:
        assert loader.started.wait(SECONDS)
        {
            "delete": lambda: users.delete("k"),
            "invalidate": lambda: users.invalidate(tag="t"),
            "clear": users.clear,
        }[change]()
        found.append(users.get_or_load("k", lambda: "new"))

    def let_go() -> None:
        wait_until(lambda: waiters(users, "k") == 1 or bool(found))
        loader.go_on.set()

    found: list[object] = []
    together(lambda: users.get_or_load("k", loader), remove_and_ask, let_go)
    assert found == ["new"]
    assert users.get("k") == "new"


def test_a_load_may_ask_for_its_own_key(users):
    def load(depth: int) -> int:
        return depth if depth == 3 else users.get_or_load("k", lambda: load(depth + 1))

    assert together(lambda: users.get_or_load("k", lambda: load(0))) == [3]


def test_a_circle_of_loads_ends(cache):
    users, images = cache.namespace("users"), cache.namespace("images")
    depth = 0

    def load_user() -> object:
        nonlocal depth
        depth += 1
        return "end" if depth > 3 else images.get_or_load("b", load_image)

    def load_image() -> object:
        return users.get_or_load("a", load_user)

    assert together(lambda: users.get_or_load("a", load_user)) == ["end"]


def test_a_circle_of_async_loads_ends(cache):
    depth = 0

    @cache.cached("users")
    async def user() -> object:
        nonlocal depth
        depth += 1
        return "end" if depth > 3 else await image()

    @cache.cached("images")
    async def image() -> object:
        return (await asyncio.gather(user()))[0]

    async def main() -> object:
        return await asyncio.wait_for(user(), SECONDS)

    assert asyncio.run(main()) == "end"


def test_threads_whose_loads_cross_do_not_wait_for_each_other(users):
    meet = threading.Barrier(2)

    def load(own: str, other: str) -> Callable[[], str]:
        def loader() -> str:
            meet.wait(SECONDS)
            return own + users.get_or_load(other, lambda: "?")

        return loader

    one, two = together(
        lambda: users.get_or_load("a", load("a", "b")),
        lambda: users.get_or_load("b", load("b", "a")),
    )
    assert str(one)[0] + str(two)[0] == "ab"


def test_a_sync_lookup_does_not_wait_for_a_task_of_its_own_event_loop(cache, users):
    @cache.cached("users", key=lambda: "k")
    async def load() -> str:
        started.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        return "task"

    async def main() -> tuple[str, str]:
        task = asyncio.ensure_future(load())
        await started.wait()
        return users.get_or_load("k", lambda: "sync"), await task

    started = asyncio.Event()
    assert together(lambda: asyncio.run(main())) == [("sync", "task")]


def test_a_load_outlives_the_task_that_began_it_as_long_as_others_wait(cache):
    calls = 0

    @cache.cached("users")
    async def load() -> int:
        nonlocal calls
        calls += 1
        started.set()
        await go_on.wait()
        return calls

    async def main() -> list[int]:
        leader = asyncio.ensure_future(load())
        await started.wait()
        others = [asyncio.ensure_future(load()) for _ in range(5)]
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.wait((leader,))
        go_on.set()
        assert leader.cancelled()
        return await asyncio.wait_for(asyncio.gather(*others), SECONDS)

    started, go_on = asyncio.Event(), asyncio.Event()
    assert asyncio.run(main()) == [1] * 5


def test_a_load_for_which_nobody_waits_any_more_is_cancelled(cache):
    @cache.cached("users")
    async def load() -> None:
        started.set()
        try:
            await asyncio.sleep(SECONDS)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def main() -> None:
        tasks = [asyncio.ensure_future(load()) for _ in range(3)]
        await started.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait_for(cancelled.wait(), SECONDS)

    started, cancelled = asyncio.Event(), asyncio.Event()
    asyncio.run(main())
    assert cancelled.is_set()


def test_a_waiter_that_gives_up_stops_nobody(cache):
    @cache.cached("users")
    async def load() -> str:
        started.set()
        await asyncio.sleep(0.05)
        return "loaded"

    async def main() -> list[str]:
        tasks = [asyncio.ensure_future(load()) for _ in range(3)]
        await started.wait()
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        return [await tasks[0], await tasks[2]]

    started = asyncio.Event()
    assert asyncio.run(main()) == ["loaded"] * 2


def test_what_the_context_of_a_call_holds_is_freed_when_that_ends(cache, no_collections):
    class Request:
        """What an application notes in its context."""

    request: ContextVar[Request] = ContextVar("request")

    @cache.cached("users")
    async def load() -> str:
        return "loaded"

    async def answer() -> weakref.ref[Request]:
        answered = Request()
        request.set(answered)
        await load()
        return weakref.ref(answered)

    async def main() -> Request | None:
        answered = await asyncio.create_task(answer())
        await asyncio.sleep(0)  # the task of the load ends
        return answered()

    assert asyncio.run(main()) is None


def test_nothing_is_left_behind(cache, users):
    with pytest.raises(ZeroDivisionError):
        users.get_or_load("k", lambda: 1 // 0)
    users.get_or_load("k", lambda: users.get_or_load("j", lambda: 1))
    assert isinstance(users.state.flights, Flights)
    assert not users.state.flights._flights
