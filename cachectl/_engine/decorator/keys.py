"""Keys of calls: the function's name and the SHA-256 of its canonical arguments."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Final, Protocol

from cachectl._engine.decorator.names import Target, name_of, target_of
from cachectl._engine.decorator.parameters import Parameters
from cachectl._engine.decorator.recent_keys import RecentKeys, signature_of
from cachectl._engine.state import NamespaceState
from cachectl._model.arguments import shown
from cachectl._model.canonical import canonical, feature_key
from cachectl._model.keys import check_key
from cachectl.errors import InvalidKey, UsageError

_DIGEST: Final = 64


class Keys(Protocol):
    """What makes a key of the arguments of a call."""

    def key(self, *args: Any, **kwargs: Any) -> str: ...

    def label(self, *args: Any, **kwargs: Any) -> str: ...


class GivenKeys:
    """The keys that a function of the application makes of the same arguments."""

    def __init__(self, function: Callable[..., str], dropped: str | None) -> None:
        self._function = function
        self._dropped = dropped

    def key(self, *args: Any, **kwargs: Any) -> str:
        if self._dropped is not None:
            kwargs.pop(self._dropped, None)
        return self._function(*args, **kwargs)

    def label(self, *args: Any, **kwargs: Any) -> str:
        """Return none: the key says it all."""
        return ""


class FunctionKeys:
    """The keys of the calls of one function in one namespace."""

    def __init__(
        self,
        state: NamespaceState,
        target: Target,
        name: str,
        made_with: Mapping[str, object],
        ignored: Sequence[str],
        dropped: str | None,
    ) -> None:
        self.parameters: Parameters = Parameters.of(target.function)
        self.parameters.check(ignored, name)
        self.name = name
        self.recent: RecentKeys = RecentKeys()
        self._state = state
        self._target = target
        self._extra: dict[str, object] = {"made with": made_with} if made_with else {}
        self._ignored = frozenset(ignored)
        self._dropped = dropped
        first_is_bound = bool(target.args) or self.parameters.first is None
        self._skipped = int(not first_is_bound and self.parameters.first in self._ignored)

    @property
    def simple(self) -> bool:
        """Whether all that a call is given counts, in which case nothing is to be left out."""
        return not self._skipped and self._dropped is None

    def forget(self) -> None:
        """Make all keys again; one that is just being made is not remembered."""
        self.recent = RecentKeys()

    def key(self, *args: Any, **kwargs: Any) -> str:
        """Return the key of a call with these arguments. Raises `InvalidKey`."""
        if self._dropped is not None:
            kwargs.pop(self._dropped, None)
        recent = self.recent  # before the policy is read, which may be changed meanwhile
        signature = signature_of(args[self._skipped :], kwargs)
        if signature is None:
            return self._make(args, kwargs)
        found = recent.find(signature)
        if found is None:
            found = self._make(args, kwargs)
            if self._state.policy.enabled:  # or hits would have to ask whether it is
                recent.add(signature, found)
        return found

    def label(self, *args: Any, **kwargs: Any) -> str:
        """Return what tells people the call that has a key: its arguments, shortened, defaults last."""
        from cachectl._engine.decorator.labels import label_of  # no hit needs it

        if self._dropped is not None:
            kwargs.pop(self._dropped, None)
        given, defaults = self._counting(args, kwargs), self.parameters.defaults
        first = sorted(given, key=lambda name: name in defaults and given[name] is defaults[name])
        return label_of({name: given[name] for name in first})

    def _counting(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of which a key is made, by name."""
        target = self._target
        given = self.parameters.bind((*target.args, *args), {**target.kwargs, **kwargs})
        return self._kept(given) if self._ignored else given

    def _make(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        arguments, extra = self._counting(args, kwargs), self._extra
        first = self.parameters.first
        if first is not None and isinstance(arguments.get(first), type):
            extra = {**extra, "class": name_of(arguments.pop(first))}
        decimals = self._state.policy.key_decimals
        try:
            return f"{self.name}:{feature_key(arguments, extra, decimals)}"
        except InvalidKey as error:
            raise InvalidKey(self._explained(error, arguments)) from None

    def _kept(self, arguments: dict[str, Any]) -> dict[str, Any]:
        rest = self.parameters.rest
        if rest is not None and rest in arguments:
            arguments = {**arguments, rest: self._without_ignored(arguments[rest])}
        return self._without_ignored(arguments)

    def _without_ignored(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in arguments.items() if name not in self._ignored}

    def _explained(self, error: InvalidKey, arguments: Mapping[str, Any]) -> str:
        """Return what is wrong with the key, and with which argument."""
        for name, value in arguments.items():
            try:
                canonical(value)
            except InvalidKey as found:
                advice = f"ignore=[{name!r}] leaves it out, key=… makes your own"
                return f"{found}: argument {name!r} of {self.name} ({advice})"
        return f"{error} ({self.name})"


def function_keys(
    state: NamespaceState,
    function: Callable[..., Any],
    name: str | None,
    ignored: Sequence[str],
    dropped: str | None,
) -> FunctionKeys:
    """Return the keys of a function, by a name of its own if there is one, which says all.

    Raises `UsageError` for a function that cannot be told from others of its name.
    """
    target, constants = target_of(function), dict[str, object]()
    if name is None:
        name, constants = state.functions.identify(target.function)
    _check_name(name)
    keys = FunctionKeys(state, target, name, constants, ignored, dropped)
    _check_object(target, keys, ignored)
    state.functions.add(keys)
    return keys


def _check_name(name: object) -> None:
    if type(name) is not str or not name:
        raise UsageError(f"the name of a function is text, not {shown(name)}")
    try:
        check_key(f"{name}:{'0' * _DIGEST}")
    except InvalidKey as error:
        raise UsageError(f"not a name for a function: {shown(name)} ({error})") from None


def _check_object(target: Target, keys: FunctionKeys, ignored: Sequence[str]) -> None:
    """Raise `UsageError` for a method whose object nobody has said anything about: a key of it can
    hardly be made, and without it two objects would share what may differ between them.
    """
    function = inspect.unwrap(target.function)
    scope = function.__qualname__.rpartition(".")[0] if isinstance(function, FunctionType) else ""
    in_class = bool(scope) and not scope.endswith("<locals>")
    if in_class and keys.parameters.first == "self" and "self" not in ignored:
        advice = "ignore=['self'] if its results do not depend on the object, or key=…"
        raise UsageError(f"{keys.name} is a method: pass {advice}")
