"""The decorator: a function whose results are cached under its arguments."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from cachectl._engine.namespace import Namespace
from cachectl._engine.options import LoadOptions
from cachectl._model.entry import MISSING

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class CachedFunction(Protocol[P, R_co]):
    """The decorated function; `key` returns what a call with these arguments is stored under."""

    key: Callable[..., str]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


def decorate(
    namespace: Namespace,
    function: Callable[P, R_co],
    key: Callable[..., str] | None,
    options: LoadOptions,
) -> CachedFunction[P, R_co]:
    """Return `function` with its results cached in `namespace`."""
    key_of = key or _argument_key(namespace, function)

    async def async_wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        load: Any = functools.partial(function, *args, **kwargs)
        return await _get_or_load(namespace, key_of(*args, **kwargs), load, options)

    def sync_wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        load = functools.partial(function, *args, **kwargs)
        return namespace.get_or_load(key_of(*args, **kwargs), load, **options._asdict())

    wrapper = async_wrapper if inspect.iscoroutinefunction(function) else sync_wrapper
    cached = cast("CachedFunction[P, R_co]", functools.wraps(function)(wrapper))
    cached.key = key_of
    return cached


def _argument_key(namespace: Namespace, function: Callable[..., object]) -> Callable[..., str]:
    """Return a function that makes one key of all ways to pass the same arguments."""
    signature = inspect.signature(function)
    names = tuple(signature.parameters)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    plain = kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }

    def key(*args: object, **kwargs: object) -> str:
        if plain and len(args) <= len(names):  # binding would take longer than all the rest
            given = dict(zip(names, args, strict=False))
            arguments = {**defaults, **given, **kwargs}
            if given.keys().isdisjoint(kwargs) and arguments.keys() == signature.parameters.keys():
                return namespace.key(arguments)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return namespace.key(bound.arguments)

    return key


async def _get_or_load(
    namespace: Namespace, key: str, loader: Callable[[], Awaitable[Any]], options: LoadOptions
) -> Any:
    """Do what `Namespace.get_or_load` does, without blocking the event loop.

    The calls to the store run in a thread.
    """
    import asyncio

    if not namespace.policy.enabled:
        return await loader()
    completed = namespace.loading.flights.completed
    value = await asyncio.to_thread(namespace.get, key)
    if value is not MISSING:
        return value
    return await namespace.loading.load_async(key, loader, options, completed)
