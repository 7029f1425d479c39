"""Connections of threads: few, whoever calls and however it ends."""

import _thread
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from cachectl._backends.redis.backend import RedisBackend
from cachectl._backends.redis.transport.pool import MOST, Pool
from cachectl._backends.redis.transport.server import Server
from cachectl._backends.redis.url import parse
from cachectl.errors import BackendUnavailable
from tests.support.network import scripted


def in_threads(count: int, call) -> None:
    """Call from so many threads at once."""
    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_connections_are_as_few_as_are_used_at_once(redis_server, redis_url):
    """Two hundred threads that Python did not start, one after the other, share one."""
    with redis_server.client() as raw, closing(RedisBackend(url=redis_url)) as backend:
        store = backend.store_for_threads("ns")

        def use(ended: threading.Event) -> None:
            store.get("a", 0)
            ended.set()

        before = raw.info("stats")["total_connections_received"]
        for _ in range(200):
            ended = threading.Event()
            _thread.start_new_thread(use, (ended,))
            assert ended.wait(10)
        assert raw.info("stats")["total_connections_received"] - before <= 2


def test_there_are_no_more_connections_than_the_pool_may_have(redis_server, redis_url):
    """Whoever finds none waits for one, and is served."""
    with redis_server.client() as raw, closing(RedisBackend(url=redis_url, timeout=10)) as backend:
        store, failed = backend.store_for_threads("ns"), []

        def use() -> None:
            try:
                for _ in range(30):
                    store.get("a", 0)
            except Exception as error:  # noqa: BLE001
                failed.append(error)

        before = raw.info("stats")["total_connections_received"]
        in_threads(3 * MOST, use)
        assert not failed
        assert raw.info("stats")["total_connections_received"] - before <= MOST


def test_waiting_for_a_connection_is_within_the_deadline():
    """Of a server that does not answer, to more threads than there are connections."""
    with scripted(lambda command: b"") as (url, server):
        with closing(RedisBackend(url=url, timeout=0.4)) as backend:
            store, errors = backend.store_for_threads("ns"), []

            def use() -> None:
                with pytest.raises(BackendUnavailable, match="timed out") as caught:
                    store.get("a", 0)
                errors.append(caught.value)

            in_threads(MOST + 8, use)
        assert len(errors) == MOST + 8
        assert MOST <= server.connections <= MOST + 8  # one that is given up makes room for another


def test_closing_is_final_for_connections(redis_server, redis_url):
    """What is used afterwards is not kept."""
    with redis_server.client() as raw:
        backend = RedisBackend(url=redis_url)
        store = backend.store_for_threads("ns")
        store.get("a", 0)
        backend.close()
        store.get("a", 0)
        while len(raw.client_list()) > 1:  # the server may take a moment
            pass


def test_a_backend_that_is_dropped_frees_its_connections(redis_url):
    def use() -> None:
        RedisBackend(url=redis_url).store_for_threads("ns").get("a", 0)

    use()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        use()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_connections_that_are_left_are_lent_to_nobody_any_more():
    """What is idle is closed at once, and what is in use when it is given back."""
    with scripted(lambda command: b"+OK\r\n") as (url, _):
        server = Server(parse(url))
        pool, until = Pool(), time.monotonic() + 5
        lent, idle = pool.take(until), pool.take(until)
        for connection in (lent, idle):
            connection.open(server, until, until)
        pool.give_back(idle)
        pool.leave()
        assert (lent.is_open, idle.is_open) == (True, False)
        pool.give_back(lent)
        assert not lent.is_open
        assert pool.take(until) not in {lent, idle}
