"""The decorator: one key for all ways to call, and an event loop that never waits."""

import asyncio
import inspect
import sqlite3
import threading

import pytest

from cachectl import InvalidKey
from tests.support.openers import Opener

in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)


@pytest.fixture
def cache(opener: Opener):
    return opener()


@in_memory
def test_a_function_is_called_once_for_the_same_arguments(cache):
    calls = []

    @cache.cached("squares", ttl="1h", tags=["math"], cost=0.5)
    def square(number: int, power: int = 2, *more: int, scale: float = 1.0, **names: int) -> float:
        calls.append(number)
        return scale * number**power

    assert square(3) == square(3, 2) == square(number=3) == square(3, scale=1.0) == 9
    assert len(calls) == 1
    assert square(3, 2, 1) == square(3, a=1) == square(3.0) == 9
    assert len(calls) == 4
    entry = cache.namespace("squares").peek(square.key(3))
    assert (entry.tags, entry.cost) == (("math",), 500_000)
    assert square.__name__ == "square"


@in_memory
def test_the_key_is_the_name_and_the_hash_of_the_bound_arguments(cache):
    @cache.cached("images", name="render")
    def render(prompt: str, size: int = 512) -> bytes:
        return prompt.encode() * size

    images = cache.namespace("images")
    assert render.key("cat") == "render:" + images.key({"prompt": "cat", "size": 512})
    render("cat")
    assert images.get(render.key(prompt="cat")) == b"cat" * 512
    with pytest.raises(TypeError):
        render.key()


@in_memory
def test_calls_differ_by_the_types_of_their_arguments(cache):
    @cache.cached("types")
    def told(value: object, other: object = None) -> str:
        return repr((value, other))

    values = [1, 1.0, True, "1", b"1", None, (1,), (1.0,), ("1",), ((1,),), [1], {"a": 1}, (), ""]
    for _ in range(2):  # made, and remembered
        assert [told(value) for value in values] == [repr((value, None)) for value in values]
        assert [told(0, other=value) for value in values] == [repr((0, value)) for value in values]
    assert len({told.key(value) for value in values}) == len(values)


@in_memory
def test_equal_numbers_of_one_type_are_one_argument(cache):
    @cache.cached("types")
    def told(value: float) -> str:
        return repr(value)

    assert told(-0.0) == told(0.0)
    assert told(float("nan")) == told(float("nan"))
    assert cache.namespace("types").stats().entries == 2


@in_memory
def test_a_changed_policy_makes_other_keys_of_the_same_arguments(cache):
    @cache.cached("songs")
    def told(tempo: float) -> str:
        return repr(tempo)

    before = told.key(120.04)
    assert told(120.04) == "120.04"
    cache.namespace("songs", key_decimals=1)
    assert told.key(120.04) == told.key(120.0) != before
    assert told(120.0) == told(120.04) == "120.0"


@in_memory
def test_a_key_of_its_own_makes_other_arguments_irrelevant(cache):
    @cache.cached("images", key=lambda request, user: f"{user}/avatar")
    def avatar(request: object, user: str) -> str:
        return f"of {user}"

    assert avatar(object(), "ann") == avatar(object(), "ann")
    assert cache.namespace("images").get("ann/avatar") == "of ann"


@in_memory
def test_an_argument_without_a_canonical_form_is_named(cache):
    @cache.cached("images")
    def render(prompt: str, thing: object) -> str:
        return "x"

    with pytest.raises(InvalidKey, match=r"object: argument 'thing' of .*render.*ignore="):
        render("cat", object())


@in_memory
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_none_and_exceptions(cache, kind):
    calls = []

    @cache.cached("users")
    def find(user: str) -> None:
        calls.append(user)
        if len(calls) == 1:
            raise LookupError(user)

    @cache.cached("users2")
    async def find_async(user: str) -> None:
        calls.append(user)
        if len(calls) == 1:
            raise LookupError(user)

    function = find if kind == "sync" else lambda user: asyncio.run(find_async(user))
    with pytest.raises(LookupError):
        function("ann")
    assert function("ann") is None
    assert function("ann") is None
    assert len(calls) == 2


@in_memory
def test_an_async_function_stays_one(cache):
    @cache.cached("users")
    async def find(user: str) -> str:
        return user

    assert inspect.iscoroutinefunction(find)
    assert asyncio.run(find("ann")) == asyncio.run(find("ann")) == "ann"
    figures = cache.stats().namespaces["users"]
    assert (figures.hits, figures.misses, figures.sets) == (1, 1, 1)


@in_memory
def test_a_disabled_namespace_calls_the_function_each_time(cache):
    calls = []

    @cache.cached("users")
    def find(user: str) -> None:
        calls.append(user)

    @cache.cached("users")
    async def find_async(user: str) -> None:
        calls.append(user)

    find("ann")
    asyncio.run(find_async("ann"))
    cache.namespace("users", enabled=False)
    for _ in range(2):
        find("ann")
        asyncio.run(find_async("ann"))
    assert len(calls) == 6
    cache.namespace("users", enabled=True)
    find("ann")
    assert len(calls) == 6


@in_memory
def test_a_call_is_loaded_anew_removed_and_left_alone(cache):
    calls = []

    @cache.cached("users")
    def find(user: str) -> int:
        calls.append(user)
        return len(calls)

    assert (find("ann"), find.refresh("ann"), find("ann")) == (1, 2, 2)
    assert (find.uncached("ann"), find("ann")) == (3, 2)
    assert (find.invalidate("ann"), find.invalidate("ann"), find("ann")) == (True, False, 4)
    assert find.__wrapped__("ann") == 5


@in_memory
def test_an_async_call_is_loaded_anew_removed_and_left_alone(cache):
    calls = []

    @cache.cached("users")
    async def find(user: str) -> int:
        calls.append(user)
        return len(calls)

    async def main() -> None:
        assert (await find("ann"), await find.refresh("ann"), await find("ann")) == (1, 2, 2)
        assert (find.invalidate("ann"), await find("ann"), await find.uncached("ann")) == (
            True,
            3,
            4,
        )

    assert inspect.iscoroutinefunction(find.refresh)
    asyncio.run(main())


@pytest.mark.parametrize("opener", ["file"], indirect=True)
def test_an_async_function_does_not_block_its_loop_while_the_store_waits(opener: Opener):
    """The database is locked by another connection while the loaded value is stored."""
    cache = opener()
    cache.namespace("users").set("other", 1)
    locked = sqlite3.connect(
        opener.directory / "cache.db", isolation_level=None, check_same_thread=False
    )

    @cache.cached("users")
    async def find(user: str) -> str:
        locked.execute("BEGIN IMMEDIATE")
        unlocking = threading.Timer(0.4, locked.execute, ("ROLLBACK",))
        unlocking.start()
        return user * 2

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        longest, last = 0.0, loop.time()
        task = asyncio.ensure_future(find("ann"))
        while not task.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, loop.time() - last), loop.time()
        return await task, longest

    found, longest = asyncio.run(main())
    locked.close()
    assert found == "annann"
    assert cache.namespace("users").get(find.key("ann")) == "annann"
    assert longest < 0.3
