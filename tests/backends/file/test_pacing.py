"""Removing in steps: how long the pauses between them are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from cachectl import Cache
from cachectl._backends.file import pacing
from cachectl._backends.file.backend import FileBackend
from cachectl._model.batches import BATCH
from cachectl._model.write import Write
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)


class Watch:
    """A clock on which nothing takes time but what is told to; pauses are kept."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.pauses.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def watch(monkeypatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(pacing, "perf_counter", watch)
    monkeypatch.setattr(pacing, "sleep", watch.sleep)
    return watch


@pytest.fixture
def cache(opener: Opener) -> Iterator[Cache]:
    cache = opener()
    cache.namespace("users").set("k", 1)
    yield cache
    cache.close()


def write_beside(opener: Opener) -> None:
    """Write as another process does."""
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection, connection:
        connection.execute("UPDATE entries SET used_at = used_at + 1")


def test_a_pause_is_as_long_as_the_step_while_others_write(
    opener: Opener, cache: Cache, watch: Watch
):
    """And a quarter of that while nobody does; never longer than others would wait for us."""
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    pace = pacing.Pace(backend._writer)
    pace.end(pace.begin())
    for seconds, beside in ((0.02, True), (0.02, False), (3.0, True), (3.0, False)):
        began = pace.begin()
        watch.now += seconds
        if beside:
            write_beside(opener)
        pace.end(began)
    pace.begin()
    assert watch.pauses == [0.02, 0.005, 0.05, 0.0125]


def test_there_is_no_pause_after_what_one_step_removes(cache: Cache, watch: Watch):
    users = cache.namespace("users")
    users.set_many(Write(f"{number}", number, tags=["t"]) for number in range(10))
    users.invalidate(tag="t")
    users.clear()
    assert watch.pauses == []


@pytest.mark.parametrize("removal", ["invalidate", "clear", "cleanup"])
def test_steps_are_paced(opener: Opener, cache: Cache, watch: Watch, monkeypatch, removal):
    users = cache.namespace("users", ttl="none")
    users.set_many(Write(f"{number}", number, tags=["t"]) for number in range(3 * BATCH))
    began = pacing.Pace.begin

    def begin(pace: pacing.Pace) -> float:
        at = began(pace)
        watch.now += 0.01
        write_beside(opener)
        return at

    monkeypatch.setattr(pacing.Pace, "begin", begin)
    if removal == "invalidate":
        users.invalidate(tag="t")
    elif removal == "clear":
        users.clear()
    else:
        cache.cleanup("users", max_entries=1)
    assert watch.pauses == [0.01] * len(watch.pauses)
    assert len(watch.pauses) >= 3
