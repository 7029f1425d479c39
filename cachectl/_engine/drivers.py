"""What differs between threads and tasks in the operations of a namespace."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from cachectl._engine.singleflight.flights import Flights
from cachectl._engine.singleflight.lead import Load, Share


class _Share(Protocol):
    async def __call__(
        self, flights: Flights, key: str, load: "Load[Any]", shared: Share
    ) -> Any: ...


class Driver(NamedTuple):
    """How loads are shared with concurrent callers, and how a loader is called."""

    share: _Share
    call: Callable[[Callable[[], Any]], Awaitable[Any]]


def for_threads() -> Driver:
    """Return what blocks, and never suspends."""
    from cachectl._engine.loaders import called
    from cachectl._engine.singleflight.threads import share

    return Driver(share, called)


def for_tasks() -> Driver:
    """Return what awaits."""
    from cachectl._engine.loaders import awaited
    from cachectl._engine.singleflight.tasks import share

    return Driver(share, awaited)
