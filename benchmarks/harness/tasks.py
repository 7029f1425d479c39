"""Measuring what tasks do. Both sides use one event loop by turns."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

from benchmarks.harness.measure import repeated
from benchmarks.harness.registry import Sample

Async = Callable[[str], Awaitable[object]]


def awaited(
    loop: asyncio.Runner, work: Callable[[], Awaitable[object]], operations: int = 1
) -> Sample:
    """Return a sample of `work`, which does so many operations and can be repeated."""

    async def timed(calls: int) -> float:
        started = perf_counter()
        for _ in range(calls):
            await work()
        return perf_counter() - started

    return repeated(lambda calls: loop.run(timed(calls)), operations)


def each_awaited(loop: asyncio.Runner, function: Async, keys: Sequence[str]) -> Sample:
    """Return a sample of a task that awaits `function` with one key after the other."""

    async def work() -> None:
        for key in keys:
            await function(key)

    return awaited(loop, work, len(keys))


def each_called(
    loop: asyncio.Runner, function: Callable[[str], object], keys: Sequence[str]
) -> Sample:
    """Return a sample of a task that calls `function`, which is not awaited."""

    async def work() -> None:
        for key in keys:
            function(key)

    return awaited(loop, work, len(keys))


def at_once(loop: asyncio.Runner, function: Async, keys: Sequence[str], tasks: int) -> Sample:
    """Return a sample of so many tasks that share the keys, each awaiting one after the other."""

    async def work() -> None:
        await asyncio.gather(*(use(share) for share in _shares(keys, tasks)))

    async def use(share: Sequence[str]) -> None:
        for key in share:
            await function(key)

    return awaited(loop, work, len(keys))


def longest_held(loop: asyncio.Runner, function: Async, keys: Sequence[str], tasks: int) -> Sample:
    """Return a sample of the longest time for which nobody else had a turn in the loop while so
    many tasks await `function` again and again, for ten times as long as a sample is otherwise.
    """

    async def work(seconds: float) -> float:
        end = perf_counter() + 10 * seconds
        users = asyncio.gather(*(use(share, end) for share in _shares(keys, tasks)))
        longest = await _longest_turn(users)
        await users
        return longest

    async def use(share: Sequence[str], end: float) -> None:
        while perf_counter() < end:
            for key in share:
                await function(key)

    return lambda seconds: loop.run(work(seconds))


async def _longest_turn(users: "asyncio.Future[list[None]]") -> float:
    """Return the longest time between two iterations of the loop until all users are done."""
    longest, last = 0.0, perf_counter()
    while not users.done():
        await asyncio.sleep(0)
        now = perf_counter()
        longest, last = max(longest, now - last), now
    return longest


def _shares(keys: Sequence[str], tasks: int) -> list[Sequence[str]]:
    return [keys[number::tasks] for number in range(tasks)]
