"""The decorator on methods: whose object or class counts, and whose does not."""

import asyncio
import inspect
import pickle
from typing import Any

import pytest

from cachectl import Cache, UsageError
from tests.support.openers import Opener, settings


@pytest.fixture
def cache(opener: Opener):
    return opener()


pytestmark = pytest.mark.parametrize("opener", ["memory"], indirect=True)


def test_a_method_that_ignores_self_shares_results_over_objects(cache):
    class Painter:
        calls = 0

        @cache.cached("images", ignore=["self"])
        def draw(self, prompt: str, size: int = 8) -> str:
            Painter.calls += 1
            return prompt * size

    one, other = Painter(), Painter()
    assert one.draw("x") == other.draw("x", 8) == Painter.draw(one, prompt="x") == "x" * 8
    assert Painter.calls == 1
    assert one.draw.key("x") == Painter.draw.key(other, "x")


def test_a_method_that_says_nothing_of_self_is_refused(cache):
    """Objects differ: nobody's results are another's unless that was asked for."""
    with pytest.raises(UsageError, match=r"draw is a method: pass ignore=\['self'\]"):

        class Painter:
            @cache.cached("images")
            def draw(self, prompt: str) -> str:
                return prompt


def test_a_key_of_its_own_may_be_made_of_the_object(cache):
    class Painter:
        def __init__(self, style: str) -> None:
            self.style = style

        @cache.cached("images", key=lambda self, prompt: f"{self.style}/{prompt}")
        def draw(self, prompt: str) -> str:
            return f"{prompt} in {self.style}"

    assert Painter("ink").draw("cat") == "cat in ink"
    assert Painter("oil").draw("cat") == "cat in oil"
    assert Painter("oil").draw.key("cat") == "oil/cat"


@pytest.mark.parametrize("order", ["above", "below"])
def test_a_class_method_is_told_by_its_class(cache, order):
    decorators: list[Any] = [cache.cached("images"), classmethod]
    first, second = decorators if order == "above" else reversed(decorators)

    class Painter:
        @first
        @second
        def style(cls: Any, prompt: str) -> str:  # noqa: N805
            return f"{prompt} by {cls.__name__}"

    class Other(Painter):
        pass

    assert (Painter.style("cat"), Other.style("cat")) == ("cat by Painter", "cat by Other")
    assert Painter().style("cat") == "cat by Painter"
    assert Painter.style.key("cat") != Other.style.key("cat")
    assert Painter.style.invalidate("cat")
    assert cache.namespace("images").stats().entries == 1


@pytest.mark.parametrize("order", ["above", "below"])
def test_a_static_method_is_a_function(cache, order):
    decorators: list[Any] = [cache.cached("images"), staticmethod]
    first, second = decorators if order == "above" else reversed(decorators)

    class Painter:
        @first
        @second
        def style(prompt: str) -> str:  # noqa: N805
            return prompt * 2

    assert Painter.style("a") == Painter().style("a") == "aa"
    assert Painter().style.key("a") == Painter.style.key("a")


def test_a_property_is_decorated_below(cache):
    class Painter:
        @property
        @cache.cached("images", ignore=["self"])
        def best(self) -> str:
            return "cat"

    assert (Painter().best, Painter().best) == ("cat", "cat")
    with pytest.raises(UsageError, match="below @property"):
        cache.cached("images")(property(lambda self: "cat"))


def test_what_a_method_can_do_is_done_for_its_object(cache):
    class Painter:
        def __init__(self) -> None:
            self.calls = 0

        @cache.cached("images", key=lambda self, prompt: f"{id(self)} {prompt}")
        def draw(self, prompt: str) -> int:
            self.calls += 1
            return self.calls

    one, other = Painter(), Painter()
    assert (one.draw("x"), other.draw("x")) == (1, 1)
    assert (one.draw.refresh("x"), one.draw("x"), other.draw("x")) == (2, 2, 1)
    assert one.draw.uncached("x") == 3
    assert one.draw.invalidate("x")
    assert (one.draw("x"), other.draw("x")) == (4, 1)


def test_an_async_method_is_a_coroutine_function(cache):
    class Painter:
        @cache.cached("images", ignore=["self"], bypass="anew")
        async def draw(self, prompt: str) -> str:
            """Draw it."""
            return prompt * 2

    draw: Any = Painter().draw
    assert inspect.iscoroutinefunction(draw)
    assert inspect.iscoroutinefunction(draw.refresh)
    assert str(inspect.signature(draw)) == "(prompt: str) -> str"
    assert (draw.__name__, draw.__doc__) == ("draw", "Draw it.")
    assert asyncio.run(draw("a")) == asyncio.run(draw("a", anew=True)) == "aa"


CACHE = Cache.of(settings("memory", memory__publish=False), strict=True)


class Square:
    """A class that a worker can import."""

    @CACHE.cached("squares", ignore=["self"])
    def of(self, number: int) -> int:
        return number**2


@CACHE.cached("squares")
def square(number: int) -> int:
    return number**2


def test_functions_and_methods_are_pickled_by_name(cache):
    assert pickle.loads(pickle.dumps(square)) is square
    assert pickle.loads(pickle.dumps(Square.of)) is Square.of
    assert pickle.loads(pickle.dumps(Square().of))(3) == 9
