"""What is true of `AsyncCache` beside what both engines are proved to do: it leaves the loop alone."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from cachectl import MISSING, AsyncCache, AsyncNamespace, UsageError
from tests.support.openers import Opener
from tests.support.processes import wait_until

SECONDS = 30


class NobodysExecutor(ThreadPoolExecutor):
    """The default executor of an application that wants it for itself."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        raise AssertionError("the default executor was used")


@pytest.fixture
def open_async(opener: Opener) -> Callable[[], AsyncCache]:
    """Opens caches for tasks on the backend of a test."""
    settings = opener()._core.settings
    return lambda: AsyncCache.of(settings)


async def use_everything(cache: AsyncCache) -> None:
    users = cache.namespace("users", max_entries=100)

    @cache.cached("users")
    async def decorated(number: int) -> int:
        return number

    async def load() -> str:
        return "loaded"

    assert await users.set("k", "v", tags=["t"])
    assert await users.set_many({"large": b"x" * 400_000, "huge": b"x" * 2_000_000})
    assert await users.get("k") == "v"
    huge: Any = await users.get("huge")
    assert len(huge) == 2_000_000
    assert await users.get("absent") is MISSING
    assert await users.get_or_load("l", load) == "loaded"
    assert await decorated(3) == await decorated(3) == 3
    assert await users.has("k")
    assert {info.key async for info in users.entries("t")} == {"k"}
    assert await users.delete("k")
    await users.invalidate(tag="t")
    assert (await users.stats()).hits >= 2
    await cache.cleanup()
    await users.clear()
    await cache.status()
    await cache.flush()
    await cache.close()


def test_the_default_executor_is_never_used(open_async):
    async def main() -> None:
        executor = NobodysExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        await use_everything(open_async())

    asyncio.run(main())


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_memory_needs_no_thread(open_async):
    async def main() -> None:
        cache = open_async()
        users = cache.namespace("users")
        before = set(threading.enumerate())
        await users.set("k", 1)
        assert await users.get("k") == 1
        assert await users.get_or_load("l", int) == 0
        await users.clear()
        assert set(threading.enumerate()) == before
        await cache.close()

    asyncio.run(main())


def test_a_cache_that_was_closed_has_no_threads_and_refuses_in_words(open_async):
    async def main() -> None:
        before = set(threading.enumerate())
        cache = open_async()
        users = cache.namespace("users")
        await users.set("k", 1)
        await cache.stats()
        await cache.close()
        await cache.close()
        for operation in (users.get("k"), users.set("k", 1), users.stats(), cache.stats()):
            with pytest.raises(UsageError, match="this cache was closed"):
                await operation
        wait_until(lambda: set(threading.enumerate()) <= before)

    asyncio.run(main())


def test_tasks_of_two_loops_share_one_cache(open_async):
    cache = open_async()
    users = cache.namespace("users")
    calls: list[str] = []
    both = threading.Barrier(2)

    async def work() -> list[object]:
        async def load() -> str:
            calls.append("load")
            await asyncio.sleep(0.2)
            return "loaded"

        both.wait(SECONDS)
        return await asyncio.gather(*(users.get_or_load("k", load) for _ in range(20)))

    with ThreadPoolExecutor(2) as pool:
        loops = [pool.submit(asyncio.run, work()) for _ in range(2)]
        assert [loop.result(SECONDS) for loop in loops] == [["loaded"] * 20] * 2
    assert calls == ["load"]
    asyncio.run(cache.close())


async def cancelled(users: AsyncNamespace, random: Random) -> tuple[int, int]:
    """Write and read with cancellations at any moment; return how many lookups, and how many wrong."""
    lookups = wrong = 0

    async def work(number: int) -> None:
        nonlocal lookups, wrong
        key = f"k{number % 20}"
        await users.set(key, f"value of {key}")
        lookups += 1
        found = await users.get(key)
        wrong += found not in {f"value of {key}", MISSING}

    for _ in range(30):
        tasks = [asyncio.ensure_future(work(number)) for number in range(40)]
        for task in random.sample(tasks, 20):
            for _ in range(random.randrange(3)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait(tasks)
    return lookups, wrong


def test_cancellations_at_any_moment_hand_nobody_what_is_anothers(open_async):
    async def main() -> tuple[int, int]:
        async with open_async() as cache:
            found = await cancelled(cache.namespace("users"), Random(7))
            assert await cache.namespace("users").set("after", 1)
            assert await cache.namespace("users").get("after") == 1
            return found

    lookups, wrong = asyncio.run(main())
    assert lookups > 0
    assert wrong == 0


def test_a_plain_cache_decorates_async_functions_without_the_default_executor(opener: Opener):
    cache = opener(strict=False)

    @cache.cached("users")
    async def double(number: int) -> int:
        return 2 * number

    async def main() -> list[int]:
        asyncio.get_running_loop().set_default_executor(NobodysExecutor(1))
        return [await double(4), await double(4), await double.refresh(4)]

    assert asyncio.run(main()) == [8, 8, 8]
    assert cache.stats().namespaces["users"].hits == 1


def test_without_an_event_loop_of_asyncio_it_says_so(open_async: Callable[[], AsyncCache]):
    """As under trio; memory waits for nothing, and needs one only for loads."""
    users = open_async().namespace("users")
    calls: list[Coroutine[Any, Any, Any]] = [users.get_or_load("k", int)]
    if not users.state.live:
        calls += [users.get("k"), users.set("k", 1), users.delete("k")]
    for call in calls:
        with pytest.raises(UsageError, match=r"no event loop of asyncio runs here.*use a Cache"):
            call.send(None)
