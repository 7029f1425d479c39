"""Removing entries beside other processes that write."""

import sqlite3
from collections.abc import Iterator
from time import perf_counter

import pytest

from cachectl import MISSING, BackendBusy
from cachectl._backends.file import rows
from cachectl._backends.file.backend import FileBackend
from cachectl.testing import Clock
from tests.backends.file.test_rebuild import assert_books
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)


@pytest.fixture
def other(opener: Opener) -> Iterator[sqlite3.Connection]:
    """The connection of another process, to a cache that has an entry."""
    with opener() as cache:
        cache.namespace("users").set("k", 1, ttl=10, tags=["t"])
    connection = sqlite3.connect(opener.directory / "cache.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.mark.parametrize("removal", ["delete", "invalidate"])
def test_a_removal_that_is_overtaken_is_done_again(
    opener: Opener, other: sqlite3.Connection, monkeypatch, removal
):
    """What it read is no longer so, when it begins to write."""
    cache = opener()
    users = cache.namespace("users")
    name = {"delete": "find_removable", "invalidate": "select"}[removal]
    read = getattr(rows, name)
    reads: list[object] = []

    def overtaken(*arguments):
        found = list(read(*arguments))
        if not reads:
            other.execute("UPDATE entries SET used_at = used_at + 1")
        reads.append(found)
        return found

    monkeypatch.setattr(rows, name, overtaken)
    assert users.delete("k") if removal == "delete" else users.invalidate(tag="t").entries
    assert len(reads) == 2
    assert users.get("k") is MISSING
    assert_books(opener)


def test_a_lookup_of_an_expired_entry_does_not_wait_for_a_write(
    opener: Opener, other: sqlite3.Connection, clock: Clock
):
    cache = opener()
    users = cache.namespace("users")
    clock.advance(11)
    other.execute("BEGIN IMMEDIATE")
    started = perf_counter()
    assert users.get("k") is MISSING
    assert perf_counter() - started < 1
    assert cache.usage()["users"].entries == 1
    other.execute("ROLLBACK")
    assert users.get("k") is MISSING
    assert cache.usage()["users"].entries == 0
    assert cache.stats().totals.expired == 1


def test_a_removal_waits_for_its_turn_and_no_longer(opener: Opener, other: sqlite3.Connection):
    cache = opener()
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    backend._writer._timeout = 0.1
    users = cache.namespace("users")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BackendBusy):
        users.delete("k")
    other.execute("ROLLBACK")
    assert users.delete("k")
    assert_books(opener)
