"""Replies that no Redis would give: an error of ours, and another connection afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.store import RedisStore
from cachectl._model.entry import Entry
from cachectl._model.records import CleanupRule
from cachectl.errors import BackendError, BackendUnavailable
from tests.backends.redis.items import FREE, item
from tests.backends.redis.transport.engines import Operation, both, done
from tests.support.network import Command, listening, scripted

WRONG = [
    b":5\r\n",
    b"*0\r\n",
    b"+OK\r\n$1\r\na\r\n",
    b"*999999999\r\n",
    b"$999999999999\r\n",
    b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"*1\r\n" * 50,
    b"*3\r\n$-1\r\n$-1\r\n$-1\r\n",
    b"$-9\r\n",
    b"garbage\r\n",
    b"\x16\x03\x01\x02",
    b":\xff\r\n",
    b"-NOSCRIPT whatever is sent\r\n",
]


def listed(tag: str | None) -> Operation[Any]:
    async def call(store) -> list[str]:
        return [info.key async for info in store.scan(tag)]

    return call


OPERATIONS: dict[str, Operation[Any]] = {
    "fetch": lambda store: store.fetch("a", 0),
    "remove": lambda store: store.remove(["a"]),
    "remove_expired": lambda store: store.remove_expired("a", 0),
    "remove_tagged": lambda store: store.remove_tagged("t"),
    "clear": lambda store: store.clear(),
    "cleanup": lambda store: store.cleanup(CleanupRule(0, None, FREE)),
    "scan": listed(None),
    "scan with a tag": listed("t"),
    "large": lambda store: store.put([item("a", bytes(40_000))], FREE, 0),
    "small": lambda store: store.put([item("a")], FREE, 0),
}


def always(reply: bytes, command: Command) -> bytes:
    return reply


def is_plausible(name: str, reply: bytes) -> bool:
    """Whether a server could mean that: nothing found, or all well."""
    empty = name.startswith("scan") and reply == b"*0\r\n"
    return empty or (name == "small" and reply == b":5\r\n")


@both
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_reply_of_another_kind_is_an_error_of_ours(engine, name):
    """Whatever is wrong with it, and whichever operation waits for it."""
    for reply in WRONG:
        with scripted(partial(always, reply)) as (url, server):
            with closing(RedisBackend(url=url, timeout=0.15)) as backend:
                if is_plausible(name, reply):
                    continue
                with pytest.raises(BackendError):
                    done(engine, backend, OPERATIONS[name])
                backend._shared.clear()  # nothing to flush at the end
            assert server.commands, reply


@both
@pytest.mark.parametrize("reply", [*WRONG[:-1], b"-READONLY You can't write\r\n"], ids=repr)
def test_the_connection_of_a_wrong_reply_is_not_used_again(engine, reply):
    """The next caller gets its own reply, on another connection."""

    def answer(command: Command) -> bytes:
        return reply if server.connections == 1 else b"$-1\r\n"

    async def twice(store) -> None:
        with pytest.raises(BackendError):
            await store.fetch("a", 0)
        assert await store.fetch("a", 0) is None

    with scripted(answer) as (url, server), closing(RedisBackend(url=url, timeout=0.15)) as backend:
        done(engine, backend, twice)
        assert server.connections == 2


@both
def test_an_error_of_the_server_leaves_the_connection_as_it_is(engine):
    def answer(command: Command) -> bytes:
        return b"-MOVED 1234 127.0.0.1:1\r\n" if len(server.commands) == 1 else b"$-1\r\n"

    async def twice(store) -> None:
        with pytest.raises(BackendError, match="MOVED"):
            await store.fetch("a", 0)
        assert await store.fetch("a", 0) is None

    with scripted(answer) as (url, server), closing(RedisBackend(url=url)) as backend:
        done(engine, backend, twice)
        assert server.connections == 1


async def trickle(command: Command) -> AsyncIterator[bytes]:
    """A reply that is on its way for ever."""
    yield b"$100000\r\n"
    while True:
        yield b"x"
        await asyncio.sleep(0.05)


async def beginnings(command: Command) -> AsyncIterator[bytes]:
    """An array that is announced, and then again and again."""
    yield b"*1000000\r\n"
    while True:
        yield b":1\r\n"
        await asyncio.sleep(0.05)


@both
@pytest.mark.parametrize("answer", [trickle, beginnings])
def test_a_server_that_goes_on_sending_does_not_hold_a_call(engine, answer):
    """The deadline is that of the call, not of each byte: these replies never end."""
    with scripted(answer) as (url, server), closing(RedisBackend(url=url, timeout=0.4)) as backend:
        with pytest.raises(BackendUnavailable, match="timed out"):
            done(engine, backend, lambda store: store.fetch("a", 0))
        assert len(server.commands) == 1


@both
def test_a_greeting_that_never_ends_does_not_hold_a_call(engine):
    """Connecting is within the same deadline."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"+")
            await asyncio.sleep(0.05)

    with (
        listening(greet) as url,
        closing(RedisBackend(url=url, timeout=0.4)) as backend,
        pytest.raises(BackendUnavailable, match="timed out"),
    ):
        done(engine, backend, lambda store: store.fetch("a", 0))


@both
def test_a_lookup_that_is_cut_between_its_replies_is_sent_again_whole(engine):
    """What had come of the first is forgotten: it would be taken for the beginning of the second."""

    async def cut() -> AsyncIterator[bytes]:
        raise ConnectionResetError
        yield b""

    def answer(command: Command) -> bytes | AsyncIterator[bytes]:
        seen.append(command)
        if len(seen) == 3:
            return b"$9\r\nof before\r\n"
        return cut() if len(seen) == 4 else b"$-1\r\n"

    async def look_up(store: RedisStore) -> list[Entry | None]:
        return [await store.fetch(key, 0) for key in ("open", "cut", "next")]

    seen: list[Command] = []
    with scripted(answer) as (url, server), closing(RedisBackend(url=url)) as backend:
        assert done(engine, backend, look_up) == [None, None, None]
        assert (len(seen), server.connections) == (8, 2)


@both
@pytest.mark.parametrize("name", ["clear", "remove_tagged"])
def test_a_server_that_always_says_there_is_more_is_not_believed(engine, name, monkeypatch):
    """Nobody removes for ever: the numbers are right for one step, and never end."""
    monkeypatch.setattr("cachectl._backends.redis.client.STEPS", 20)

    def answer(command: Command) -> bytes:
        return b"*3\r\n:1\r\n:1\r\n:1\r\n"

    with scripted(answer) as (url, server), closing(RedisBackend(url=url)) as backend:
        with pytest.raises(BackendUnavailable, match="answered what no Redis would"):
            done(engine, backend, OPERATIONS[name])
        assert len(server.commands) <= 22
        backend._shared.clear()


@both
def test_a_listing_that_begins_again_and_again_is_not_believed(engine):
    """Scores that are lower than what was asked for: whoever goes on from the last never ends."""
    page = b"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n9\r\n"

    def answer(command: Command) -> bytes:
        return (
            page
            if command[0] == b"ZRANGE"
            else b"*0\r\n"
            if command[0] == b"EVALSHA"
            else b":1\r\n"
        )

    with scripted(answer) as (url, _), closing(RedisBackend(url=url)) as backend:
        with pytest.raises(BackendUnavailable, match="answered what no Redis would"):
            done(engine, backend, OPERATIONS["scan"])
        backend._shared.clear()
