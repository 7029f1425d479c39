"""What callers pass: refused in words, by errors of ours, before anything is paid, written or removed."""

import asyncio
import copy
import datetime as dt
import enum
import math
import multiprocessing
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachectl import (
    AsyncCache,
    BackendRefused,
    Cache,
    InvalidKey,
    UnsupportedValue,
    UsageError,
    Write,
)
from cachectl._model.arguments import shown
from cachectl.testing import Clock
from tests.support.openers import Opener

in_memory_and_files = pytest.mark.parametrize("opener", ["memory", "file"], indirect=True)
in_memory = pytest.mark.parametrize("opener", ["memory"], indirect=True)


class Text(str):
    __slots__ = ()


class Name(enum.StrEnum):
    ANN = "ann"


class Unspeakable:
    """An object whose every question is an error."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


ODD: dict[str, Any] = {
    "None": None, "zero": 0, "negative": -3, "one": 1, "true": True, "false": False, "nan": math.nan,
    "infinite": math.inf, "huge": 10**400, "too long to be written": 10**5000, "fraction": 1.5,
    "empty": "", "a word": "a", "an hour": "1 hour", "none": "none", "digits": "9" * 5000,
    "a surrogate": "\ud800", "a zero byte": "a\0b", "long": "x" * 5000, "bytes": b"a",
    "bytearray": bytearray(b"a"), "view": memoryview(b"a"), "list": ["a"], "numbers": [1, 2],
    "nothing in a list": [None], "twenty": [f"t{n}" for n in range(20)], "tuple": ("a",),
    "set": {"a"}, "mapping": {"a": 1}, "object": object(), "unspeakable": Unspeakable(),
    "text": Text("a"), "enum": Name.ANN, "numpy text": np.str_("a"), "numpy number": np.int64(3),
    "numpy float": np.float64(1.5), "long double": np.longdouble(1.5), "array": np.zeros(3),
    "empty array": np.zeros(0), "decimal": Decimal("0.5"), "no decimal": Decimal("sNaN"),
    "timedelta": dt.timedelta(hours=1), "no time": dt.timedelta(0),
    "date": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "function": lambda: 1, "class": int, "complex": 1j,
    "deep": nested(3000), "cyclic": cyclic(),
}  # fmt: skip
IN_NAMESPACES: dict[str, Callable[[Any, Any], object]] = {
    "get": lambda users, odd: users.get(odd),
    "set key": lambda users, odd: users.set(odd, 1),
    "set value": lambda users, odd: users.set("new", odd),
    "set ttl": lambda users, odd: users.set("new", 1, ttl=odd),
    "set tags": lambda users, odd: users.set("new", 1, tags=odd),
    "set cost": lambda users, odd: users.set("new", 1, cost=odd),
    "set load_seconds": lambda users, odd: users.set("new", 1, load_seconds=odd),
    "set nx": lambda users, odd: users.set("new", 1, nx=odd),
    "set xx": lambda users, odd: users.set("new", 1, xx=odd),
    "set_many": lambda users, odd: users.set_many(odd),
    "set_many item": lambda users, odd: users.set_many([Write("new", 1), odd]),
    "set_many value": lambda users, odd: users.set_many({"new": 1, "odd": odd}),
    "Write key": lambda users, odd: users.set_many([Write("new", 1), Write(odd, 1)]),
    "Write ttl": lambda users, odd: users.set_many([Write("new", 1), Write("k", 1, ttl=odd)]),
    "Write tags": lambda users, odd: users.set_many([Write("new", 1), Write("k", 1, tags=odd)]),
    "Write cost": lambda users, odd: users.set_many([Write("new", 1), Write("k", 1, cost=odd)]),
    "Write load_us": lambda users, odd: users.set_many(
        [Write("new", 1), Write("k", 1, load_us=odd)]
    ),
    "delete": lambda users, odd: users.delete(odd),
    "delete_many": lambda users, odd: users.delete_many(odd),
    "delete_many item": lambda users, odd: users.delete_many(["ann", odd]),
    "invalidate": lambda users, odd: users.invalidate(tag=odd),
    "peek": lambda users, odd: users.peek(odd),
    "details": lambda users, odd: users.details(odd),
    "has": lambda users, odd: users.has(odd),
    "in": lambda users, odd: odd in users,
    "entries": lambda users, odd: list(users.entries(odd)),
    "stats": lambda users, odd: users.stats(since=odd),
    "key": lambda users, odd: users.key(odd),
    "extra": lambda users, odd: users.key({}, extra=odd),
    "stored_key": lambda users, odd: users.stored_key(odd),
}
LOADS: dict[str, Callable[[Any, Any, Any], object]] = {
    "key": lambda users, load, odd: users.get_or_load(odd, load),
    "ttl": lambda users, load, odd: users.get_or_load("new", load, ttl=odd),
    "tags": lambda users, load, odd: users.get_or_load("new", load, tags=odd),
    "cost": lambda users, load, odd: users.get_or_load("new", load, cost=odd),
    "bypass": lambda users, load, odd: users.get_or_load("new", load, bypass=odd),
}
WARM = {"namespace": "warm", "keys": ["new"]}
OF_CACHES: dict[str, Callable[[Any, Any, Any], object]] = {
    "namespace": lambda cache, load, odd: cache.namespace(odd),
    "ttl": lambda cache, load, odd: cache.namespace("o", ttl=odd),
    "max_entries": lambda cache, load, odd: cache.namespace("o", max_entries=odd),
    "max_bytes": lambda cache, load, odd: cache.namespace("o", max_bytes=odd),
    "key_decimals": lambda cache, load, odd: cache.namespace("o", key_decimals=odd),
    "enabled": lambda cache, load, odd: cache.namespace("o", enabled=odd),
    "eviction": lambda cache, load, odd: cache.namespace("o", eviction=odd),
    "compress": lambda cache, load, odd: cache.namespace("o", compress=odd),
    "keys": lambda cache, load, odd: cache.namespace("o", keys=odd),
    "dump": lambda cache, load, odd: cache.namespace("o", dump=odd),
    "load": lambda cache, load, odd: cache.namespace("o", load=odd),
    "invalidate": lambda cache, load, odd: cache.invalidate(tag=odd),
    "manifest": lambda cache, load, odd: cache.warm(odd),
    "warm namespace": lambda cache, load, odd: cache.warm(namespace=odd, writes={"a": 1}),
    "warm writes": lambda cache, load, odd: cache.warm(namespace="warm", writes=odd),
    "warm keys": lambda cache, load, odd: cache.warm(namespace="warm", keys=odd, loader=str),
    "warm ttl": lambda cache, load, odd: cache.warm(**WARM, loader=load, ttl=odd),
    "warm tags": lambda cache, load, odd: cache.warm(**WARM, loader=load, tags=odd),
    "warm cost": lambda cache, load, odd: cache.warm(**WARM, loader=load, cost=odd),
    "warm refresh": lambda cache, load, odd: cache.warm(**WARM, loader=load, refresh=odd),
    "warm jobs": lambda cache, load, odd: cache.warm(**WARM, loader=load, jobs=odd),
    "stats": lambda cache, load, odd: cache.stats(odd),
    "stats since": lambda cache, load, odd: cache.stats(since=odd),
    "usage": lambda cache, load, odd: cache.usage(odd),
    "cleanup": lambda cache, load, odd: cache.cleanup(odd),
    "older_than": lambda cache, load, odd: cache.plan_cleanup(older_than=odd),
    "cleanup entries": lambda cache, load, odd: cache.plan_cleanup(max_entries=odd),
    "cleanup bytes": lambda cache, load, odd: cache.plan_cleanup(max_bytes=odd),
    "deadline": lambda cache, load, odd: cache.cleanup(deadline=odd),
    "run": lambda cache, load, odd: cache.plan_cleanup().run(odd),
    "dry run": lambda cache, load, odd: cache.plan_cleanup().dry_run(odd),
    "refuse_loads": lambda cache, load, odd: cache.refuse_loads(odd),
    "forget": lambda cache, load, odd: cache.forget(odd),
    "reset_counts": lambda cache, load, odd: cache.reset_counts(odd),
    "observe": lambda cache, load, odd: cache.observe(odd),
    "policy": lambda cache, load, odd: cache.policy(odd),
    "policy_from": lambda cache, load, odd: cache.policy_from(odd),
    "cached": lambda cache, load, odd: cache.cached(odd),
    "cached key": lambda cache, load, odd: cache.cached("o", key=odd),
    "cached name": lambda cache, load, odd: cache.cached("o", name=odd)(load),
    "cached ignore": lambda cache, load, odd: cache.cached("o", ignore=odd)(load),
    "cached bypass": lambda cache, load, odd: cache.cached("o", bypass=odd)(load),
    "cached ttl": lambda cache, load, odd: cache.cached("o", ttl=odd),
    "cached tags": lambda cache, load, odd: cache.cached("o", tags=odd),
    "cached cost": lambda cache, load, odd: cache.cached("o", cost=odd),
    "decorated": lambda cache, load, odd: cache.cached("o")(odd),
    "open": lambda cache, load, odd: Cache.open(odd, backend="memory"),
    "open backend": lambda cache, load, odd: Cache.open(backend=odd, directory="/nonexistent"),
    "open url": lambda cache, load, odd: Cache.open(url=odd),
    "open directory": lambda cache, load, odd: Cache.open(backend="file", directory=odd),
    "open limit": lambda cache, load, odd: Cache.open(backend="memory", max_entries=odd),
    "open bytes": lambda cache, load, odd: Cache.open(backend="memory", max_bytes=odd),
    "open settings": lambda cache, load, odd: Cache.open(backend="memory", settings=odd),
    "open clock": lambda cache, load, odd: Cache.open(backend="memory", clock=odd),
}
HELD = {"ann": 1, "bob": 2}


@pytest.fixture(params=["threads", "tasks"])
def cache(request: pytest.FixtureRequest, opener: Opener) -> Any:
    """A cache with two entries, of either engine."""
    opener.engine = request.param
    cache = opener()
    cache.namespace("users").set_many(HELD)
    return cache


@pytest.fixture
def users(cache: Any) -> Any:
    return cache.namespace("users")


def attempt(call: Callable[..., object], *args: object) -> UsageError | None:
    """Return the error of ours with which a call ends, if it does; any other one is raised."""
    try:
        opened = call(*args)
    except UsageError as error:
        return error
    except BackendRefused:  # memory forgets nothing
        return None
    if isinstance(opened, Cache):
        opened.close()
    return None


def kept(users: Any) -> set[str]:
    return {each.key for each in users.entries()}


@in_memory_and_files
@pytest.mark.parametrize("probe", IN_NAMESPACES.values(), ids=IN_NAMESPACES)
def test_an_argument_of_a_namespace_is_taken_or_refused_before_anything_changes(
    users: Any, probe: Callable[[Any, Any], object]
):
    for name, odd in ODD.items():
        error = attempt(probe, users, odd)
        if error is not None:
            assert kept(users) == set(HELD), name
            assert len(str(error)) < 500, name
        users.clear()
        users.set_many(HELD)


@in_memory
@pytest.mark.parametrize("probe", LOADS.values(), ids=LOADS)
def test_an_argument_of_a_load_is_taken_or_refused_before_it_is_paid(
    users: Any, probe: Callable[[Any, Any, Any], object]
):
    for name, odd in ODD.items():
        paid: list[int] = []
        error = attempt(probe, users, lambda paid=paid: paid.append(1), odd)
        assert bool(paid) == (error is None), name
        users.clear()


@in_memory
@pytest.mark.parametrize("probe", OF_CACHES.values(), ids=OF_CACHES)
def test_an_argument_of_a_cache_is_taken_or_refused_before_it_is_paid(
    cache: Any, users: Any, probe: Callable[[Any, Any, Any], object]
):
    for name, odd in ODD.items():
        paid: list[str] = []

        def load(key: str = "", paid: list[str] = paid) -> int:
            paid.append(key)
            return 1

        error = attempt(probe, cache, load, odd)
        assert not paid or error is None, name
        assert kept(users) == set(HELD), name
    assert cache.cleanup().finished  # whatever was passed is in no figure and in nobody's way
    assert "users" in cache.stats().namespaces


@in_memory
@pytest.mark.parametrize("odd", [None, 1, "loader", object(), [len], Unspeakable()])
def test_a_loader_that_cannot_be_called_is_refused_in_words(users: Any, odd: Any):
    with pytest.raises(
        UsageError, match="namespace users, get_or_load 'new': a loader is a function"
    ):
        users.get_or_load("new", odd)


CALLS: dict[str, Callable[[Any], object]] = {
    "set 'k': not a duration: '1 hour'": lambda users: users.set("k", 1, ttl="1 hour"),
    "set 'k': not a duration: 0": lambda users: users.set("k", 1, ttl=0),
    "set 'k': tags are a list of strings, not 'org:1'": lambda users: users.set(
        "k", 1, tags="org:1"
    ),
    "set 'k': not an amount of dollars: -1": lambda users: users.set("k", 1, cost=-1),
    "set 'k': not seconds": lambda users: users.set("k", 1, load_seconds="3"),
    "set 'k': nx= is True or False, not 'no'": lambda users: users.set("k", 1, nx="no"),
    "set 'k': nx and xx exclude": lambda users: users.set("k", 1, nx=True, xx=True),
    "set 'k': a value of type datetime.date": lambda users: users.set("k", dt.date(2020, 1, 1)),
    "set_many 'k': a value of type set": lambda users: users.set_many({"j": 1, "k": {1}}),
    "set_many: what is written is a list of Write": lambda users: users.set_many("ab"),
    "set_many: what is written is a Write, not ('k', 1)": lambda users: users.set_many([("k", 1)]),
    "get_or_load 'k': not a duration": lambda users: users.get_or_load("k", int, ttl=-3),
    "get_or_load: bypass= is True or False": lambda users: users.get_or_load("k", int, bypass="no"),
    "delete_many: what is removed is a list of keys, not 'ab'": lambda users: users.delete_many(
        "ab"
    ),
    "delete_many: a key is a string, not int": lambda users: users.delete_many(["ann", 5]),
    "delete: a key is a string, not NoneType": lambda users: users.delete(None),
    "get: a key is a string, not int": lambda users: users.get(7),
    "invalidate: not a tag": lambda users: users.invalidate(tag=["t"]),
    "entries: not a tag": lambda users: list(users.entries(tag=["t"])),
}


@in_memory
@pytest.mark.parametrize(("told", "call"), [*CALLS.items()], ids=CALLS)
def test_an_error_says_which_namespace_and_call_and_key(users: Any, told: str, call: Any):
    with pytest.raises(UsageError) as caught:
        call(users)
    assert str(caught.value).startswith(f"namespace users, {told}")
    assert kept(users) == set(HELD)


@in_memory
def test_an_error_does_not_tell_a_key_that_is_a_secret(cache: Any):
    sessions = cache.namespace("sessions", keys="hashed")
    with pytest.raises(UsageError) as caught:
        sessions.set("hunter2", 1, ttl="soon")
    assert "hunter2" not in str(caught.value)


def test_of_a_collection_nothing_is_written_or_removed_unless_all_can_be(users: Any):
    """However late the bad one is."""
    writes = {f"k{number}": number for number in range(1_200)}
    with pytest.raises(UsageError, match="set_many 'bad'"):
        users.set_many({**writes, "bad": {1}})
    with pytest.raises(UsageError, match="delete_many"):
        users.delete_many([*HELD, *writes, 5])
    assert kept(users) == set(HELD)
    assert len(users.set_many({**writes, "good": 1})) == 1_201
    assert users.delete_many([*writes, "good"]).entries == 1_201


def test_of_a_stream_it_is_said_how_many_are_written(users: Any):
    def stream() -> Any:
        yield from (Write(f"k{number}", number) for number in range(1_200))
        yield Write("bad", {1})

    with pytest.raises(UsageError, match=r"set_many 'bad': .* \(1,000 before it are written\)"):
        users.set_many(stream())
    assert len(kept(users)) == 1_002


def test_tags_are_any_texts_that_can_be_gone_through_once(users: Any):
    some: Any = {"a"}
    more: Any = np.array(["a"])
    users.set("k", 1, tags=(tag for tag in ["a", "b"]))
    users.set_many([Write("l", 1, tags=some), Write("m", 1, tags=more)])
    users.get_or_load("n", lambda: 1, tags=iter(["a"]))
    users.set("o", 1, tags=[Name.ANN, Text("a"), np.str_("a")])
    assert kept(users) == {"ann", "bob", "k", "l", "m", "n", "o"}
    assert users.invalidate(tag=Text("a")).entries == 5


def test_a_name_of_any_text_is_one_namespace(cache: Any):
    cache.namespace(Name.ANN).set("k", 1)
    assert cache.namespace(np.str_("ann")).get("k") == 1
    assert type(cache.namespace(Text("ann")).name) is str
    assert cache.stats(np.str_("ann")).namespaces["ann"].hits == 1


@pytest.mark.parametrize("odd", [5, 1.5, True, None, b"ann", 10**400, math.nan], ids=shown)
def test_what_is_no_text_is_no_key_though_one_reads_like_it(users: Any, odd: Any):
    users.set_many({"5": 1, "1.5": 2, "True": 3, "1": 4, "None": 5, "nan": 6})
    for look_up in (users.get, users.has, users.peek, users.delete, lambda key: key in users):
        with pytest.raises(InvalidKey):
            look_up(odd)
    assert len(kept(users)) == 8


@pytest.mark.parametrize("engine", ["threads", "tasks"])
@pytest.mark.parametrize("eviction", ["lru", "lrfu"])
def test_an_expired_entry_was_not_there_to_be_deleted(
    opener: Opener, clock: Clock, engine: str, eviction: Any
):
    opener.engine = engine
    users = opener().namespace("users", eviction=eviction)
    users.set("k", 1, ttl=10)
    clock.advance(60)
    assert users.delete("k") is False
    assert users.delete("absent") is False
    users.set("n", 1, ttl=100)
    assert users.delete("n") is True
    users.set("o", 1, ttl="none")
    assert users.delete("o") is True


@in_memory
def test_a_disabled_namespace_refuses_what_others_refuse(cache: Any):
    off = cache.namespace("off", enabled=False)
    for call in (
        lambda: off.set("k", 1, ttl="soon"),
        lambda: off.set("", 1),
        lambda: off.set_many([Write("k", 1, ttl=0)]),
        lambda: off.get_or_load("k", int, ttl=-1),
        lambda: off.get_or_load("k", None),
    ):
        assert attempt(call) is not None
    assert off.get_or_load("k", lambda: 3) == 3


KEYS = st.one_of(
    st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.booleans(), st.dates(),
    st.lists(st.text(), max_size=3), st.dictionaries(st.text(), st.integers(), max_size=2),
)  # fmt: skip


@in_memory
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=KEYS, ttl=KEYS, tags=KEYS, cost=KEYS)
def test_whatever_is_passed_is_stored_or_refused(
    users: Any, key: Any, ttl: Any, tags: Any, cost: Any
):
    error = attempt(lambda: users.set(key, 1, ttl=ttl, tags=tags, cost=cost))
    assert (error is None) == (attempt(users.get, key) is None and users.has(key))
    users.clear()


@pytest.mark.parametrize("engine", ["threads", "tasks"])
def test_a_cache_cannot_be_copied_or_pickled_and_says_what_to_do(engine: str):
    """Also not by who starts a process with it as an argument."""
    kind = Cache if engine == "threads" else AsyncCache
    cache = kind.open(backend="memory")
    for thing in (cache, cache.namespace("users")):
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(UsageError, match=r"cannot be copied or pickled: .* open it there"):
                copied(thing)
        process = multiprocessing.get_context("spawn").Process(target=print, args=(thing,))
        with pytest.raises(UsageError, match="open it there"):
            process.start()


@in_memory
@pytest.mark.parametrize(
    "value", [10**5000, [10**5000], {"a": 10**5000}], ids=["alone", "in a list", "in a mapping"]
)
def test_a_number_of_too_many_digits_is_refused_the_same_always(users: Any, value: Any):
    """Whichever library writes the JSON, which depends on how many there were before."""
    for _ in range(2):
        with pytest.raises(UnsupportedValue, match="JSON has no number of so many digits"):
            users.set("new", value)
        for number in range(600):
            users.set("ann", [number])


@in_memory
@pytest.mark.parametrize("answer", [({"a": 1}, 201), object(), (part for part in "ab")])
def test_what_a_view_returns_is_returned_though_it_cannot_be_stored(
    cache: Any, caplog: pytest.LogCaptureFixture, answer: Any
):
    """It was paid for: an error is counted, and told once."""

    @cache.cached("views")
    def view() -> Any:
        return answer

    @cache.cached("views")
    async def async_view() -> Any:
        return answer

    assert [view(), view(), asyncio.run(async_view())] == [answer] * 3
    assert cache.stats("views").namespaces["views"].errors == 3
    (told,) = [each.message for each in caplog.records if "views" in each.message]
    assert "view returned for the key" in told
