"""Hooks of a namespace: what turns values of an application into such that are stored, and back."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from cachectl._model.arguments import check_called
from cachectl._model.entry import MISSING, MissingType
from cachectl.errors import DamagedEntry, UnsupportedValue, UsageError

Hook: TypeAlias = Callable[[Any], Any]


class Hooks(NamedTuple):
    """`dump` is called before a value is encoded, `load` after it is decoded; None does nothing.

    What they raise may tell of the value, so only its type is passed on.
    """

    dump: Hook | None = None
    load: Hook | None = None

    def changed(self, dump: Hook | MissingType | None, load: Hook | MissingType | None) -> "Hooks":
        """Return these hooks with those given in their place. Raises `UsageError`."""
        return Hooks(
            self.dump if dump is MISSING else _checked("dump", dump),
            self.load if load is MISSING else _checked("load", load),
        )

    def dumped(self, value: object) -> object:
        """Return what to store. Raises `UnsupportedValue`."""
        if self.dump is None:
            return value
        try:
            return self.dump(value)
        except Exception as error:
            raise UnsupportedValue(f"dump= raised {type(error).__name__}") from error

    def loaded(self, stored: object) -> object:
        """Return what the application holds. Raises `DamagedEntry`: it was stored by another one."""
        if self.load is None:
            return stored
        try:
            return self.load(stored)
        except Exception as error:
            raise DamagedEntry(f"load= raised {type(error).__name__}") from error


def _checked(name: str, hook: Any) -> Hook | None:
    if hook is None:
        return None
    check_called(f"{name}=", hook, "of a value")
    from inspect import iscoroutinefunction  # a command needs none of it

    if iscoroutinefunction(hook):
        raise UsageError(f"{name}= is async, and would not be awaited")
    return hook  # type: ignore[no-any-return]
