"""Whatever a server answers to whatever it is asked: an error of ours, and afterwards all is well."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cachectl import AsyncCache, Cache, CacheError
from cachectl._config import Settings
from cachectl.testing.awaited import Awaited, EventLoop
from tests.support import openers
from tests.support.hostile import Hostile, hostile
from tests.support.servers import Server

_LINES = st.text("OK-0123456789.einfaqurs", max_size=12).map(str.encode)
_NUMBERS = st.one_of(
    st.integers(0, 3), st.integers(-(2**63), 2**63 - 1), st.integers(10**18, 10**40)
)
_STRINGS = st.one_of(
    st.binary(max_size=30),
    _LINES,
    st.sampled_from([b"0", b"1", b"nan", b"inf", b"-inf", b"1e400", b"\xff\xfe", b"a\0b", b"k"]),
    _NUMBERS.map(lambda number: b"%d" % number),
)
_CODES = st.sampled_from(
    [
        "ERR",
        "WRONGTYPE",
        "MOVED",
        "ASK",
        "READONLY",
        "LOADING",
        "MASTERDOWN",
        "NOSCRIPT",
        "NOAUTH",
        "OOM",
        "BUSY",
        "EXECABORT",
        "x",
    ]
)


def _string(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _array(items: list[bytes]) -> bytes:
    return b"*%d\r\n%b" % (len(items), b"".join(items))


_SIMPLE = st.one_of(
    _STRINGS.map(_string),
    _NUMBERS.map(lambda number: b":%d\r\n" % number),
    st.sampled_from([b"$-1\r\n", b"*-1\r\n", b"+OK\r\n", b"+QUEUED\r\n", b"*0\r\n"]),
)
_ERRORS = st.builds(lambda code, text: b"-%b %b\r\n" % (code.encode(), text), _CODES, _LINES)
_NESTED = st.recursive(
    _SIMPLE, lambda inner: st.lists(inner, max_size=8).map(_array), max_leaves=20
)
_NUMBERED = st.lists(st.integers(0, 3), min_size=1, max_size=12).map(
    lambda numbers: _array([b":%d\r\n" % number for number in numbers])
)
_NONE_AT_ALL = st.sampled_from(
    [
        b"",
        b"$999999999999\r\n",
        b"*999999999\r\n",
        b"*1\r\n" * 2000,
        b"$-9\r\n",
        b"*-5\r\n",
        b":\r\n",
        b":1.5\r\n",
        b":1_0\r\n",
        b"garbage\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"%1\r\n+a\r\n:1\r\n",
        b"~1\r\n:1\r\n",
        b",nan\r\n",
        b"#t\r\n",
        b"_\r\n",
        b"(12345678901234567890\r\n",
        b">2\r\n+invalidate\r\n*0\r\n",
        b"=5\r\ntxt:a\r\n",
        b"$?\r\n;1\r\na\r\n;0\r\n",
        b":" + b"9" * 5000 + b"\r\n",
        b"+OK\r\n+OK\r\n",
    ]
)
REPLIES = st.lists(st.one_of(_NESTED, _NUMBERED, _ERRORS, _NONE_AT_ALL), min_size=1, max_size=6)

OPERATIONS: dict[str, Callable[[Any], object]] = {
    "get": lambda cache: cache.namespace("ns").get("k"),
    "has": lambda cache: cache.namespace("ns").has("k"),
    "peek": lambda cache: cache.namespace("ns").peek("k"),
    "load": lambda cache: cache.namespace("ns").get_or_load("k", lambda: 1, tags=["t"]),
    "set": lambda cache: cache.namespace("ns").set("k", 1, ttl=60, tags=["t"]),
    "set if absent": lambda cache: cache.namespace("ns").set("k", 1, nx=True),
    "set large": lambda cache: cache.namespace("ns").set("k", "x" * 40_000),
    "set many": lambda cache: cache.namespace("ns").set_many({"k": 1, "l": 2}),
    "delete": lambda cache: cache.namespace("ns").delete("k"),
    "delete many": lambda cache: cache.namespace("ns").delete_many(["k", "l"]),
    "invalidate": lambda cache: cache.namespace("ns").invalidate(tag="t"),
    "clear": lambda cache: cache.namespace("ns").clear(),
    "entries": lambda cache: list(cache.namespace("ns").entries()),
    "entries of a tag": lambda cache: list(cache.namespace("ns").entries("t")),
    "stats": lambda cache: cache.stats(),
    "stats of one": lambda cache: cache.stats("ns", since="1h"),
    "status": lambda cache: cache.status(),
    "usage": lambda cache: cache.usage(),
    "namespaces": lambda cache: cache.namespaces(),
    "cleanup": lambda cache: cache.cleanup(max_entries=1),
    "dry run": lambda cache: cache.plan_cleanup(max_entries=1).dry_run(["ns"]),
    "invalidate all": lambda cache: cache.invalidate(tag="t"),
    "clear all": lambda cache: cache.clear(),
    "forget": lambda cache: cache.forget("ns"),
    "refuse loads": lambda cache: cache.refuse_loads("ns"),
    "compact": lambda cache: cache.compact(),
    "flush": lambda cache: cache.flush(),
    "close": lambda cache: cache.close(),
}


@pytest.fixture(scope="module")
def liar(redis_server: Server) -> Iterator[tuple[str, Hostile]]:
    with hostile(redis_server) as (url, server):
        yield url, server


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


def opened(engine: str, loop: EventLoop, url: str, *, strict: bool) -> Any:
    """Return a cache that has counted and noted uses, which its operations hand over."""
    chosen: Settings = openers.settings("redis", redis__url=url, redis__timeout=1.0)
    made = Cache.of(chosen, strict=strict) if engine == "threads" else None
    return made or Awaited(AsyncCache.of(chosen, strict=strict), loop)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("engine", ["threads", "tasks"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(OPERATIONS)), replies=REPLIES)
@example(name="stats", replies=[b"*0\r\n"])
@example(name="entries", replies=[b"*2\r\n$1\r\n0\r\n$3\r\nnan\r\n"])
def test_any_reply_is_taken_or_an_error_of_ours(
    liar: tuple[str, Hostile], loop: EventLoop, engine: str, strict: bool, name: str, replies
):
    """And the next call with an honest server works."""
    url, server = liar
    server.answer([])
    cache = opened(engine, loop, url, strict=strict)
    users = cache.namespace("ns")
    users.set("k", 0, tags=["t"])
    users.get("k")
    server.answer(replies)
    with suppress(CacheError):
        OPERATIONS[name](cache)
    server.answer([])
    if name != "close":
        with suppress(CacheError):
            cache.flush()  # back from memory, if that stood in
        assert users.set("k", 2)
        assert users.get("k") == 2
    cache.close()
