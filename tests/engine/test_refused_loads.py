"""What somebody removes by a pattern, or by its key, is not brought back by a load under way."""

from collections.abc import Callable

import pytest

from cachectl import MISSING, Cache
from cachectl._admin.clear import ClearPlan
from cachectl._engine.namespace import Namespace
from tests.support.openers import SHARED, Opener

CLEARS: dict[str, Callable[[Cache], ClearPlan]] = {
    "--match": lambda cache: ClearPlan(cache, ["a"], None, "user:*"),
    "--match of all": lambda cache: ClearPlan(cache, [], None, "user:*"),
    "--tag --match": lambda cache: ClearPlan(cache, ["a"], "t", "user:*"),
    "--key": lambda cache: ClearPlan(cache, ["a"], None, None, lambda _: ["user:1"]),
    "NS": lambda cache: ClearPlan(cache, ["a"], None, None),
}


@pytest.mark.parametrize("clear", CLEARS)
@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_what_the_tool_clears_while_it_is_loaded_does_not_come_back(opener: Opener, clear: str):
    """Though nothing is there yet: a listing does not find it."""
    application, tool = opener(strict=False), opener()
    namespace = application.namespace("a")
    namespace.set("other", 1)

    def load() -> str:
        CLEARS[clear](tool).run()
        return "stale"

    assert namespace.get_or_load("user:1", load) == "stale"
    assert namespace.get("user:1") is MISSING
    assert (namespace.get("other") is MISSING) == (clear == "NS")


def test_loads_are_refused_and_those_that_begin_later_are_not(opener: Opener):
    """In the process itself as in others, on every backend; entries stay."""
    cache = opener(strict=False)
    namespace: Namespace = cache.namespace("a")
    namespace.set("there", 1)

    def load() -> str:
        cache.refuse_loads("a")
        return "stale"

    assert namespace.get_or_load("k", load) == "stale"
    assert namespace.get("k") is MISSING
    assert namespace.get("there") == 1
    assert namespace.get_or_load("k", lambda: "new") == "new"
    assert namespace.get("k") == "new"
    cache.refuse_loads("unknown")
