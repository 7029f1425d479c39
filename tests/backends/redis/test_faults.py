"""Clocks that differ, replies that are lost, and what somebody else wrote under our keys."""

import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import inf, isfinite
from threading import Event, Thread

import pytest

from cachectl import Cache
from cachectl._backends.redis.backend import RedisBackend
from cachectl._model.batches import BATCH
from cachectl._model.policy import Limits
from cachectl._model.records import Usage, Written
from cachectl.errors import BackendRefused, BackendUnavailable
from tests.backends.redis.blocking import blocking
from tests.backends.redis.items import FREE, item
from tests.support.servers import Server, redis_server


@pytest.fixture
def other(redis_url: str) -> Iterator[RedisBackend]:
    """Another process's backend: it has noted and announced nothing."""
    opened = RedisBackend(url=redis_url, prefix="app")
    yield opened
    opened.close()


def test_a_write_is_the_newest_although_the_clock_was_set_back(backend, other, raw, clock):
    """A full namespace drops the oldest entries, not those just written."""
    blocking(backend, "ns").put([item(key) for key in "abc"], Limits(3), clock())
    store = blocking(other, "ns")
    assert store.put([item("x"), item("y")], Limits(3), clock() - 3600) == Written(2, 0, ("a", "b"))
    assert [listed.key for listed in store.scan()] == ["c", "x", "y"]
    scores = [int(score) for _, score in raw.zrange("app:{ns}:lru", 0, -1, withscores=True)]
    assert scores == list(range(scores[0], scores[0] + 3))


def test_a_planted_score_is_not_taken_for_a_stamp(backend, raw, clock):
    """Entries written later are stamped by the clock."""
    raw.zadd("app:{ns}:lru", {"planted": inf})
    blocking(backend, "ns").put([item("a")], FREE, clock())
    assert isfinite(raw.zscore("app:{ns}:lru", "a"))


@pytest.mark.parametrize("hand_over", ["put", "flush"])
def test_uses_that_could_not_be_handed_over_are_kept(backend, raw, clock, hand_over):
    """They count at the next write that succeeds."""
    store = blocking(backend, "ns")
    store.put([item("a"), item("b")], FREE, clock())
    store.get("a", clock())
    raw.rename("app:{ns}:lru", "kept")
    raw.set("app:{ns}:lru", "of another type")
    with pytest.raises(BackendRefused):
        store.flush() if hand_over == "flush" else store.put([item("c")], FREE, clock())
    raw.rename("kept", "app:{ns}:lru")
    store.put([item("c")], Limits(2), clock())
    assert [listed.key for listed in store.scan()] == ["a", "c"]


@contextmanager
def losing(server: Server) -> Iterator[tuple[str, Event]]:
    """Forward to the server; once the event is set, the next reply is lost with its connection."""
    lose = Event()

    def forward(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(str(server.socket))
            while request := client.recv(1 << 16):
                upstream.sendall(request)
                reply = upstream.recv(1 << 16)
                if lose.is_set():
                    lose.clear()
                    return
                client.sendall(reply)

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            if done.is_set():
                client.close()
                return
            forward(client)

    done = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=accept)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{listener.getsockname()[1]}", lose
        finally:
            done.set()
            socket.create_connection(listener.getsockname()).close()
            thread.join()


def test_a_write_whose_reply_is_lost_is_not_sent_again(redis_server, redis_url, clock):
    """It may have been done: a second one would find its own entry, and say it was not stored."""
    with losing(redis_server) as (url, lose), closing(RedisBackend(url=url)) as backend:
        store = blocking(backend, "ns")
        store.put([item("warm-up")], FREE, clock())
        lose.set()
        with pytest.raises(BackendUnavailable, match="closed the connection"):
            store.put([item("a")], FREE, clock(), "absent")
        assert store.get("a", clock()) is not None


def test_a_read_whose_reply_is_lost_is_sent_again(redis_server, redis_url, clock):
    """Reading twice changes nothing."""
    with losing(redis_server) as (url, lose), closing(RedisBackend(url=url)) as backend:
        blocking(backend, "ns").put([item("a")], FREE, clock())
        lose.set()
        assert blocking(backend, "ns").get("a", clock()) is not None
        assert not lose.is_set()


