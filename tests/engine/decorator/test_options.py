"""The options of the decorator: checked when it decorates, and what a bypass is."""

import asyncio
import inspect
from typing import Any
from unittest.mock import AsyncMock

import pytest

from cachectl import InvalidKey, UnsupportedValue, UsageError
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["memory"], indirect=True)


@pytest.fixture
def cache(opener: Opener):
    return opener()


def answer(question: str, *, model: str = "a") -> str:
    return f"{question} {model}"


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": "1 hour"}, {"ttl": 0}, {"ttl": -3}, {"tags": "org"}, {"tags": [""]}, {"cost": -1},
        {"cost": "much"}, {"key": "k"}, {"key": str, "name": "n"}, {"key": str, "ignore": ["x"]},
        {"ignore": "question"}, {"ignore": ["nope"]}, {"ignore": [1]}, {"bypass": "not a name"},
        {"bypass": 1}, {"name": ""},
    ],
    ids=str,
)  # fmt: skip
def test_an_impossible_option_is_refused_when_it_decorates(cache, options):
    with pytest.raises(UsageError):
        cache.cached("ai", **options)(answer)


def test_an_impossible_namespace_is_refused_before_there_is_a_function(cache):
    for wrong in ("", "a b", answer):
        with pytest.raises(InvalidKey):
            cache.cached(wrong)


def test_tags_are_those_that_were_given_when_it_decorated(cache):
    tags = ["org:1"]
    cached = cache.cached("ai", tags=tags)(answer)
    tags.append("org:2")
    cached("why")
    assert cache.namespace("ai").peek(cached.key("why")).tags == ("org:1",)


def test_an_ignored_argument_does_not_count(cache):
    calls = []

    @cache.cached("ai", ignore=["session", "trace"])
    def ask(question: str, session: object = None, **options: object) -> str:
        calls.append(question)
        return question

    ask("why", object())
    ask("why", session=object(), trace=object())
    assert len(calls) == 1
    ask("why", depth=2)
    assert len(calls) == 2


def test_a_bypass_by_name_loads_anew_and_is_no_part_of_the_key(cache):
    calls = []

    @cache.cached("ai", bypass="bypass_cache")
    def ask(question: str) -> int:
        calls.append(question)
        return len(calls)

    assert (ask("why"), ask("why", bypass_cache=False)) == (1, 1)
    assert (ask("why", bypass_cache=True), ask("why")) == (2, 2)
    assert ask.key("why", bypass_cache=True) == ask.key("why")
    assert ask.refresh("why", bypass_cache=True) == 3
    assert ask.invalidate("why", bypass_cache=True)


def test_a_bypass_is_passed_on_to_a_function_that_takes_it(cache):
    seen = []

    @cache.cached("ai", bypass="fresh")
    def ask(question: str, fresh: bool = False) -> int:
        seen.append(fresh)
        return len(seen)

    assert [ask("why"), ask("why", True), ask("why", fresh=True), ask("why", False)] == [1, 2, 3, 3]
    assert seen == [False, True, True]
    assert ask.key("why", True) == ask.key("why")


def test_a_bypass_of_an_async_function_is_awaited(cache):
    """As the AI system has it: `await …(bypass_cache=True)`."""
    calls = []

    @cache.cached("ai", bypass="bypass_cache", cost=len)
    async def ask(question: str) -> str:
        calls.append(question)
        return "because"

    async def main() -> list[str]:
        return [await ask("why"), await ask("why", bypass_cache=True), await ask("why")]

    assert inspect.iscoroutinefunction(ask)
    assert asyncio.run(main()) == ["because"] * 3
    assert len(calls) == 2
    assert cache.namespace("ai").peek(ask.key("why")).cost == 7_000_000


def test_a_bypass_may_be_a_function_of_the_arguments(cache):
    calls = []

    @cache.cached("ai", bypass=lambda question, **_: question.startswith("!"))
    def ask(question: str) -> int:
        calls.append(question)
        return len(calls)

    assert [ask("why"), ask("why"), ask("!why"), ask("!why")] == [1, 1, 2, 3]


def rows() -> Any:
    yield 1


async def async_rows() -> Any:
    yield 1


class Rows:
    def __call__(self) -> Any:
        yield 1


@pytest.mark.parametrize("function", [rows, async_rows, Rows()], ids=["rows", "async_rows", "Rows"])
def test_a_generator_function_is_refused_when_decorated(cache, function):
    with pytest.raises(UsageError, match="generator function"):
        cache.cached("ai")(function)


@pytest.mark.parametrize("function", [lambda: 1, 5, None], ids=["lambda", "5", "None"])
def test_what_has_no_name_or_no_call_is_refused_when_decorated(cache, function):
    with pytest.raises(UsageError, match=r"name=|can be called"):
        cache.cached("ai")(function)


def test_a_lambda_with_a_name_is_a_function(cache):
    assert cache.cached("ai", name="one")(lambda: 1)() == 1


class Asks:
    async def __call__(self, question: str) -> str:
        return question * 2


def test_an_object_with_an_async_call_is_awaited(cache):
    ask = cache.cached("ai")(Asks())
    assert inspect.iscoroutinefunction(ask)
    assert asyncio.run(ask("a")) == asyncio.run(ask("a")) == "aa"


def test_what_says_that_it_is_async_is_awaited(cache):
    ask = AsyncMock(return_value="because")
    cached = cache.cached("ai")(ask)
    assert [asyncio.run(cached("why")), asyncio.run(cached("why"))] == ["because"] * 2
    assert ask.await_count == 1


def test_a_function_that_returns_a_coroutine_is_refused_when_called(cache):
    @cache.cached("ai")
    def ask(question: str) -> Any:
        return Asks()(question)

    for call in (ask, ask.refresh):
        with pytest.raises(UnsupportedValue, match=r"ask returned a coroutine.*async function"):
            call("why")
    cache.namespace("ai", enabled=False)
    with pytest.raises(UnsupportedValue, match="returned a coroutine"):
        ask("why")


def test_an_async_loader_is_refused_before_it_runs(cache):
    ran = []

    async def load() -> str:
        ran.append(1)
        return "x"

    ai = cache.namespace("ai")
    for bypass in (False, True):
        with pytest.raises(UsageError, match="is async, and would not be awaited"):
            ai.get_or_load("k", load, bypass=bypass)
    assert (ran, ai.has("k")) == ([], False)
