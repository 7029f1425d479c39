"""The decorator: a function whose results are cached under its arguments."""

import functools
from collections.abc import Callable
from types import MethodType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    NamedTuple,
    ParamSpec,
    TypeVar,
    overload,
)

from cachectl._engine.decorator.bypass import Bypass
from cachectl._engine.decorator.calls import Calls, calls_of
from cachectl._engine.decorator.keys import GivenKeys, Keys, function_keys
from cachectl._engine.decorator.names import Decorated
from cachectl._engine.handle import Handle
from cachectl._engine.namespace import Namespace
from cachectl._engine.options import FunctionOptions
from cachectl._model.arguments import shown
from cachectl.errors import UsageError

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")

if TYPE_CHECKING:

    class _Call(Generic[P, R_co]):
        args: tuple[Any, ...]

else:
    _Call = Decorated  # whose call is the fastest there is


class _Parts(NamedTuple):
    """What a decorated function is made of; `binds` is what it is bound to as an attribute."""

    namespace: Namespace
    keys: Keys
    calls: Calls
    binds: str


class CachedFunction(_Call[P, R_co]):
    """A decorated function: called, it returns what is cached, or calls the function and keeps that.

    As a method it is bound to its object, as a class method to its class: all that it can do is
    done for that one.
    """

    _parts: _Parts
    __wrapped__: Callable[P, R_co]
    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the key that a call with these arguments is stored under. Raises `InvalidKey`."""
        return self._parts.keys.key(*self.args, *args, **kwargs)

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove what is stored for a call with these arguments; returns whether it was there."""
        return self._parts.namespace.delete(self.key(*args, **kwargs))

    @property
    def refresh(self) -> Callable[P, R_co]:
        """Called, it calls the function whatever is cached, and stores what that returns."""
        refresh = self._parts.calls.refresh
        return functools.partial(refresh, *self.args) if self.args else refresh

    @property
    def uncached(self) -> Callable[P, R_co]:
        """The function itself: called, it is neither looked up nor stored."""
        return self.__wrapped__

    @overload
    def __get__(
        self: Callable[Concatenate[S, Q], R], instance: S, owner: type[Any] | None = None
    ) -> "CachedFunction[Q, R]": ...
    @overload
    def __get__(
        self: Callable[Concatenate[S, Q], R], instance: object, owner: S
    ) -> "CachedFunction[Q, R]": ...
    @overload
    def __get__(
        self, instance: object, owner: type[Any] | None = None
    ) -> "CachedFunction[P, R_co]": ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        binds = self._parts.binds
        bound = (owner or type(instance)) if binds == "class" else instance
        return self if bound is None or binds == "nothing" or self.args else self._bound(bound)

    def __reduce__(self) -> Any:
        """Be pickled as functions are, by name: workers import what they call."""
        if self.args:
            return getattr, (self.args[0], self.__wrapped__.__name__)
        return self.__wrapped__.__qualname__

    def __repr__(self) -> str:
        return f"<{self.__wrapped__!r} cached in {self._parts.namespace.name!r}>"

    def _bound(self, instance: object) -> "CachedFunction[..., Any]":
        bound: CachedFunction[..., Any] = _made(self._parts, instance)
        vars(bound).update(vars(self), __wrapped__=MethodType(self.__wrapped__, instance))
        return bound


def decorate(
    handle: Handle, name: str, function: Callable[P, R], options: FunctionOptions
) -> CachedFunction[P, R]:
    """Return `function` with its results cached in the namespace `name`.

    Raises `UsageError` for one that cannot be cached, or that `options` do not fit.
    """
    binds, function = _binding(function)
    namespace = handle.namespace(name, {})
    bypass = Bypass.of(options.bypass, function)
    ignored = (*options.ignored, *bypass.ignored)
    keys: Keys = (
        function_keys(namespace.state, function, options.name, ignored, bypass.dropped)
        if options.key is None
        else GivenKeys(options.key, bypass.dropped)
    )
    calls = calls_of(handle, namespace, function, keys, options.load, bypass)
    decorated: CachedFunction[P, R] = _made(_Parts(namespace, keys, calls, binds))
    functools.update_wrapper(decorated, function, updated=())
    vars(decorated).update(_marks(function))
    return decorated


def _binding(function: Any) -> tuple[str, Callable[..., Any]]:
    """Return what a function is bound to where it is an attribute, and the function itself."""
    if isinstance(function, classmethod):
        return "class", function.__func__
    if isinstance(function, staticmethod):
        return "nothing", function.__func__
    if not callable(function):
        advice = " (below @property, not above it)" if isinstance(function, property) else ""
        raise UsageError(f"only what can be called can be cached, not {shown(function)}{advice}")
    bound_already = isinstance(function, MethodType) or not hasattr(type(function), "__get__")
    return ("nothing" if bound_already else "object"), function


def _marks(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what others noted at a function, which `functools.wraps` would copy as well."""
    noted = getattr(function, "__dict__", {})
    own = {"_parts", "__wrapped__"}
    return {
        name: value
        for name, value in noted.items()
        if name not in own and not hasattr(CachedFunction, name)
    }


def _made(parts: _Parts, *bound: object) -> Any:
    made: Any = CachedFunction  # a `partial`, whatever type checkers are told
    decorated = made(parts.calls.call, *bound)
    vars(decorated)["_parts"] = parts
    return decorated
