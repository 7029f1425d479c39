"""What a decorated function does when it is called: looks up, and loads what is not there."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from cachectl._engine.decorator.bypass import Bypass
from cachectl._engine.decorator.keys import FunctionKeys, Keys
from cachectl._engine.decorator.names import code_of, name_of, target_of
from cachectl._engine.namespace import Namespace
from cachectl._engine.options import LoadOptions
from cachectl._engine.sync_loader import called
from cachectl._model.entry import MISSING
from cachectl.errors import UsageError


class Calls(NamedTuple):
    """What happens when a decorated function is called, and when it is told to load again."""

    call: Callable[..., Any]
    refresh: Callable[..., Any]


def calls_of(
    namespace: Namespace,
    function: Callable[..., Any],
    keys: Keys,
    options: LoadOptions,
    bypass: Bypass,
) -> Calls:
    """Return what calls of `function` are to do. Raises `UsageError` for a generator function."""
    code = code_of(function)
    if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        name = name_of(target_of(function).function)
        raise UsageError(f"{name} is a generator function: let it return a list to be cached")
    if inspect.iscoroutinefunction(code) or inspect.iscoroutinefunction(function):
        calls = _async_calls(namespace, function, keys, options)
        return calls if bypass.wanted is None else _bypassed_async(calls, bypass)
    calls = _sync_calls(namespace, function, keys, options)
    return calls if bypass.wanted is None else _bypassed(calls, bypass)


def _sync_calls(
    namespace: Namespace, function: Callable[..., Any], keys: Keys, options: LoadOptions
) -> Calls:
    loading = namespace.loading

    def call(*args: Any, **kwargs: Any) -> Any:
        if not namespace.policy.enabled:
            return called(partial(function, *args, **kwargs))
        key = keys.key(*args, **kwargs)
        completed = loading.flights.completed
        value = namespace.get(key)
        if value is MISSING:
            value = loading.load(key, partial(function, *args, **kwargs), options, completed)
        return value

    def refresh(*args: Any, **kwargs: Any) -> Any:
        load = partial(function, *args, **kwargs)
        if not namespace.policy.enabled:
            return called(load)
        return loading.reload(keys.key(*args, **kwargs), load, options)

    if not isinstance(keys, FunctionKeys) or not keys.simple:
        return Calls(call, refresh)
    get = namespace.get

    def call_by_remembered_key(*args: Any, **kwargs: Any) -> Any:
        """Do the same as `call`, and a hit in the least time: see `signature_of`. That a key is
        remembered says that the namespace is enabled.
        """
        key = None
        if not kwargs:
            try:  # noqa: SIM105 - `suppress` takes as long as all the rest
                key = keys.recent.young[*map(type, args), *args]
            except (KeyError, TypeError):  # not remembered, or an argument that has no hash
                pass
        if key is None:
            return call(*args, **kwargs)
        completed = loading.flights.completed
        value = get(key)
        if value is MISSING:
            value = loading.load(key, partial(function, *args), options, completed)
        return value

    return Calls(call_by_remembered_key, refresh)


def _async_calls(
    namespace: Namespace, function: Callable[..., Any], keys: Keys, options: LoadOptions
) -> Calls:
    """Return what does so without blocking the event loop: the store is used in a thread."""
    loading = namespace.loading

    async def call(*args: Any, **kwargs: Any) -> Any:
        if not namespace.policy.enabled:
            return await function(*args, **kwargs)
        from asyncio import to_thread

        key = keys.key(*args, **kwargs)
        completed = loading.flights.completed
        value = await to_thread(namespace.get, key)
        if value is MISSING:
            load: Callable[[], Awaitable[Any]] = partial(function, *args, **kwargs)
            value = await loading.load_async(key, load, options, completed)
        return value

    async def refresh(*args: Any, **kwargs: Any) -> Any:
        if not namespace.policy.enabled:
            return await function(*args, **kwargs)
        load: Callable[[], Awaitable[Any]] = partial(function, *args, **kwargs)
        return await loading.reload_async(keys.key(*args, **kwargs), load, options)

    return Calls(call, refresh)


def _bypassed(calls: Calls, bypass: Bypass) -> Calls:
    """Return calls that load again where their arguments ask for it."""
    wanted = bypass.wanted
    assert wanted is not None

    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = calls.refresh if wanted(*args, **kwargs) else calls.call
        return chosen(*args, **bypass.without_dropped(kwargs))

    def refresh(*args: Any, **kwargs: Any) -> Any:
        return calls.refresh(*args, **bypass.without_dropped(kwargs))

    return Calls(call, refresh)


def _bypassed_async(calls: Calls, bypass: Bypass) -> Calls:
    """Return the same as coroutine functions, which frameworks want to see."""
    plain = _bypassed(calls, bypass)

    async def call(*args: Any, **kwargs: Any) -> Any:
        return await plain.call(*args, **kwargs)

    async def refresh(*args: Any, **kwargs: Any) -> Any:
        return await plain.refresh(*args, **kwargs)

    return Calls(call, refresh)
