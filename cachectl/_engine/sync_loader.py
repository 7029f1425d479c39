"""Loaders are called here, so that what nobody would await is refused in words."""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutine, iscoroutinefunction
from typing import Any, TypeVar

from cachectl.errors import UnsupportedValue

T = TypeVar("T")


def called(loader: Callable[[], T]) -> T:
    """Return what `loader` returns. Raises `UnsupportedValue` if that would have to be awaited,
    before it runs if that can be told.
    """
    if iscoroutinefunction(loader):
        raise UnsupportedValue(f"{_name(loader)} is async, and would not be awaited: {_ADVICE}")
    value = loader()
    if isinstance(value, Awaitable):
        if iscoroutine(value):
            value.close()  # it never runs, and Python need not warn of it
        kind = type(value).__name__
        raise UnsupportedValue(
            f"{_name(loader)} returned a {kind}, which needs an await: {_ADVICE}"
        )
    return value


_ADVICE = "decorate the async function itself with Cache.cached"


def _name(loader: Callable[..., Any]) -> str:
    while isinstance(loader, partial):
        loader = loader.func
    return str(getattr(loader, "__qualname__", type(loader).__qualname__))
