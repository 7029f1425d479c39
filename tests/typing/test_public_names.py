"""What is public: exactly what is said, and all that one needs to use it."""

import inspect
import pkgutil
import typing
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import cachectl

FOR_THE_ENGINE = {
    "Details.of",
    "NamespaceStats.of",
    "NamespaceStats.total",
    "Policy.limits",
    "Stats.of",
    "Trend.of",
    "Window.divided",
}
"""Public by name, for other modules of the engine: what they take or return is not for users."""


def public_modules() -> Iterator[str]:
    """Yield the names of the modules that have no underscore in their path. Of `cachectl.testing`
    the package is public; what it is made of is found through its names.
    """
    yield cachectl.__name__
    for module in pkgutil.walk_packages(cachectl.__path__, "cachectl."):
        hidden = any(part.startswith("_") for part in module.name.split("."))
        if not hidden and not module.name.startswith("cachectl.testing."):
            yield module.name


def own_names(module: ModuleType) -> set[str]:
    """Return the public names that a module defines, or that come from private modules."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name != "TYPE_CHECKING"
        and not isinstance(value, ModuleType)
        and str(getattr(value, "__module__", module.__name__)).partition(".")[0] == "cachectl"
    }


@pytest.mark.parametrize("name", list(public_modules()))
def test_a_public_module_says_exactly_what_is_public(name):
    module = import_module(name)
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    assert all(hasattr(module, each) for each in module.__all__)
    assert own_names(module) <= {*module.__all__, "annotations"}


def test_the_names_of_the_package_are_sorted_and_shown():
    names = cachectl.__all__
    constants = [name for name in names if name.isupper()]
    assert names == sorted(constants) + sorted(name for name in names if not name.isupper())
    assert set(names) <= set(dir(cachectl))


def classes_in(annotation: object) -> Iterator[type]:
    """Yield the classes of ours that an annotation names."""
    if isinstance(annotation, type) and annotation.__module__.startswith("cachectl"):
        yield annotation
    for inner in typing.get_args(annotation):
        if isinstance(inner, list):
            for each in inner:
                yield from classes_in(each)
        yield from classes_in(inner)


def operations() -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of what is public, by name."""
    for name in cachectl.__all__:
        found = getattr(cachectl, name)
        if isinstance(found, type) and not issubclass(found, Exception):
            for member, value in vars(found).items():
                function = value.fget if isinstance(value, property) else value
                function = getattr(function, "__func__", function)
                title = f"{name}.{member}"
                hidden = member.startswith("_") or title in FOR_THE_ENGINE
                if inspect.isfunction(function) and not hidden:
                    yield title, function


def names_of_types() -> dict[str, object]:
    """Return what annotations in quotes may name: they are imported for type checkers alone."""
    known: dict[str, object] = {}
    for module in pkgutil.walk_packages(cachectl.__path__, "cachectl."):
        if not module.name.startswith(("cachectl.__main__", "cachectl._cli")):
            known |= vars(import_module(module.name))
    return {**known, "Money": float, "Decimal": float, "Missing": None}


def test_all_that_public_methods_take_and_return_is_public():
    known, public = names_of_types(), {getattr(cachectl, name) for name in cachectl.__all__}
    missing = {}
    for title, function in operations():
        hints = typing.get_type_hints(function, None, known)
        for annotation in hints.values():
            for found in classes_in(annotation):
                if found not in public:
                    missing[title] = found
    assert missing == {}
