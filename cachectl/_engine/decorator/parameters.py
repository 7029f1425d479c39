"""The parameters of a function, and the arguments of its calls by their names."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cachectl.errors import UsageError

_POSITIONAL: Final = {
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
}


class Parameters(NamedTuple):
    """What a signature says; some functions have none. `first` is what a method is bound to, `rest`
    takes the keyword arguments that are not named.
    """

    signature: inspect.Signature | None
    names: tuple[str, ...] = ()
    plain: bool = False
    defaults: Mapping[str, Any] = {}
    first: str | None = None
    rest: str | None = None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Parameters":
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # some of those written in C do not tell
            return cls(None)
        known = signature.parameters.values()
        return cls(
            signature,
            tuple(signature.parameters),
            all(each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for each in known),
            {each.name: each.default for each in known if each.default is not each.empty},
            next((each.name for each in known if each.kind in _POSITIONAL), None),
            next((each.name for each in known if each.kind is each.VAR_KEYWORD), None),
        )

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name, the same for all ways to pass them."""
        if self.signature is None:
            return {"*": args, "**": kwargs}
        if self.plain and len(args) <= len(self.names):  # `bind` takes longer than all the rest
            given = dict(zip(self.names, args, strict=False))
            arguments = {**self.defaults, **given, **kwargs}
            known = self.signature.parameters.keys()
            if given.keys().isdisjoint(kwargs) and arguments.keys() == known:
                return arguments
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def check(self, ignored: Sequence[str], name: str) -> None:
        """Raise `UsageError` if there is no parameter of one of these names."""
        for each in ignored:
            if each not in self.names and (self.rest is None or not each.isidentifier()):
                raise UsageError(f"{name} has no parameter {each!r} to ignore")
