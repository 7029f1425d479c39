"""The log of the database: how long it grows, and who sees to it."""

import sqlite3
import threading
from itertools import count
from pathlib import Path

import pytest

from cachectl._backends.file import checkpoints, writer
from cachectl._backends.sqlite import Connection
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.write import Write
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

_SOFT = 512 * 1024
_HARD = 1024 * 1024
_VALUE = "x" * 3000


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let logs be short."""
    monkeypatch.setattr(writer, "LOG_BYTES", _SOFT)
    monkeypatch.setattr(writer, "LOG_KEPT", _SOFT * 3 // 4)
    monkeypatch.setattr(checkpoints, "LOG_BYTES", _SOFT)
    monkeypatch.setattr(checkpoints, "HARD", _HARD)
    monkeypatch.setattr(checkpoints, "LONG", 2 * _HARD)


@pytest.fixture
def cache(opener: Opener) -> Cache:
    return opener()


@pytest.fixture
def namespace(cache: Cache) -> Namespace:
    return cache.namespace("a")


def log_bytes(directory: Path) -> int:
    return (directory / "cache.db-wal").stat().st_size


def longest_log(namespace: Namespace, directory: Path, writes: int) -> int:
    """Return how long the log was at most during so many writes."""
    sizes = []
    for number in range(writes):
        namespace.set(str(number % 100), f"{number}{_VALUE}")
        sizes.append(log_bytes(directory))
    return max(sizes)


def test_the_log_is_bounded_beside_one_who_writes(opener: Opener, namespace: Namespace):
    """A write adds a few pages to what is too long, and is who waits then."""
    assert longest_log(namespace, opener.directory, 2000) <= _HARD + 250_000


def test_the_log_is_bounded_beside_threads_that_write_read_and_clear(
    opener: Opener, cache: Cache, namespace: Namespace
):
    other, ended = cache.namespace("b"), threading.Event()

    def write_and_clear() -> None:
        for number in count():
            if ended.is_set():
                return
            other.set_many(Write(f"{number}-{one}", _VALUE) for one in range(20))
            other.get(f"{number}-1")
            if number % 40 == 39:
                other.clear()

    thread = threading.Thread(target=write_and_clear)
    thread.start()
    try:
        assert longest_log(namespace, opener.directory, 1000) <= 3 * _HARD
    finally:
        ended.set()
        thread.join()


def test_one_who_reads_for_ever_costs_a_write_nothing_and_is_told_of(
    opener: Opener, cache: Cache, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
):
    """The log cannot begin again, which is tried now and then, not with each write."""
    tried: list[str] = []
    checkpoint = checkpoints._checkpoint

    def counted(connection: Connection, kind: str) -> tuple[int, int, int]:
        tried.append(kind)
        return checkpoint(connection, kind)

    monkeypatch.setattr(checkpoints, "_checkpoint", counted)
    monkeypatch.setattr(checkpoints, "_AGAIN", 1000.0)
    namespace.set("k", 1)
    reader = sqlite3.connect(opener.directory / "cache.db")
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM entries").fetchone() == (1,)
    assert not cache.stats().backend.notes

    assert longest_log(namespace, opener.directory, 1000) > 2 * _HARD
    assert len(tried) <= 20
    (note,) = cache.stats().backend.notes
    assert "cache.db-wal has" in note

    reader.close()
    opener().namespace("a").set("k", 2)  # which looks at it anew
    namespace.set("k", 3)
    assert log_bytes(opener.directory) < _HARD
    assert not cache.stats().backend.notes
