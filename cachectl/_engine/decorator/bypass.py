"""Bypass: how a call of a decorated function asks for a load, whatever is cached."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from cachectl._engine import options


class Bypass(NamedTuple):
    """`wanted` tells it from the arguments. An argument that says it is no part of the key:
    `ignored` if the function takes it as well, `dropped` if it is not to see it.
    """

    wanted: Callable[..., object] | None = None
    ignored: tuple[str, ...] = ()
    dropped: str | None = None

    @classmethod
    def of(cls, bypass: options.Bypass, function: Callable[..., Any]) -> "Bypass":
        """Return what the option means for this function."""
        if bypass is None or callable(bypass):
            return cls(bypass)
        parameters = _parameters(function)
        named = parameters.get(bypass)
        if named is None or named.kind in {named.VAR_KEYWORD, named.VAR_POSITIONAL}:
            return cls(lambda *_, **kwargs: kwargs.get(bypass, False), (), bypass)
        place = list(parameters).index(bypass) if named.kind is not named.KEYWORD_ONLY else None
        default = False if named.default is named.empty else named.default
        return cls(_from_arguments(bypass, place, default=default), (bypass,))

    def without_dropped(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that the function takes."""
        if self.dropped is not None:
            kwargs.pop(self.dropped, None)
        return kwargs


def _from_arguments(name: str, place: int | None, *, default: object) -> Callable[..., object]:
    def wanted(*args: object, **kwargs: object) -> object:
        if place is not None and len(args) > place:
            return args[place]
        return kwargs.get(name, default)

    return wanted


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some of those written in C do not tell
        return {}
