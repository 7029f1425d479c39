"""Event loops: what is written together, what is in flight, and what becomes of connections."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.transport.link import BYTES, COMMANDS
from cachectl._model.coroutines import run
from cachectl.errors import BackendUnavailable
from tests.backends.redis.commands import reads
from tests.backends.redis.items import FREE, item
from tests.support.network import Command, scripted
from tests.support.processes import wait_until
from tests.support.servers import redis_server

ROOT = Path(__file__).parents[4]


def filled(backend: RedisBackend, **values: bytes) -> None:
    items = [item(key, value) for key, value in values.items()]
    run(backend.store_for_threads("ns").put(items, FREE, 0))


def clients(raw) -> int:
    """Connections to the server, this one among them."""
    return len(raw.client_list())


def accepted(raw) -> int:
    """Connections that the server has ever accepted."""
    return int(raw.info("stats")["total_connections_received"])


def test_what_all_tasks_send_in_one_iteration_is_one_write(backend, raw):
    filled(backend, a=b"value")

    async def counted() -> list[int]:
        store, found = backend.store_for_tasks("ns"), []
        await store.fetch("a", 0)
        for tasks in (1, 10, 100):
            before = reads(raw)
            await asyncio.gather(*(store.fetch("a", 0) for _ in range(tasks)))
            found.append(reads(raw) - before - 1)
        return found

    assert asyncio.run(counted()) == [1, 1, 1]


def test_large_values_go_apart(backend, raw):
    """A read of a small value is one command; one of a large value is asked for again apart, where
    large values are written as well.
    """
    filled(backend, small=b"value", full=bytes(65_000), large=bytes(200_000))

    async def connections() -> list[int]:
        store, found, before = backend.store_for_tasks("ns"), [], accepted(raw)
        for key, size in [("small", 5), ("full", 65_000), ("large", 200_000)]:
            entry = await store.fetch(key, 0)
            assert entry
            assert len(entry.value) == size
            found.append(accepted(raw) - before)
        await store.put([item("new", bytes(40_000))], FREE, 0)
        found.append(accepted(raw) - before)
        return found

    assert asyncio.run(connections()) == [1, 1, 2, 2]


@pytest.mark.parametrize("size", [65_300, 65_350, 65_400, 65_450, 65_536, 65_600])
def test_values_about_as_long_as_a_first_read_are_whole(backend, size):
    filled(backend, a=bytes(size))

    async def found() -> int:
        entry = await backend.store_for_tasks("ns").fetch("a", 0)
        return len(entry.value)

    assert asyncio.run(found()) == size


def test_what_is_in_flight_is_bounded():
    """A server that does not answer is not sent more; the others wait in this process."""

    async def ask(backend: RedisBackend) -> int:
        store = backend.store_for_tasks("ns")
        tasks = [store.fetch(f"k{number}", 0) for number in range(3 * COMMANDS)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(isinstance(error, BackendUnavailable) for error in found)

    with scripted(lambda command: b"") as (url, server):
        backend = RedisBackend(url=url, timeout=0.5)
        assert asyncio.run(ask(backend)) == 3 * COMMANDS
        backend.close()
    assert server.most_on_one == COMMANDS


def test_the_bytes_in_flight_are_bounded():
    async def write(backend: RedisBackend) -> None:
        transport = backend._transport_for_tasks()
        value = bytes(1024 * 1024)
        tasks = [transport.exchange([("SET", f"k{n}", value)], len) for n in range(20)]
        await asyncio.gather(*tasks, return_exceptions=True)

    with scripted(lambda command: b"") as (url, server):
        backend = RedisBackend(url=url, timeout=0.5)
        asyncio.run(write(backend))
        backend.close()
    assert 0 < server.most_on_one <= BYTES // (1024 * 1024)


def test_more_than_may_be_in_flight_is_answered_in_turn(backend):
    filled(backend, **{f"k{number}": b"%d" % number for number in range(100)})

    async def ask() -> None:
        store = backend.store_for_tasks("ns")
        found = await asyncio.gather(*(store.fetch(f"k{n % 100}", 0) for n in range(5 * COMMANDS)))
        assert [int(bytes(entry.value)) for entry in found] == [n % 100 for n in range(len(found))]

    asyncio.run(ask())


def test_a_large_write_to_a_server_that_takes_its_time_is_whole(backend, raw):
    """The system takes a part of it at a time."""
    value = os.urandom(20_000_000)

    async def write() -> None:
        await backend.store_for_tasks("ns").put([item("a", value)], FREE, 0)
        entry = await backend.store_for_tasks("ns").fetch("a", 0)
        assert entry.value == value

    asyncio.run(write())


def test_reconnects_are_shared(backend, raw):
    """A hundred tasks whose connection is killed make one new one; none of them notices."""
    filled(backend, a=b"value")

    async def ask() -> int:
        store = backend.store_for_tasks("ns")
        await store.fetch("a", 0)
        before = accepted(raw)
        for _ in range(5):
            raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            entries = await asyncio.gather(*(store.fetch("a", 0) for _ in range(100)))
            assert all(entries)
        return accepted(raw) - before

    assert asyncio.run(ask()) == 5


def test_a_connection_that_died_while_idle_is_replaced_before_a_write(backend, raw):
    """Also if the loop did not get to notice."""

    async def write() -> None:
        store = backend.store_for_tasks("ns")
        await store.put([item("a")], FREE, 0)
        raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert (await store.put([item("b")], FREE, 0)).stored == 1

    asyncio.run(write())


def test_many_short_loops_leave_nothing_behind(redis_url):
    """Descriptors are flat over 200 of them, and nothing is said of sockets that were not closed."""
    program = f"""
