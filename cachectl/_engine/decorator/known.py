"""The decorated functions of one namespace, which are told apart by their names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from cachectl._engine.decorator.names import MadeWith, made_with, name_of
from cachectl._model.canonical import canonical
from cachectl.errors import UsageError

if TYPE_CHECKING:
    from cachectl._engine.decorator.keys import FunctionKeys


_KNOWN: Final = 4096


class Functions:
    """What is known of them. One that is defined again, in a notebook or by a reload, is the same
    function; two that one factory made are not, though they have one name.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], MadeWith] = {}
        self._keys: WeakValueDictionary[int, FunctionKeys] = WeakValueDictionary()

    def add(self, keys: "FunctionKeys") -> None:
        """Tell `keys` of changes of the policy, as long as they are used."""
        self._keys[id(keys)] = keys

    def forget_keys(self) -> None:
        """Make all keys again: what they are made by has changed."""
        for reference in self._keys.valuerefs():
            keys = reference()
            if keys is not None:
                keys.forget()

    def identify(self, function: Callable[..., Any]) -> tuple[str, dict[str, object]]:
        """Return the name of a function, and the constants that it was made with.

        Raises `UsageError` if that does not tell it from another function.
        """
        name, found = name_of(function), made_with(function)
        identity = name, canonical(found.constants)
        if len(self._known) >= _KNOWN:  # as many as nobody writes: they are made while it runs
            self._known.clear()
        known = self._known.setdefault(identity, found)
        if known.definition is found.definition and not _same(known.others, found.others):
            said = "another function of this name was made with other objects"
            raise UsageError(f"{name}: {said}; pass name=… to tell them apart")
        self._known[identity] = found
        return name, found.constants


def _same(some: tuple[object, ...], others: tuple[object, ...]) -> bool:
    return len(some) == len(others) and all(map(lambda a, b: a is b, some, others))
