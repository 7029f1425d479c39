"""What a decorated function does when it is called: looks up, and loads what is not there."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from cachectl._engine.decorator.bypass import Bypass
from cachectl._engine.decorator.keys import FunctionKeys, Keys
from cachectl._engine.decorator.names import code_of, name_of, target_of
from cachectl._engine.handle import Handle
from cachectl._engine.namespace import Namespace
from cachectl._engine.options import TO_LOAD, LoadOptions
from cachectl._engine.state import NamespaceState
from cachectl._model.coroutines import run
from cachectl.errors import UsageError

if TYPE_CHECKING:  # imports asyncio
    from cachectl._engine.async_namespace import AsyncNamespace


class Calls(NamedTuple):
    """What happens when a decorated function is called, and when it is told to load again."""

    call: Callable[..., Any]
    refresh: Callable[..., Any]


def calls_of(
    handle: Handle,
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
        calls = _async_calls(handle.async_namespace(namespace.name, {}), function, keys, options)
        return calls if bypass.wanted is None else _bypassed_async(calls, bypass)
    calls = _sync_calls(namespace, function, keys, options)
    return calls if bypass.wanted is None else _bypassed(calls, bypass)


def _sync_calls(
    namespace: Namespace, function: Callable[..., Any], keys: Keys, options: LoadOptions
) -> Calls:
    flights, get, load = namespace.state.flights, namespace.get, namespace.operations.load
    state = namespace.state
    stored = partial(_stored, state, keys, options)

    def call(*args: Any, **kwargs: Any) -> Any:
        loader = partial(function, *args, **kwargs)
        completed = flights.completed
        key = keys.key(*args, **kwargs) if state.policy.enabled else ""
        value = get(key, TO_LOAD) if key else TO_LOAD
        if value is TO_LOAD:
            value = run(load(key, loader, stored(args, kwargs), completed, bypass=False))
        return value

    def refresh(*args: Any, **kwargs: Any) -> Any:
        loader = partial(function, *args, **kwargs)
        key = keys.key(*args, **kwargs) if state.policy.enabled else ""
        return run(load(key, loader, stored(args, kwargs), 0, bypass=True))

    if not isinstance(keys, FunctionKeys) or not keys.simple:
        return Calls(call, refresh)

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
        completed = flights.completed
        value = get(key, TO_LOAD)
        if value is TO_LOAD:
            value = run(
                load(key, partial(function, *args), stored(args, {}), completed, bypass=False)
            )
        return value

    return Calls(call_by_remembered_key, refresh)


def _async_calls(
    namespace: "AsyncNamespace", function: Callable[..., Any], keys: Keys, options: LoadOptions
) -> Calls:
    """Return what does the same as coroutines."""
    flights, get, load = namespace.state.flights, namespace.get, namespace.operations.load
    state = namespace.state
    stored = partial(_stored, state, keys, options)

    async def call(*args: Any, **kwargs: Any) -> Any:
        loader = partial(function, *args, **kwargs)
        completed = flights.completed
        key = keys.key(*args, **kwargs) if state.policy.enabled else ""
        value = await get(key, TO_LOAD) if key else TO_LOAD
        if value is TO_LOAD:
            value = await load(key, loader, stored(args, kwargs), completed, bypass=False)
        return value

    async def refresh(*args: Any, **kwargs: Any) -> Any:
        loader = partial(function, *args, **kwargs)
        key = keys.key(*args, **kwargs) if state.policy.enabled else ""
        return await load(key, loader, stored(args, kwargs), 0, bypass=True)

    return Calls(call, refresh)


def _stored(
    state: NamespaceState,
    keys: Keys,
    options: LoadOptions,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> LoadOptions:
    """Return how what a call brings is stored: with what it was made with as a label, where labels are
    kept. What memory holds nobody else can look into, and does without.
    """
    if state.live or not (state.policy.has_labels and state.policy.enabled):
        return options
    return options._replace(label=keys.label(*args, **kwargs))


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
