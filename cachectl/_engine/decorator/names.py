"""What a decorated function is: what is called in the end, what it is called, what it was made with.

A name is the module and the qualified name, as `import` would find them. Where several functions
have one name - those of a factory, objects of one class - they differ by what they were made
with: constants and functions among that become part of the keys.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
)
from typing import Any, NamedTuple

from cachectl.errors import UsageError

_CONSTANTS = frozenset({str, int, float, bool, bytes, NoneType})
_MAIN = frozenset(
    {"__main__", "__mp_main__"}
)  # the latter in processes that `multiprocessing` spawns


class Target(NamedTuple):
    """A function without partials and bound methods around it; what those add goes before the
    arguments of a call.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class MadeWith(NamedTuple):
    """What a function captured, or an object holds: what a key can tell, and what it cannot."""

    definition: object
    constants: dict[str, object]
    others: tuple[object, ...]


class Decorated(partial[Any]):
    """A decorated function, bound to an object or not. As a `partial` it is called as fast as a
    function, and `inspect` looks into it.
    """


def target_of(function: Callable[..., Any]) -> Target:
    """Return what is called in the end."""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    while True:
        if isinstance(function, Decorated):
            function = vars(function)["__wrapped__"]
        elif isinstance(function, partial):
            args, kwargs = (*function.args, *args), {**function.keywords, **kwargs}
            function = function.func
        elif isinstance(function, MethodType):
            args, function = (function.__self__, *args), function.__func__
        else:
            return Target(function, args, kwargs)


def code_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that runs when `function` is called: of an object its `__call__`."""
    function = target_of(function).function
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return target_of(function.__call__).function  # type: ignore[operator]  # a callable has one


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of what is called in the end. Raises `UsageError` if it has none."""
    qualname = getattr(function, "__qualname__", getattr(function, "__name__", None))
    named = function if isinstance(qualname, str) else type(function)
    if named is not function:
        qualname = type(function).__qualname__
    if str(qualname).endswith("<lambda>"):
        raise UsageError("a lambda has no name to make keys of: pass name=… or key=…")
    return f"{_module_of(named)}.{qualname}"


def made_with(function: Callable[..., Any]) -> MadeWith:
    """Return what tells a function apart from others of its name. Raises `UsageError` for a
    method of a built-in object of which no key can be made.
    """
    function = inspect.unwrap(function)
    if isinstance(function, FunctionType):
        return _sorted_out(function.__code__, dict(_captured(function)))
    if isinstance(function, BuiltinMethodType | MethodWrapperType):
        return _of_builtin(function)
    if isinstance(getattr(function, "__qualname__", None), str):
        return MadeWith(function, {}, ())
    return _sorted_out(type(function), getattr(function, "__dict__", {}))


def _of_builtin(function: Any) -> MadeWith:
    owner = function.__self__
    if owner is None or isinstance(owner, ModuleType):
        return MadeWith(function, {}, ())
    found = _sorted_out(function, {"self": owner})
    if found.others:
        said = f"{name_of(function)} belongs to an object of which no key can be made"
        raise UsageError(f"{said}: pass name=… or key=…")
    return found


def _captured(function: FunctionType) -> Iterator[tuple[str, object]]:
    cells: tuple[CellType, ...] = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            found = cell.cell_contents
        except ValueError:  # not there yet, as a local function that calls itself
            continue
        if name != "__class__":  # what `super()` needs
            yield name, found


def _sorted_out(definition: object, values: Mapping[str, object]) -> MadeWith:
    constants = {name: _told(value) for name, value in values.items() if _is_told(value)}
    others = tuple(value for value in values.values() if not _is_told(value))
    return MadeWith(definition, constants, others)


def _is_told(value: object) -> bool:
    if type(value) is tuple:
        return all(map(_is_told, value))
    return type(value) in _CONSTANTS or _is_named(value)


def _told(value: object) -> object:
    """Return what a key can be made of; a name within a list, for it is not a constant."""
    if type(value) is tuple:
        return tuple(map(_told, value))
    return [_named(value)] if _is_named(value) else value


def _is_named(value: object) -> bool:
    return isinstance(value, FunctionType | type) and "<lambda>" not in value.__qualname__


def _named(value: Any) -> str:
    return f"{_module_of(value)}.{value.__qualname__}"


def _module_of(named: Any) -> str:
    owner = getattr(named, "__objclass__", type(getattr(named, "__self__", named)))
    module = str(getattr(named, "__module__", None) or owner.__module__)
    return _main_module() if module in _MAIN else module


def _main_module() -> str:
    """Return the name that the running program would be imported by, whichever way it runs."""
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return PurePath(file).stem if file else "__main__"
