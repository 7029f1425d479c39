"""Files as tasks use them: commits that are shared, reads that leave the loop free."""

import asyncio
import gc
import os
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import Context
from functools import partial
from pathlib import Path

import pytest

from cachectl import MISSING, AsyncCache, AsyncNamespace
from cachectl._backends.file.async_store import FileTaskStore
from cachectl._backends.file.backend import FileBackend
from cachectl._backends.file.budget import PER_ITERATION, Budget
from cachectl.errors import BackendBusy
from tests.support.locked import locked
from tests.support.openers import settings
from tests.support.processes import wait_until

LARGE = "x" * 3_000_000
FAR = "x" * 400_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@contextmanager
def opened(directory: Path, **options: object) -> Iterator[AsyncCache]:
    yield AsyncCache.of(settings("file", file__directory=directory, **options), strict=True)


def run(directory: Path, body: Callable[[AsyncCache], Awaitable[None]], **options: object) -> None:
    """Run a coroutine with a cache that is closed in the end."""

    async def main() -> None:
        with opened(directory, **options) as cache:
            async with cache:
                await body(cache)

    asyncio.run(main())


def backend_of(cache: AsyncCache) -> FileBackend:
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    return backend


def begun(cache: AsyncCache) -> list[str]:
    """Return a list to which every statement that begins or ends a write is appended."""
    found: list[str] = []
    connection = backend_of(cache)._writer._connection
    assert connection is not None
    connection.sqlite.set_trace_callback(
        lambda statement: found.append(statement) if statement == "COMMIT" else None
    )
    return found


def test_tasks_that_write_at_once_share_commits(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "v")
        found = begun(cache)
        outcomes = await asyncio.gather(*(users.set(f"k{n}", n) for n in range(100)))
        assert all(outcomes)
        assert len(found) < 20
        assert [await users.get(f"k{n}") for n in range(100)] == list(range(100))
        assert (await cache.stats()).namespaces["users"].sets == 101

    run(directory, body)


def test_tasks_that_load_at_once_share_commits(directory: Path) -> None:
    """For their leases, and for what they loaded; one that was revoked keeps nobody else's back."""

    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "v")
        found = begun(cache)
        store = users.operations.store

        async def load(number: int) -> int:
            if number % 10 == 0:
                await store.remove([f"k{number}"])
            return number

        loads = (users.get_or_load(f"k{n}", partial(load, n)) for n in range(100))
        assert await asyncio.gather(*loads) == [*range(100)]
        assert len(found) < 50
        held = [await users.get(f"k{n}") for n in range(100)]
        assert held == [n if n % 10 else MISSING for n in range(100)]
        assert (await cache.stats()).namespaces["users"].sets == 91

    run(directory, body)


def test_a_limit_is_held_and_evictions_are_counted_once(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none", max_entries=10)
        await asyncio.gather(*(users.set(f"k{n}", n, tags=["t"]) for n in range(100)))
        figures = (await cache.stats()).namespaces["users"]
        assert (figures.entries, figures.evictions, figures.sets) == (10, 90, 100)
        assert (await users.invalidate(tag="t")).entries == 10

    run(directory, body)


def test_what_is_asked_for_is_done_in_that_order(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        results = await asyncio.gather(
            users.set("a", 1),
            users.set("b", 1, nx=True),
            users.set("b", 2, nx=True),
            users.delete("a"),
            users.set("a", 2),
            users.set("c", 1, tags=["t"]),
            users.invalidate(tag="t"),
            users.set("a", 3),
        )
        assert [bool(result) for result in results[:5]] == [True, True, False, True, True]
        assert await users.get("a") == 3
        assert await users.get("b") == 1
        assert await users.get("c") is MISSING

    run(directory, body)


def test_a_write_that_nobody_waits_for_any_more_is_done_before_later_ones(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "v")
        writes = [asyncio.ensure_future(users.set(f"k{n}", n)) for n in range(20)]
        await asyncio.sleep(0)
        for write in writes:
            write.cancel()
        assert await users.delete("k0")
        await asyncio.gather(*writes, return_exceptions=True)
        found = [await users.get(f"k{n}") for n in range(20)]
        assert found == [MISSING, *range(1, 20)]

    run(directory, body)


def test_a_write_that_fails_is_told_to_all_who_share_it(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "v")
        with locked(directory / "cache.db"):
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *(users.set(f"k{n}", n) for n in range(300)),
                users.delete("k"),
                users.clear(),
                return_exceptions=True,
            )
            assert time.monotonic() - began < 3
            assert {type(outcome) for outcome in outcomes} == {BackendBusy}
            assert await users.get("k") == "v"
        assert await users.set("k", "new")

    run(directory, body)


def test_the_loop_goes_on_beside_a_foreign_write(directory: Path) -> None:
    """Whoever waits for the write lets the others look up."""

    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "v")
        with locked(directory / "cache.db") as release:
            write = asyncio.ensure_future(users.set("k", "new"))
            for _ in range(200):
                assert await users.get("k") == "v"
                await asyncio.sleep(0)
            assert not write.done()
            release()
            assert await write
        assert await users.get("k") == "new"

    run(directory, body, file__timeout=60)


def test_a_lookup_that_finds_an_expired_entry_waits_for_no_write(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "v", ttl=0.001)
        await asyncio.sleep(0.002)
        with locked(directory / "cache.db") as release:
            write = asyncio.ensure_future(users.set("other", 1))
            for _ in range(3):
                assert await users.get("k") is MISSING
                await asyncio.sleep(0)
            assert not write.done()
            release()
            assert await write
        assert await users.get("k") is MISSING
        assert (await cache.stats()).namespaces["users"].expired == 1

    Context().run(run, directory, body, file__timeout=60)  # which has waited for nothing before


