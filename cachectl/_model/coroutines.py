"""Driving coroutines without an event loop.

Operations are written once, as coroutines. Under asyncio they are awaited. For threads they run on
stores that never suspend, so that one `send` takes them from their first line to their last.
"""

from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that suspends nowhere."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    coroutine.close()
    raise RuntimeError("suspended where there is no event loop")


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """Yield what an asynchronous generator yields that suspends nowhere."""
    while True:
        try:
            yield run(_next(items))
        except StopAsyncIteration:
            return


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
