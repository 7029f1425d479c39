"""Tables that were set aside: nothing of them is seen, and they are freed in short steps."""

import sqlite3
from contextlib import closing

import pytest

from cachectl import MISSING, Cache
from cachectl._backends.file import clearing, pacing, rebuild
from cachectl._backends.file.backend import FileBackend
from cachectl._backends.file.transaction import Transaction
from cachectl._model.batches import BATCH
from cachectl._model.records import Removed
from tests.backends.file.test_pacing import Watch
from tests.backends.file.test_rebuild import assert_books, query, writes
from tests.backends.file.test_writer import writing_connection
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

COUNT = 3 * BATCH + 7


@pytest.fixture
def cache(opener: Opener, monkeypatch) -> Cache:
    monkeypatch.setattr(rebuild, "MANY", COUNT)
    cache = opener()
    cache.namespace("users").set_many(writes(COUNT, tags=["t"], ttl="1h"))
    cache.namespace("others").set_many(writes(50, tags=["t"]))
    return cache


def names(opener: Opener, kind: str) -> set[str]:
    """Return the tables or indexes that are there."""
    found = query(opener, "SELECT name FROM sqlite_master WHERE type = ?", kind)
    return {name for (name,) in found}


def is_clean(opener: Opener) -> bool:
    return not any(name.startswith("cleared_") for name in names(opener, "table"))


def set_aside(cache: Cache) -> None:
    """Clear a namespace, and end before the first step, as who is killed does."""
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)

    def clear(transaction: Transaction) -> Removed:
        assert transaction.load()
        return clearing.clear(transaction)

    backend.table._transactions.run("users", clear)


def test_nothing_of_them_is_seen_and_what_is_written_stays(opener: Opener, cache: Cache):
    reader = opener()
    assert reader.namespace("users").get("k00001") == 1
    set_aside(cache)
    assert not is_clean(opener)
    for one in (cache, reader):
        users, others = one.namespace("users"), one.namespace("others")
        assert users.get("k00001") is MISSING
        assert list(users.entries()) == list(users.entries("t")) == []
        assert len(list(others.entries("t"))) == one.usage()["others"].entries == 50
    assert reader.namespace("users").set("k00001", "new", tags=["t"])
    assert cache.namespace("users").get("k00001") == "new"
    assert_books(opener)


@pytest.mark.parametrize("removal", ["cleanup", "clear of another", "clear of it again"])
def test_what_is_left_is_freed_by_the_next_removal(opener: Opener, cache: Cache, removal):
    set_aside(cache)
    if removal == "cleanup":
        cache.cleanup("others")
    elif removal == "clear of another":
        cache.namespace("others").clear()
    else:
        cache.namespace("users").set_many(writes(COUNT))
        cache.namespace("users").clear()
    assert is_clean(opener)
    assert_books(opener)


def test_they_are_freed_index_by_index_and_then_row_by_row(
    opener: Opener, cache: Cache, monkeypatch
):
    """Each is a transaction, and while steps take hardly any time rows become more."""
    watch = Watch()
    monkeypatch.setattr(pacing, "perf_counter", watch)
    monkeypatch.setattr(pacing, "sleep", watch.sleep)
    set_aside(cache)
    done: list[str] = []
    connection = writing_connection(cache)
    connection.set_trace_callback(done.append)
    cache.compact()
    connection.set_trace_callback(None)

    steps = "\n".join(done).split("COMMIT")
    assert all(step.count("DROP") + step.count("DELETE FROM") <= 2 for step in steps)
    assert sum("DROP INDEX" in step for step in steps) == 5
    limits = [int(step.split("LIMIT ")[-1].split(")")[0]) for step in steps if "DELETE" in step]
    assert limits == sorted(limits)
    assert sum(limits) > COUNT > sum(limits[:-1])
    assert is_clean(opener)


def test_a_step_removes_fewer_rows_once_it_takes_long(opener: Opener, cache: Cache, monkeypatch):
    watch = Watch()
    monkeypatch.setattr(pacing, "perf_counter", watch)
    monkeypatch.setattr(pacing, "sleep", watch.sleep)
    backend = cache._core.backend
    assert isinstance(backend, FileBackend)
    pace, rows = pacing.Pace(backend._writer), []
    for seconds in (0.0, 0.0, 0.0, 0.05, 0.05, 0.05, 0.05, 0.0):
        began = pace.begin()
        watch.now += seconds
        pace.end(began)
        rows.append(pace.rows)
    assert rows == [128, 256, 512, 256, 128, 64, 64, 128]


def test_a_database_of_before_is_cleared_and_has_the_indexes_of_now_then(
    opener: Opener, cache: Cache
):
    """What was a constraint of its table is an index that can be dropped."""
    cache.close()
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection, connection:
        (made,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'entries'"
        ).fetchone()
        connection.execute("ALTER TABLE entries RENAME TO moved")
        connection.execute(made.rstrip(" \n)") + ", UNIQUE(namespace_id, key))")
        connection.execute("INSERT INTO entries SELECT * FROM moved")
        connection.execute("DROP TABLE moved")
        connection.execute("CREATE INDEX entries_used ON entries(namespace_id, used_at)")
    opened = opener()
    assert opened.namespace("users").get("k00001") == 1
    assert names(opener, "index") >= {"sqlite_autoindex_entries_1"}
    for _ in range(2):
        assert opened.namespace("users").clear().entries == COUNT
        assert is_clean(opener)
        assert_books(opener)
        assert not any("autoindex_entries" in name for name in names(opener, "index"))
        assert sum(name.startswith("entries_") for name in names(opener, "index")) == 4
        opened.namespace("users").set_many(writes(COUNT))
    assert len(list(opened.namespace("others").entries())) == 50
