"""Counts on their way to the backend: each arrives once, whatever happens to the backend."""

import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cachectl import BackendRefused, BackendUnavailable, Cache
from cachectl._backends.counter_database import CounterDatabase
from cachectl._backends.redis.backend import RedisBackend
from cachectl._metrics.counters import Counts
from cachectl._metrics.thread_counters import ThreadCounters
from cachectl._metrics.windows import RINGS, Window
from cachectl._metrics.write_behind import CounterBuffer
from cachectl.testing import Clock
from tests.support.openers import settings
from tests.support.processes import wait_until
from tests.support.servers import redis_server


class Rank:
    """A directory that can be made unfit to keep counters, and fit again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir(mode=0o700)
        self.database = CounterDatabase(directory)

    def spoil(self) -> None:
        self.database.close()
        self.directory.chmod(0o755)

    def mend(self) -> None:
        self.directory.chmod(0o700)

    def counts(self, since: float | None, clock: Callable[[], float]) -> Counts:
        return self.database.read(Window.last(since, clock())).get("users", Counts())


@pytest.fixture
def place(tmp_path: Path):
    place = Rank(tmp_path / "counters")
    yield place
    place.database.close()


@pytest.fixture
def counter_buffer(place: Rank, clock: Clock) -> CounterBuffer:
    return CounterBuffer(place.database, clock)


@pytest.fixture
def thread_counters(counter_buffer: CounterBuffer) -> ThreadCounters:
    return counter_buffer.counters("users", lambda: None)


def test_counts_arrive_once_however_often_they_are_sent(
    counter_buffer, thread_counters, place, clock: Clock
):
    thread_counters.current().hits += 3
    for _ in range(3):
        counter_buffer.flush()
    assert place.counts(None, clock).hits == 3


def test_what_could_not_be_sent_waits_and_arrives_once(
    counter_buffer, thread_counters, place, clock: Clock
):
    for _ in range(5):
        place.spoil()
        thread_counters.current().hits += 1
        with pytest.raises(BackendRefused):
            counter_buffer.flush()
        thread_counters.current().missed_absent += 1
        with pytest.raises(BackendRefused):
            counter_buffer.flush()
        place.mend()
        counter_buffer.flush()
        clock.advance(7)
    assert place.counts(None, clock) == Counts(hits=5, missed_absent=5)
    assert counter_buffer.pending() == {}


def test_batches_of_one_minute_are_merged_while_they_wait(
    counter_buffer, thread_counters, place, clock: Clock
):
    place.spoil()
    clock.now = 60_000.0
    for _ in range(600):  # ten minutes
        thread_counters.current().hits += 1
        with pytest.raises(BackendRefused):
            counter_buffer.flush()
        clock.advance(1)
    assert len(counter_buffer._in_memory.pending) <= 11
    assert counter_buffer.pending()["users"].hits == 600
    place.mend()
    counter_buffer.flush()
    assert place.counts(None, clock).hits == 600
    assert place.counts(300.0, clock).hits == 300
    assert place.counts(540.0, clock).hits == 540


def test_what_is_noted_of_a_namespace_goes_with_what_it_counted(redis_url: str, clock: Clock):
    """A thread notes a miss before it counts it, and a flush may come in between."""
    backend = RedisBackend(url=redis_url)
    buffer = CounterBuffer(backend.counters, clock)
    for name in ("others", "users"):
        buffer.notes("users").missed("k")
        buffer.counters(name, lambda: None).current().missed_absent += 1
        buffer.flush()
    sketch = backend.counters.sketches(Window.last(None, clock()), ["users"])["users"]
    assert sketch.missed == {"k": 2}
    backend.close()


def test_what_is_noted_is_not_lost_where_later_batches_count_something_else(
    counter_buffer, thread_counters, place, clock: Clock
):
    place.spoil()
    clock.now = 60_000.0
    others = counter_buffer.counters("others", lambda: None)
    counter_buffer.notes("users").missed("k")
    thread_counters.current().missed_absent += 1
    for _ in range(3):
        with pytest.raises(BackendRefused):
            counter_buffer.flush()
        clock.advance(60)
        others.current().hits += 1
    place.mend()
    counter_buffer.flush()
    sketches = place.database.sketches(Window.last(None, clock()), ["users", "others"])
    assert sketches["users"].missed == {"k": 1}


def test_threads_that_ended_are_counted(counter_buffer, thread_counters, place, clock: Clock):
    def work() -> None:
        thread_counters.current().hits += 100

    for _ in range(20):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        counter_buffer.flush()
    assert place.counts(None, clock).hits == 2000
    assert len(counter_buffer._counts._rows["users"]) == 1


def test_the_rings_are_pruned(counter_buffer, thread_counters, place, clock: Clock):
    for _ in range(400):
        thread_counters.current().hits += 1
        counter_buffer.flush()
        clock.advance(86_400)
    with closing(sqlite3.connect(place.directory / "counters.db")) as connection:
        rows = dict(connection.execute("SELECT width, count(*) FROM counters GROUP BY width"))
    assert rows[RINGS[0].width] <= 2
    assert rows[RINGS[-1].width] <= RINGS[-1].span / RINGS[-1].width + 2
    assert rows[0] == 1


def test_a_redis_that_hung_while_it_was_told_counts_once(clock: Clock):
    """A write that timed out may have happened: it is sent again under the same number."""
    with redis_server() as server:
        options = {"redis__url": server.url, "redis__timeout": 0.2}
        cache = Cache.of(settings("redis", **options), clock=clock, strict=True)
        users = cache.namespace("users")
        users.get("k")
        cache.flush()
        for _ in range(3):
            users.get("k")
            server.process.send_signal(signal.SIGSTOP)
            with pytest.raises(BackendUnavailable):
                cache.flush()
            server.process.send_signal(signal.SIGCONT)
            with server.client() as client:
                wait_until(client.ping)
            cache.flush()
        assert cache.stats().namespaces["users"].misses == 4
        cache.close()


def test_an_open_cache_hands_over_by_itself_about_once_a_second(tmp_path: Path):
    options = {"file.directory": tmp_path / "cache"}
    with (
        Cache.of(settings("file", **options)) as cache,
        Cache.of(settings("file", **options), strict=True) as other,
    ):
        cache.namespace("users").get("k")
        wait_until(lambda: other.stats().totals.misses == 1, seconds=5)


def test_a_closed_cache_can_be_closed_again(tmp_path: Path):
    cache = Cache.of(settings("file", **{"file.directory": tmp_path / "cache"}))
    cache.namespace("users").get("k")
    cache.close()
    cache.close()
    assert "cachectl-flush" not in {thread.name for thread in threading.enumerate()}