import asyncio, os
from cachectl._backends.redis.backend import RedisBackend
backend = RedisBackend(url={redis_url!r})
store = backend.store_for_tasks("ns")
counts = []
for _ in range(200):
    asyncio.run(store.fetch("a", 0))
    counts.append(len(os.listdir("/proc/self/fd")))
assert max(counts) <= counts[0] + 3, counts
for _ in range(20):  # ended by hand, without a word to anybody
    loop = asyncio.new_event_loop()
    loop.run_until_complete(store.fetch("a", 0))
    loop.close()
backend.close()
"""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_loop_that_is_closed_under_its_tasks_is_not_kept(backend, raw):
    """Nor are its connections, though no other loop comes and nobody closes the backend."""

    def use() -> weakref.ref[asyncio.AbstractEventLoop]:
        store, loop = backend.store_for_tasks("ns"), asyncio.new_event_loop()
        loop.run_until_complete(store.fetch("a", 0))
        task = loop.create_task(store.fetch("a", 0))
        loop.stop()
        loop.run_forever()  # once
        assert not task.done()
        loop.close()
        return weakref.ref(loop)

    gc.collect()
    before = clients(raw)
    closed = use()
    gc.collect()
    assert closed() is None
    wait_until(lambda: clients(raw) == before)


def test_closing_ends_the_connections_of_loops_that_are_gone(backend, raw):
    def use() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(backend.store_for_tasks("ns").fetch("a", 0))
        loop.close()

    gc.collect()
    before = clients(raw)
    for _ in range(5):
        use()
    backend.close()
    while clients(raw) > before:  # the server may take a moment
        pass


def test_loops_of_several_threads_have_connections_of_their_own(backend, raw):
    filled(backend, **{f"k{number}": b"%d" % number for number in range(4)})
    right: list[bool] = []

    async def ask(number: int) -> None:
        store = backend.store_for_tasks("ns")
        for _ in range(200):
            entries = await asyncio.gather(*(store.fetch(f"k{number}", 0) for _ in range(5)))
            right.append(all(bytes(entry.value) == b"%d" % number for entry in entries))

    threads = [threading.Thread(target=asyncio.run, args=(ask(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 800


def test_a_forked_child_makes_connections_of_its_own(backend):
    """In a new loop, while the parent goes on with its own; neither reads the other's replies."""
    filled(backend, parent=b"parent", child=b"child")

    async def ask(name: str) -> bool:
        store = backend.store_for_tasks("ns")
        entries = [await store.fetch(name, 0) for _ in range(200)]
        return all(bytes(entry.value) == name.encode() for entry in entries)

    async def fork_and_ask() -> None:
        assert await ask("parent")
        child = os.fork()
        if not child:
            right: list[bool] = []
            thread = threading.Thread(target=lambda: right.append(asyncio.run(ask("child"))))
            thread.start()
            thread.join()
            os._exit(0 if right == [True] else 1)
        assert await ask("parent")
        children.append(child)

    children: list[int] = []
    asyncio.run(fork_and_ask())
    assert os.waitpid(children[0], 0)[1] == 0


def test_closing_ends_the_connections_of_a_running_loop(backend, raw):
    async def use() -> None:
        gc.collect()
        before = clients(raw)
        await backend.store_for_tasks("ns").fetch("a", 0)
        assert clients(raw) == before + 1
        backend.close()
        await asyncio.sleep(0)
        while clients(raw) > before:  # the server may take a moment
            pass

    asyncio.run(use())


def test_a_server_that_is_gone_and_comes_back_is_found_again():
    with redis_server() as server:
        backend = RedisBackend(url=server.url)

    async def ask() -> None:
        store = backend.store_for_tasks("ns")
        found = await asyncio.gather(
            *(store.fetch("a", 0) for _ in range(20)), return_exceptions=True
        )
        assert all(isinstance(error, BackendUnavailable) for error in found)

    with closing(backend):
        asyncio.run(ask())


def test_a_hung_server_costs_all_tasks_one_deadline_together():
    """Two hundred of them, and then the connection is given up: the next is answered by another."""

    def answer(command: Command) -> bytes:
        return b"" if server.connections == 1 else b"$-1\r\n"

    async def ask(backend: RedisBackend) -> None:
        store = backend.store_for_tasks("ns")
        tasks = [store.fetch("a", 0) for _ in range(200)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, BackendUnavailable) for error in found)
        assert await store.fetch("a", 0) is None

    with scripted(answer) as (url, server):
        backend = RedisBackend(url=url, timeout=0.3)
        asyncio.run(ask(backend))
        backend.close()
    assert server.connections == 2


@pytest.mark.parametrize("answers", [True, False])
def test_what_is_under_way_when_a_server_is_left_is_answered_there(answers):
    """What is sent from then on goes over a new connection; nobody waits for ever for the old one."""

    async def late() -> AsyncIterator[bytes]:
        asked.set()
        await asyncio.to_thread(may_answer.wait, 10)
        yield b"$-1\r\n"

    def answer(command: Command) -> bytes | AsyncIterator[bytes]:
        return late() if len(server.commands) == 1 else b"$-1\r\n"

    async def use() -> None:
        store = backend.store_for_tasks("ns")
        first = asyncio.create_task(store.fetch("a", 0))
        await asyncio.to_thread(asked.wait, 10)
        backend._server.leave()
        await asyncio.sleep(0)
        assert await store.fetch("b", 0) is None
        assert server.connections == 2
        assert not first.done()
        if answers:
            may_answer.set()
            assert await first is None
            return
        with pytest.raises(BackendUnavailable, match="timed out"):
            await first
        may_answer.set()

    asked, may_answer = threading.Event(), threading.Event()
    with scripted(answer) as (url, server), closing(RedisBackend(url=url, timeout=2)) as backend:
        asyncio.run(use())
