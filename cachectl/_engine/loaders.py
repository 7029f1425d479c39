"""Calling loaders, as either engine does."""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable, iscoroutine, iscoroutinefunction
from typing import Any, TypeVar

from cachectl.errors import UnsupportedValue

T = TypeVar("T")


async def called(loader: Callable[[], T]) -> T:
    """Return what `loader` returns. Raises `UnsupportedValue` if that would have to be awaited,
    before it runs if that can be told: a thread has nothing to await it with.
    """
    if iscoroutinefunction(loader):
        raise UnsupportedValue(f"{name_of(loader)} is async, and would not be awaited: {_ADVICE}")
    value = loader()
    if isinstance(value, Awaitable):
        if iscoroutine(value):
            value.close()  # it never runs, and Python need not warn of it
        kind = type(value).__name__
        raise UnsupportedValue(
            f"{name_of(loader)} returned a {kind}, which needs an await: {_ADVICE}"
        )
    return value


async def awaited(loader: Callable[[], Awaitable[T] | T]) -> T:
    """Return what `loader` returns, or what that brings if it has to be awaited."""
    value = loader()
    return await value if isawaitable(value) else value


_ADVICE = "decorate the async function itself with Cache.cached"


def name_of(loader: Callable[..., Any]) -> str:
    """Return the name of a loader for people, with its module."""
    while isinstance(loader, partial):
        loader = loader.func
    named = loader if hasattr(loader, "__qualname__") else type(loader)
    module = named.__module__  # those made in C may have none
    return f"{module}.{named.__qualname__}" if module else named.__qualname__
