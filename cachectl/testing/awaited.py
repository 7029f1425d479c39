"""An `AsyncCache` that can be used as a `Cache` is: so one suite proves both engines."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from inspect import isawaitable
from typing import Any, Self

from cachectl._engine.async_cache import AsyncCache, AsyncCleanup
from cachectl._engine.async_namespace import AsyncNamespace

_SECONDS = 60


class EventLoop:
    """An event loop in a thread of its own; other threads wait for what they have it do."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_SECONDS)

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()


class Awaited:
    """An object whose coroutines are awaited in a loop when they are called, and whose asynchronous
    iterators are iterated; what it returns of the engine is such an object, too.
    """

    def __init__(self, wrapped: Any, loop: EventLoop) -> None:
        self._wrapped = wrapped
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        if isinstance(getattr(type(self._wrapped), name, None), property) or not callable(found):
            return found
        return lambda *args, **kwargs: self._waited_for(found, args, kwargs)

    def __contains__(self, key: str) -> bool:
        return bool(self.has(key))

    def __len__(self) -> int:
        return int(self.stats().entries)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return repr(self._wrapped)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _waited_for(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        async def call() -> Any:
            returned = function(*args, **kwargs)
            return await returned if isawaitable(returned) else returned

        returned = self._loop.run(call())
        if isinstance(returned, AsyncNamespace | AsyncCache | AsyncCleanup):
            return Awaited(returned, self._loop)
        if isinstance(returned, AsyncIterator):
            return self._iterated(returned)
        return returned

    def _iterated(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(items, self)

        while (item := self._loop.run(following())) is not self:
            yield item
