"""Event loops in which tasks use a cache: those of asyncio."""

from asyncio import AbstractEventLoop, get_running_loop

from cachectl.errors import UsageError


def running_loop() -> AbstractEventLoop:
    """Return the loop that runs here. Raises `UsageError`, as under trio."""
    try:
        return get_running_loop()
    except RuntimeError:
        raise no_loop() from None


def no_loop() -> UsageError:
    """Return what is said where no loop runs."""
    return UsageError(
        "no event loop of asyncio runs here, in which an AsyncCache is awaited: elsewhere, and under"
        " trio, use a Cache (in a thread: trio.to_thread.run_sync)"
    )