@pytest.mark.parametrize("value", ["short", FAR, LARGE])
def test_values_of_all_sizes_are_read_and_their_use_is_noted(directory: Path, value: str) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none", max_entries=2)
        await users.set("a", value)
        await users.set("b", value)
        assert await users.get("a") == value
        await users.set("c", value)
        assert await users.get("b") is MISSING
        assert await users.get("a") == value
        peeked = await users.peek("a")
        assert peeked is not None
        assert await users.get("absent") is MISSING

    run(directory, body)


def test_only_what_is_large_is_read_in_a_thread(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("near", "v")
        await users.set("far", FAR)
        for reader in backend_of(cache)._tasks._readers:  # type: ignore[union-attr]
            reader.close()
        before = threading.active_count()
        await users.get("near")
        assert threading.active_count() == before
        await users.get("far")
        assert threading.active_count() == before + 1

    run(directory, body)


def test_a_damaged_entry_is_a_miss_for_tasks_too(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        for number, value in enumerate(("NULL", "'text'", "x'00'", "7")):
            await users.set("k", "v")
            with closing(sqlite3.connect(directory / "cache.db")) as connection, connection:
                connection.execute(f"UPDATE entries SET value = {value}")
            assert await users.get("k") is MISSING
            assert (await cache.stats()).namespaces["users"].errors == number + 1

    run(directory, body)


def test_a_thousand_reads_leave_the_loop_to_others_in_between(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users", ttl="none")
        await users.set("k", "x" * 100_000)
        iterations = 0
        done = asyncio.gather(*(users.get("k") for _ in range(1000)))
        while not done.done():
            iterations += 1
            await asyncio.sleep(0)
        assert iterations > 10

    run(directory, body)


def test_who_finds_the_time_spent_waits_and_is_served_in_order() -> None:
    async def main() -> None:
        budget, order = Budget(), []

        async def read(number: int) -> None:
            if budget.is_spent:
                await budget.turn()
            order.append(number)
            budget.spend(PER_ITERATION / 3, time.perf_counter())

        tasks = [asyncio.ensure_future(read(number)) for number in range(20)]
        await asyncio.sleep(0)
        assert order == [0, 1, 2]
        tasks[3].cancel()
        with suppress(asyncio.CancelledError):
            await tasks[3]
        assert len(order) < 10
        await asyncio.gather(*tasks[4:])
        assert order == [*range(3), *range(4, 20)]

    asyncio.run(main())


def test_after_a_slow_read_threads_read_for_a_while() -> None:
    async def main() -> None:
        budget = Budget()
        budget.spend(0.0001, 10.0)
        assert budget.allows(10.0)
        budget.spend(0.01, 11.0)
        assert not budget.allows(11.5)
        assert budget.allows(12.0)

    asyncio.run(main())


def test_loops_that_come_and_go_leave_nothing_open(directory: Path) -> None:
    """Each with its own cache, and all with one."""

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def use(users: AsyncNamespace) -> None:
        await asyncio.gather(*(users.set(f"k{n}", n) for n in range(5)))
        assert await users.get("k1") == 1

    async def own() -> None:
        with opened(directory) as cache:
            async with cache:
                await use(cache.namespace("users", ttl="none"))

    asyncio.run(own())
    gc.collect()
    threads, before = threading.active_count(), descriptors()
    for _ in range(10):
        asyncio.run(own())
    with opened(directory) as cache:
        users = cache.namespace("users", ttl="none")
        for _ in range(50):
            asyncio.run(use(users))
        tasks = backend_of(cache)._tasks
        assert tasks is not None
        assert len(tasks._budgets) <= 1
        asyncio.run(cache.close())
    wait_until(lambda: gc.collect() >= 0 and threading.active_count() <= threads)
    assert descriptors() <= before


def test_a_cache_that_is_closed_has_written_what_was_asked_for(directory: Path) -> None:
    async def main() -> None:
        with opened(directory) as cache:
            users = cache.namespace("users", ttl="none")
            await users.set("k", "v")
            for number in range(200):
                asyncio.ensure_future(users.set(f"k{number}", number))  # noqa: RUF006
            await asyncio.sleep(0)
            await cache.close()

    asyncio.run(main())

    async def body(cache: AsyncCache) -> None:
        users = cache.namespace("users")
        assert [await users.get(f"k{n}") for n in range(200)] == list(range(200))

    run(directory, body)


def test_both_sides_of_a_fork_write_with_threads_of_their_own(directory: Path) -> None:
    async def write(users: AsyncNamespace, side: str) -> None:
        await asyncio.gather(*(users.set(f"{side}{n}", n) for n in range(50)))
        assert await users.get(f"{side}1") == 1

    with opened(directory) as cache:
        users = cache.namespace("users", ttl="none")
        asyncio.run(write(users, "before"))
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                asyncio.run(write(users, "child"))
                os._exit(0)
            os._exit(1)
        asyncio.run(write(users, "parent"))
        assert os.waitpid(child, 0)[1] == 0
        asyncio.run(write(users, "after"))
        assert asyncio.run(cache.usage())["users"].entries == 200
        asyncio.run(cache.close())


def test_the_executor_of_the_loop_is_not_used(directory: Path) -> None:
    async def body(cache: AsyncCache) -> None:
        loop = asyncio.get_running_loop()
        users = cache.namespace("users", ttl="none")
        await users.set("k", LARGE)
        await users.get("k")
        await users.clear()
        assert loop._default_executor is None  # type: ignore[attr-defined]
        store = backend_of(cache).store_for_tasks("users")
        assert isinstance(store, FileTaskStore)

    run(directory, body)
