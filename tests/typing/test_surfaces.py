"""Both engines have the same surface: names, parameters, defaults; what one returns the other awaits."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from cachectl import AsyncCache, AsyncCleanup, AsyncNamespace, Cache, Cleanup, Namespace

PAIRS = ((Cache, AsyncCache), (Namespace, AsyncNamespace), (Cleanup, AsyncCleanup))
IMMEDIATE = {
    Cache: {
        "cached",
        "namespace",
        "observe",
        "of",
        "open",
        "policy",
        "policy_from",
        "require_writable",
    },
    Namespace: {"entries", "key", "name", "operations", "policy", "state", "stored_key"},
    Cleanup: {"report"},
}
"""What does no I/O when it is called, and is not awaited in either."""


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def parameters(kind: type, name: str) -> list[tuple[str, Any, Any]]:
    signature = inspect.signature(getattr(kind, name))
    return [(each.name, each.kind, each.default) for each in signature.parameters.values()]


@pytest.mark.parametrize(("sync", "awaited"), PAIRS)
def test_the_names_are_the_same(sync: type, awaited: type):
    assert public(sync) == public(awaited)


@pytest.mark.parametrize(("sync", "awaited"), PAIRS)
def test_the_parameters_and_their_defaults_are_the_same(sync: type, awaited: type):
    functions = [name for name in public(sync) if inspect.isroutine(getattr(sync, name))]
    assert functions
    assert {name: parameters(sync, name) for name in functions} == {
        name: parameters(awaited, name) for name in functions
    }


@pytest.mark.parametrize(("sync", "awaited"), PAIRS)
def test_all_that_does_io_is_awaited(sync: type, awaited: type):
    functions = {name for name in public(sync) if inspect.isroutine(getattr(sync, name))}
    assert not any(inspect.iscoroutinefunction(getattr(sync, name)) for name in functions)
    waits = {name for name in functions if inspect.iscoroutinefunction(getattr(awaited, name))}
    assert waits == functions - IMMEDIATE[sync]


def test_entries_are_iterated_by_each_in_its_way(tmp_path):
    def returned(function: Callable[..., Any]) -> Any:
        return inspect.signature(function, eval_str=True).return_annotation.__origin__

    assert returned(Namespace.entries) is Iterator
    assert returned(AsyncNamespace.entries) is AsyncIterator