def test_a_namespace_is_announced_before_it_is_written_to(backend, raw, clock):
    """If that fails nothing is written, where no usage and no cleanup would find it."""
    raw.set("app:namespaces", "of another type")
    with pytest.raises(BackendRefused):
        blocking(backend, "ns").put([item("a")], FREE, clock())
    assert raw.keys() == [b"app:namespaces"]


def test_every_process_announces_what_it_writes_to(backend, other, raw, clock):
    """A name that was lost comes back, also if the namespace is not empty."""
    blocking(backend, "ns").put([item("a")], FREE, clock())
    raw.delete("app:namespaces")
    blocking(other, "ns").put([item("b")], FREE, clock())
    assert other.usage()["ns"].entries == 2


@pytest.mark.parametrize("planted", ["junk", "-7", "9" * 30, "nan", "inf", ""])
def test_planted_sizes_count_as_nothing(backend, raw, clock, planted):
    """Whatever the books say, usage is a number, and writing, listing and clearing work."""
    store = blocking(backend, "ns")
    store.put([item("a"), item("b")], FREE, clock())
    raw.hset("app:{ns}:meta", "a", planted)
    assert backend.usage()["ns"].entries == 2
    assert {listed.key: listed.size for listed in store.scan()}["a"] > 0
    store.put([item("a")], Limits(9, 9999), clock())
    assert backend.usage()["ns"].entries == 2
    assert store.clear().entries == 2
    assert raw.keys() == [b"app:namespaces"]


@pytest.mark.parametrize("planted", ["junk", "-7", "9" * 30, "nan", "", None])
def test_where_totals_are_lost_nothing_is_served(backend, raw, clock, planted):
    """They are bound to the generation: another begins with the next write."""
    store = blocking(backend, "ns")
    store.put([item("a"), item("b")], FREE, clock())
    raw.hdel("app:{ns}:meta", "") if planted is None else raw.hset("app:{ns}:meta", "", planted)
    assert backend.usage()["ns"] == Usage(0, 0, None)
    store.put([item("a")], Limits(9, 9999), clock())
    assert (store.get("a", clock()), store.get("b", clock())) != (None, None)
    assert store.get("b", clock()) is None
    usage = backend.usage()["ns"]
    assert (usage.entries, usage.bytes) == (1, len(item("a").data))


def of_another_type(raw, key: str) -> None:
    raw.delete(key)
    raw.rpush(key, "list")


@pytest.mark.parametrize("part", ["lru", "meta", "exp", "tag", "gen"])
def test_an_index_of_another_type_is_one_namespaces_matter(backend, raw, clock, part):
    """The others are reported as ever, and clearing the namespace leaves nothing of it."""
    store, count = blocking(backend, "ns"), BATCH + 1
    items = [item(f"k{i}", now=clock(), ttl=9, tags=["t"]) for i in range(count)]
    store.put(items, FREE, clock())
    blocking(backend, "ns2").put([item("a", namespace="ns2")], FREE, clock())
    of_another_type(raw, f"app:{{ns}}:{part}")
    usage = backend.usage()
    assert usage["ns2"].entries == 1
    assert usage["ns"] == Usage(0, 0, None)
    assert store.clear().entries == (0 if part == "gen" else count)  # without it nothing is served
    backend.compact()
    assert raw.keys("app:{ns}:*") == []
    assert backend.usage()["ns"] == Usage()


@pytest.mark.parametrize("planted", [inf, -inf, 1e300, -5])
def test_a_planted_score_is_listed_as_a_time(backend, raw, clock, planted):
    """Whoever prints when an entry was used can."""
    store = blocking(backend, "ns")
    store.put([item("a"), item("b")], FREE, clock())
    raw.zadd("app:{ns}:lru", {"a": planted})
    assert {listed.key: listed.used_at for listed in store.scan()}["a"] == 0
    assert [used for used, _ in backend.oldest(["ns"], 2)["ns"]].count(0) == 1


def test_a_large_write_that_is_not_answered_is_waited_for_once():
    """It happened as a whole or not at all: nothing of it is to be taken back."""
    with (
        redis_server() as server,
        server.client() as raw,
        Cache.open(backend="redis", url=server.url, strict=True) as cache,
    ):
        users = cache.namespace("users", ttl="1h")
        users.set("large", "y" * 50_000)
        before = raw.info("commandstats").get("cmdstat_unlink")
        server.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(BackendUnavailable):
                users.set("large", "x" * 50_000)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert raw.info("commandstats").get("cmdstat_unlink") == before
