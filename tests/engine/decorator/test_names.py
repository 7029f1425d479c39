"""The names of functions: two functions never share a result, one keeps its own."""

import functools
import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from cachectl import UsageError
from tests.support.openers import Opener
from tests.support.processes import run

SUMMARIZE = """
with open_cache(strict=True) as cache:
    @cache.cached("shared")
    def summarize(text): return "a summary"
    print(json.dumps(summarize("hello")))
"""
TRANSLATE = SUMMARIZE.replace("summarize", "translate").replace("a summary", "bonjour")

in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)


@pytest.fixture
def cache(opener: Opener):
    return opener()


def double(number: int, times: int = 2) -> int:
    return number * times


@pytest.mark.parametrize("opener", ["file", "redis"], indirect=True)
def test_functions_of_two_processes_never_share_a_result(opener):
    assert run(SUMMARIZE, opener.settings) == "a summary"
    assert run(TRANSLATE, opener.settings) == "bonjour"


@in_memory
def test_functions_of_one_namespace_never_share_a_result(cache):
    @cache.cached("images")
    def render() -> str:
        return "render"

    @cache.cached("images")
    def enlarge() -> str:
        return "enlarge"

    assert (render(), enlarge(), render(), enlarge()) == ("render", "enlarge") * 2


@in_memory
def test_a_function_that_is_defined_anew_keeps_its_entries(cache):
    source = "@cache.cached('cells')\ndef cell(x): return {value!r}"
    names: dict[str, Any] = {"cache": cache, "__name__": "notebook"}

    exec(source.format(value="first"), names)
    assert names["cell"](1) == "first"
    exec(source.format(value="second"), names)
    assert names["cell"](1) == "first"
    assert names["cell"].key(1).startswith("notebook.cell:")


@in_memory
def test_a_pinned_name_keeps_entries_over_a_rename(cache):
    @cache.cached("images", name="old.place.draw")
    def paint(prompt: str) -> str:
        return prompt

    @cache.cached("images", name="old.place.draw")
    def sketch(prompt: str) -> str:
        return "never called"

    assert paint("cat") == sketch("cat") == "cat"
    assert paint.key("cat").startswith("old.place.draw:")


@in_memory
@pytest.mark.parametrize("name", ["", "x" * 1000, 5, "\ud800"])
def test_an_impossible_name_is_refused(cache, name):
    with pytest.raises(UsageError, match="name"):
        cache.cached("images", name=name)(double)


@in_memory
def test_functions_of_one_factory_differ_by_the_constants_they_captured(cache):
    def make(factor: int) -> Callable[[int], int]:
        @cache.cached("factory")
        def times(value: int) -> int:
            return value * factor

        return times

    assert (make(2)(10), make(3)(10), make(2)(10)) == (20, 30, 20)
    assert cache.namespace("factory").stats().hits == 1


@in_memory
def test_functions_of_one_wrapper_differ_by_the_functions_they_captured(cache):
    def logged(function: Callable[[int], int]) -> Callable[[int], int]:
        def wrapper(value: int) -> int:
            return function(value)

        return wrapper

    def triple(value: int) -> int:
        return value * 3

    one, other = cache.cached("logged")(logged(double)), cache.cached("logged")(logged(triple))
    assert (one(1), other(1)) == (2, 3)


@in_memory
def test_functions_that_nothing_tells_apart_are_refused(cache):
    def make(database: list[int]) -> Any:
        def find(number: int) -> int:
            return database[number]

        return find

    one = [1]
    cache.cached("found")(make(one))
    assert cache.cached("found")(make(one))(0) == 1
    with pytest.raises(UsageError, match=r"find: another function.*pass name="):
        cache.cached("found")(make([2]))
    assert cache.cached("found", name="second")(make([2]))(0) == 2


@in_memory
def test_a_partial_is_its_function_with_arguments(cache):
    plain = cache.cached("numbers")(double)
    four = cache.cached("numbers")(functools.partial(double, 4))
    thrice = cache.cached("numbers")(functools.partial(double, times=3))
    assert (four(), thrice(5), plain(5)) == (8, 15, 10)
    assert (four.key(), thrice.key(5)) == (plain.key(4), plain.key(5, 3))


class Scale:
    def __init__(self, factor: int, log: list[int]) -> None:
        self.factor, self.log = factor, log

    def __call__(self, value: int) -> int:
        return value * self.factor


@in_memory
def test_a_callable_object_is_named_after_its_type_and_constants(cache):
    log: list[int] = []
    two, three = (cache.cached("scales")(Scale(factor, log)) for factor in (2, 3))
    assert two.key(1).startswith(f"{__name__}.Scale:")
    assert (two(10), three(10)) == (20, 30)
    with pytest.raises(UsageError, match="name="):
        cache.cached("scales")(Scale(2, []))


@in_memory
def test_builtins_are_named_by_what_python_calls_them(cache):
    builtins: tuple[tuple[Any, str], ...] = (
        (len, "builtins.len"),
        (math.sqrt, "math.sqrt"),
        (str.upper, "builtins.str.upper"),
        ("{}!".format, "builtins.str.format"),
        (str, "builtins.str"),
    )
    for builtin, name in builtins:
        cached = cache.cached("builtins")(builtin)
        argument: object = 4.0 if builtin is math.sqrt else "text"
        assert cached(argument) == cached(argument) == builtin(argument)
        assert cached.key(argument).startswith(f"{name}:")
    assert cache.cached("builtins")("{}?".format)("text") == "text?"


@in_memory
def test_a_function_of_a_script_is_named_as_if_it_were_imported(cache, monkeypatch):
    main = ModuleType("__main__")
    main.__file__ = "/srv/jobs/report.py"
    monkeypatch.setitem(sys.modules, "__main__", main)

    def build() -> str:
        return "built"

    build.__module__, build.__qualname__ = "__main__", "build"
    assert cache.cached("jobs")(build).key().startswith("report.build:")
