"""What a loader returned is paid for: it reaches the caller, whether or not it can be stored."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from cachectl import Cache, UnsupportedValue, UsageError
from cachectl.testing import Clock
from tests.support.openers import Opener

TOO_COSTLY: Callable[[Any], float] = lambda value: 2e6  # noqa: E731 - dollars


pytestmark = pytest.mark.parametrize("place", ["memory", "file"], indirect=True)


@pytest.fixture(params=[True, False], ids=["strict", "lenient"])
def cache(request: pytest.FixtureRequest, any_opener: Opener) -> Cache:
    return any_opener(strict=request.param)


def pair() -> tuple[int, int]:
    return 1, 2


def costing(error: Exception) -> Callable[[Any], float]:
    def cost(value: object) -> float:
        raise error

    return cost


def test_a_loaded_value_that_cannot_be_stored_is_returned_and_counts_an_error(cache: Cache):
    users = cache.namespace("users")
    assert [users.get_or_load("k", pair) for _ in range(3)] == [(1, 2)] * 3
    assert users.get_or_load("k", pair, bypass=True) == (1, 2)
    figures = users.stats()
    assert (figures.errors, figures.sets, figures.entries) == (4, 0, 0)


@pytest.mark.parametrize("cost", [TOO_COSTLY, costing(KeyError("tokens")), lambda value: "much"])
def test_a_cost_that_cannot_be_told_loses_no_value(cache: Cache, cost: Callable[[Any], Any]):
    users = cache.namespace("users")
    assert users.get_or_load("k", dict, cost=cost) == {}
    figures = users.stats()
    assert (figures.errors, figures.entries) == (1, 0)


def test_a_loaded_value_over_max_bytes_is_an_error_like_any_other(cache: Cache):
    users = cache.namespace("users", max_bytes=1000)
    assert users.get_or_load("k", lambda: "x" * 2000) == "x" * 2000
    figures = users.stats()
    assert (figures.errors, figures.entries) == (1, 0)


def test_it_is_logged_once_a_namespace_with_function_namespace_and_key(cache: Cache, caplog):
    caplog.set_level(logging.WARNING)
    for name in ("users", "others"):
        for key in ("first", "second"):
            cache.namespace(name).get_or_load(key, pair)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"namespace {name}: what {__name__}.pair returned for the key 'first' is not stored: "
        "a tuple of anything but numpy arrays cannot be cached: store list(…) of it, "
        "or give the namespace a dump= and a load= that do so"
        for name in ("users", "others")
    ]


def test_decorated_functions_lose_no_value(place: dict[str, object], clock: Clock, caplog):
    caplog.set_level(logging.WARNING)
    opener = Opener(place, clock)
    cache = opener(strict=False)

    @cache.cached("users", key="k{}".format)
    def view(number: int) -> tuple[str, int]:
        return "created", number

    @cache.cached("pages")
    async def page(number: int) -> tuple[str, int]:
        return "created", number

    assert view(201) == view(201) == view.refresh(201) == ("created", 201)
    assert asyncio.run(page(201)) == asyncio.run(page.refresh(201)) == ("created", 201)
    first, second = (record.getMessage() for record in caplog.records)
    assert "view returned for the key 'k201'" in first
    assert "page returned for the key" in second
    assert cache.stats().totals.errors == 5
    opener.close()


def test_what_is_known_before_the_load_is_refused_before_it(cache: Cache):
    users = cache.namespace("users")
    calls: list[int] = []
    options: list[dict[str, Any]] = [{"ttl": 0}, {"tags": [""]}, {"cost": -1}]
    for refused in options:
        with pytest.raises(UsageError):
            users.get_or_load("k", lambda: calls.append(1), **refused)
    assert calls == []


def test_set_raises_as_ever(cache: Cache):
    users = cache.namespace("users")
    with pytest.raises(UnsupportedValue):
        users.set("k", (1, 2))
    with pytest.raises(UnsupportedValue):
        users.set_many({"k": (1, 2)})
