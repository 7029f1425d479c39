"""Callers that give up: nobody is handed what was for another."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.transport.resp import Reply
from cachectl._model.coroutines import run
from cachectl.errors import BackendUnavailable
from tests.backends.redis.transport.storm import storm
from tests.support.network import Command, Proxy, proxied, scripted

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(("given_up", "seed"), [(0.1, 1), (0.5, 2), (0.9, 3)])
def test_no_cancellation_hands_a_reply_to_another(redis_server, redis_url, given_up, seed):
    """Twenty thousand and more, at any moment, while replies come late."""
    outcomes, connections = storm(redis_server, rounds=100, given_up=given_up, seed=seed, cut=0.0)
    assert set(outcomes) == {"right", "cancelled"}
    assert outcomes["cancelled"] > 100 * 200 * given_up / 2
    assert connections == 1 + 2  # a thread's, that wrote


def test_no_cancellation_hands_a_reply_to_another_on_a_line_that_breaks(redis_server, redis_url):
    outcomes, connections = storm(redis_server, rounds=75, given_up=0.3, seed=4, cut=0.02)
    assert set(outcomes) <= {"right", "cancelled", "unavailable"}
    assert outcomes["right"] > 1000
    assert connections > 5


def test_what_is_cancelled_before_it_is_sent_is_not_sent():
    async def give_up(backend: RedisBackend) -> None:
        store = backend.store_for_tasks("ns")
        await store.fetch("first", 0)
        task = asyncio.create_task(store.fetch("given up", 0))
        await asyncio.sleep(0)  # it waits now, and what it sends goes out a moment later
        task.cancel()
        await store.fetch("last", 0)

    with scripted(lambda command: b"$-1\r\n") as (url, server):
        backend = RedisBackend(url=url)
        asyncio.run(give_up(backend))
        backend.close()
    keys = [command[1].rpartition(b":")[2] for command in server.commands]
    assert keys == [b"first", b"gen", b"last", b"gen"]


INTERRUPTED = """
import random, signal, sys
from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.coroutines import run
from tests.backends.redis.items import FREE, item

class Interrupted(Exception):
    pass

def interrupt(*_):
    if armed:  # a signal may still be on its way when the timer is off
        raise Interrupted

backend, chance, interrupted = RedisBackend(url=sys.argv[1]), random.Random(5), 0
store = backend.store_for_threads("ns")
run(store.put([item(f"k{number}", b"%d" % number) for number in range(9)], FREE, 0))
signal.signal(signal.SIGALRM, interrupt)
for _ in range(5000):
    number = chance.randrange(9)
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, chance.random() * 0.0001 + 0.000001)
        found = store.get(f"k{number}", 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        armed = False
    except Interrupted:
        interrupted += 1
    else:
        assert found.value == b"%d" % number, found
assert interrupted > 100, interrupted
(pool,) = backend._blocking._pools.values()
assert len(pool._all) <= 1, pool._all
"""


def test_no_signal_hands_a_reply_to_another(redis_url):
    """A handler that raises, as time limits of job queues do, at any moment: the next caller gets
    its own value, and of the few connections that there may be, none is lost by that.
    """
    environment = {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPTED, redis_url]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("engine", ["threads", "tasks"])
def test_a_write_is_never_sent_twice(redis_server, redis_url, engine):
    """Each counts up a key of its own, on a line that breaks: none is found at two."""
    proxy = Proxy(redis_server, seed=6, cut=0.2)

    def anything(replies: list[Reply]) -> None:
        pass

    async def count(backend: RedisBackend, number: int) -> bool:
        transport = backend._blocking if engine == "threads" else backend._transport_for_tasks()
        try:
            await transport.exchange([("INCR", f"n{number}"), ("INCR", f"m{number}")], anything)
        except OSError:
            return False
        return True

    async def all_at_once(backend: RedisBackend) -> list[bool]:
        return [
            done
            for start in range(0, 500, 20)
            for done in await asyncio.gather(*(count(backend, start + n) for n in range(20)))
        ]

    with proxied(proxy) as url:
        backend = RedisBackend(url=url, timeout=5.0)
        if engine == "threads":
            done = [run(count(backend, number)) for number in range(500)]
        else:
            done = asyncio.run(all_at_once(backend))
        backend.close()
    with redis_server.client() as raw:
        counted = [int(raw.get(f"{kind}{n}") or 0) for n in range(500) for kind in "nm"]
    assert set(counted) == {0, 1}
    assert all(counted[2 * n] and counted[2 * n + 1] for n in range(500) if done[n])
    assert not all(done)
    assert proxy.connections > 3


def test_a_caller_that_gave_up_does_not_shorten_the_time_of_others():
    """The one timer is for the oldest who waits still, and the server is given up with it."""

    async def answered(backend: RedisBackend) -> None:
        store = backend.store_for_tasks("ns")
        first = asyncio.create_task(store.fetch("a", 0))
        await asyncio.sleep(0.1)
        first.cancel()
        with pytest.raises(BackendUnavailable, match="timed out"):
            await store.fetch("b", 0)

    def silence(command: Command) -> bytes:
        return b""

    with scripted(silence) as (url, server):
        backend = RedisBackend(url=url, timeout=0.4)
        asyncio.run(answered(backend))
        backend.close()
    assert server.connections == 1
