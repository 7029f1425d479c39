"""Clearing a namespace with more entries than one step removes: gone at once, removed in steps."""

import sqlite3
from contextlib import closing

import pytest

from cachectl import MISSING, BackendError, Cache
from cachectl._backends.file import rebuild
from cachectl._model.batches import BATCH
from cachectl._model.write import Write
from tests.backends.file.test_rebuild import assert_books, query, value_files, writes
from tests.backends.file.test_writer import writing_connection
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

COUNT = 3 * BATCH + 7
LARGE = b"x" * 1_100_000


@pytest.fixture
def cache(opener: Opener) -> Cache:
    return opener()


def execute(opener: Opener, statement: str) -> None:
    """Change the database behind the back of the cache."""
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def interrupted(opener: Opener, cache: Cache) -> Cache:
    """A cache of which a namespace was cleared, but the first step failed that removes entries."""
    users, others = cache.namespace("users"), cache.namespace("others")
    users.set_many(writes(COUNT, tags=["t"]))
    users.set("large", LARGE, tags=["t"])
    others.set_many(writes(50, tags=["t"]))
    execute(
        opener,
        "CREATE TRIGGER spoil BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    with pytest.raises(BackendError):
        users.clear()
    execute(opener, "DROP TRIGGER spoil")
    return cache


def rows(opener: Opener) -> int:
    """Return how many rows there are, whoever owns them."""
    count: int = query(opener, "SELECT count(*) FROM entries")[0][0]
    return count


def test_nothing_of_it_is_seen_before_the_steps(opener: Opener, interrupted: Cache):
    users, others = interrupted.namespace("users"), interrupted.namespace("others")
    assert rows(opener) == COUNT + 1 + 50
    assert users.get("k00001") is MISSING
    assert list(users.entries()) == list(users.entries("t")) == []
    assert interrupted.usage()["users"].entries == 0
    assert len(list(others.entries("t"))) == interrupted.usage()["others"].entries == 50
    assert set(interrupted.usage()) == {"users", "others"}


def test_what_is_written_before_the_steps_stays(opener: Opener, interrupted: Cache):
    users = interrupted.namespace("users")
    assert users.set("k00001", "new", tags=["t"])
    interrupted.cleanup()
    assert users.get("k00001") == "new"
    assert [info.key for info in users.entries("t")] == ["k00001"]
    assert rows(opener) == 51
    assert_books(opener)


@pytest.mark.parametrize("removal", ["cleanup", "clear of another", "clear of it again"])
def test_what_is_left_is_removed_by_the_next(opener: Opener, interrupted: Cache, removal):
    others = interrupted.namespace("others")
    others.set_many(writes(COUNT))
    if removal == "cleanup":
        interrupted.cleanup("others")
    elif removal == "clear of another":
        others.clear()
    else:
        interrupted.namespace("users").set("k", 1)
        interrupted.namespace("users").clear()
    assert query(opener, "SELECT count(*) FROM namespaces WHERE name IS NULL") == [(0,)]
    assert rows(opener) == sum(usage.entries for usage in interrupted.usage().values())
    assert value_files(opener) == set()
    assert_books(opener)


def test_the_order_of_lrfu_goes_with_it(opener: Opener, cache: Cache):
    users = cache.namespace("users", eviction="lrfu", max_entries=COUNT)
    users.set_many(writes(COUNT + 100))
    assert users.clear().entries == COUNT
    assert query(opener, "SELECT count(*) FROM lrfu_ranks") == [(0,)]
    assert query(opener, "SELECT count(*) FROM lrfu_states") == [(0,)]
    users.set("k", 1)
    assert query(opener, "SELECT entered, in_window FROM lrfu_states") == [(1, 1)]
    assert_books(opener)


def test_a_writer_beside_waits_for_one_step_at_most(opener: Opener, cache: Cache):
    """However many entries are cleared: no transaction removes more than a step."""
    users, others = cache.namespace("users"), cache.namespace("others")
    users.set_many(writes(COUNT))
    others.set_many(writes(rebuild.MANY // 10))
    removed: list[int] = []
    connection = writing_connection(cache)
    before = connection.total_changes

    def note(statement: str) -> None:
        if statement == "COMMIT":
            removed.append(connection.total_changes)

    connection.set_trace_callback(note)
    users.clear()
    steps = [after - start for start, after in zip([before, *removed], removed, strict=False)]
    assert len(steps) == COUNT // BATCH + 3
    assert max(steps) == BATCH + 1  # the rows, and the totals of what is left


def on_disk(opener: Opener) -> int:
    """Return the bytes of the database and its log."""
    return sum(path.stat().st_size for path in opener.directory.glob("cache.db*"))


@pytest.mark.parametrize("count", [BATCH // 2, 3 * BATCH])
def test_what_a_clear_leaves_free_is_given_back_if_it_is_most_of_the_database(
    opener: Opener, cache: Cache, count
):
    users, others = cache.namespace("users"), cache.namespace("others")
    users.set_many(Write(f"{number}", b"x" * 40_000) for number in range(count))
    others.set_many(writes(50))
    assert on_disk(opener) > count * 40_000
    users.clear()
    assert on_disk(opener) < 500_000
    assert (cache.usage()["others"].memory_bytes or 0) < 500_000
    assert len(list(others.entries())) == 50


def test_what_others_leave_free_is_nobodys_and_said_in_the_status(cache: Cache):
    for number, name in enumerate(("users", "others", "more")):
        sizes = [10_000 * (number + 1)] * 200
        cache.namespace(name).set_many(Write(f"{at}", b"x" * size) for at, size in enumerate(sizes))
    before = cache.usage()
    cache.namespace("users").clear()
    free = cache.status().details["free_bytes"]
    assert free == pytest.approx(200 * 10_000, rel=0.1)
    for name in ("others", "more"):
        assert cache.usage()[name].memory_bytes == pytest.approx(before[name].memory_bytes, rel=0.1)
    cache.cleanup()
    assert cache.status().details["free_bytes"] == 0
