"""Removing many rows at once from the file backend: totals, survivors, files, failures."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from cachectl import BackendError, BackendRefused, Cache
from cachectl._backends.file import rebuild
from cachectl._engine.namespace import Namespace
from cachectl._model.batches import BATCH
from cachectl._model.coroutines import run
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule
from cachectl._model.write import Write
from cachectl.testing import Clock
from tests.backends.file.test_writer import writing_connection
from tests.support.openers import Opener
from tests.support.processes import finish, start
from tests.support.segments import segment_sizes

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)

MANY = 4000
"""So many that few survivors are moved, instead of removing the others: less in here than outside."""
SOME = BATCH + 50
LARGE = b"x" * 1_100_000


@pytest.fixture
def cache(opener: Opener, monkeypatch):
    monkeypatch.setattr(rebuild, "MANY", MANY - 500)
    return opener()


def query(opener: Opener, select: str, *parameters: object) -> list[Any]:
    """Look behind the back of the cache."""
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection:
        return connection.execute(select, parameters).fetchall()


def value_files(opener: Opener) -> set[str]:
    return {str(path.relative_to(opener.directory)) for path in opener.directory.glob("??/*.val")}


def assert_books(opener: Opener) -> None:
    """Totals, tags and value files are those of the rows that are there, and no more."""
    totals = query(opener, "SELECT id, entries, bytes, file_bytes FROM namespaces")
    counted = query(
        opener,
        "SELECT namespace_id, count(*), sum(size), sum(iif(filename IS NULL, 0, size))"
        " FROM entries GROUP BY 1",
    )
    assert sorted(row for row in totals if row[1:] != (0, 0, 0)) == sorted(counted)
    tagged = "SELECT namespace_id, entry_id FROM tags EXCEPT SELECT namespace_id, id FROM entries"
    assert query(opener, tagged) == []
    names = query(opener, "SELECT filename FROM entries WHERE filename IS NOT NULL")
    assert {name for (name,) in names} == value_files(opener)
    assert query(opener, "PRAGMA integrity_check") == [("ok",)]


def writes(count: int, *, prefix: str = "k", **settings) -> Iterator[Write]:
    return (Write(f"{prefix}{number:05}", number, **settings) for number in range(count))


def fill_others(cache: Cache) -> list[Namespace]:
    """Fill namespaces on both sides of `users`, which nothing below may touch."""
    others = [cache.namespace(name, ttl="none") for name in ("a", "users.", "zebras")]
    for other in others:
        other.set_many(writes(50, ttl="1s"))
        other.set("large", LARGE, tags=["t"])
        other.set("tagged", [1], tags=["t", "u"], ttl="1h", cost=0.5)
    others.append(cache.namespace("ordered", ttl="none", eviction="lrfu", max_entries=20))
    others[-1].set_many(writes(100, tags=["t"]))
    return others


def picture(namespaces: list[Namespace]) -> list[Any]:
    """All there is to see of namespaces, in the order of use."""
    return [
        [(one.key, one.size, one.used_at, one.entry, namespace.peek(one.key)) for one in listed]
        for namespace in namespaces
        for listed in (list(namespace.entries()), sorted(namespace.entries("t")))
    ]


REMOVALS = {
    "expired": lambda cache, users, clock: (clock.advance(100), cache.cleanup("users")),
    "idle": lambda cache, users, clock: cache.cleanup("users", older_than=50),
    "over": lambda cache, users, clock: cache.cleanup("users", max_entries=5),
    "clear": lambda cache, users, clock: users.clear(),
    "tag": lambda cache, users, clock: users.invalidate(tag="t"),
    "keys": lambda cache, users, clock: users.delete_many(f"k{i:05}" for i in range(MANY)),
}
KEEPING = {"expired", "idle", "over", "tag", "keys"}


@pytest.mark.parametrize("count", [300, SOME, MANY])
@pytest.mark.parametrize("removal", REMOVALS)
def test_totals_are_right_and_survivors_untouched_after(
    opener: Opener, cache: Cache, clock: Clock, removal, count
):
    users = cache.namespace("users", ttl="none")
    users.set_many(writes(count, tags=["t"], ttl=100))
    users.set("k00007", LARGE, tags=["t", "u"], ttl=100)
    users.set("k00008", LARGE, tags=["t"], ttl=100)
    others = fill_others(cache)
    clock.advance(60)
    users.set("stays", {"a": [1.5]}, tags=["u"], cost=0.25)
    users.set("large stays", LARGE, tags=["u"])
    users.set_many(Write(f"s{i}", i, ttl=1000) for i in (3, 1, 2))
    users.get("stays")
    cache.flush()
    assert_books(opener)
    expected = picture(others), picture([users])[0][-5:]
    before = cache.usage()["users"]
    REMOVALS[removal](cache, users, clock)
    assert_books(opener)
    figures = cache.stats().namespaces["users"]
    gone = figures.expired + figures.evictions + figures.invalidated
    assert gone == before.entries - figures.entries
    remaining = picture([users])[0]
    assert remaining == (expected[1] if removal in KEEPING else [])
    assert picture(others) == expected[0]
    assert {one.key for one in users.entries("u")} == {"stays", "large stays"} & {
        row[0] for row in remaining
    }
    assert users.set("k00007", "again", tags=["t"])
    assert [one.key for one in users.entries("t")] == ["k00007"]
    assert_books(opener)


def test_few_survivors_are_moved_and_many_are_not(opener: Opener, cache: Cache, clock: Clock):
    """Or the tests above would not have seen both ways: what is moved leaves a table rebuilt."""
    users = cache.namespace("users", ttl="none")
    users.set_many(writes(MANY, ttl=10))
    others = cache.namespace("others", ttl="none")
    removed: list[int] = []
    store = cache._core.backend.store_for_threads("users")
    for survivors in (0, 3000):
        others.set_many(writes(survivors))
        clock.advance(10)
        removed.append(run(store.cleanup(CleanupRule(clock(), None, Limits()))).expired.entries)
        users.set_many(writes(MANY, ttl=10))
    assert removed == [MANY, BATCH]
    assert_books(opener)


def test_large_rows_of_others_are_not_moved(opener: Opener, cache: Cache):
    users, others = (cache.namespace(name, ttl="none") for name in ("users", "others"))
    users.set_many(writes(MANY))
    for number in range(40):
        others.set(f"{number}", bytes([number]) * 1_000_000)
    assert users.clear().entries == MANY
    assert all(others.get(f"{number}") == bytes([number]) * 1_000_000 for number in range(40))
    assert_books(opener)


@pytest.mark.parametrize("removal", REMOVALS)
def test_an_order_loses_the_places_of_what_is_removed(
    opener: Opener, cache: Cache, clock: Clock, removal
):
    users = cache.namespace("users", ttl="none", eviction="lrfu", max_entries=MANY - 50)
    users.set_many(writes(MANY, tags=["t"], ttl=100))
    clock.advance(60)
    users.set_many(Write(f"s{i}", i) for i in range(5))
    in_window, in_main, *left = segment_sizes(opener, cache, "users")
    assert (in_window + in_main, sum(left)) == (MANY - 50, 55)
    REMOVALS[removal](cache, users, clock)
    held = len(list(users.entries()))
    assert held == (5 if removal in KEEPING else 0)
    assert sum(segment_sizes(opener, cache, "users")[:2]) == held
    assert_books(opener)


def fail_on(opener: Opener, statement: str) -> None:
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection, connection:
        connection.execute(statement)


SPOILED = {
    "removed": ("DELETE ON entries WHEN old.key = 'k00100'", 300),
    "tags": ("DELETE ON tags WHEN old.entry_id = 100", 300),
    "totals": ("UPDATE ON namespaces WHEN new.name = 'users'", MANY),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_failure_in_the_middle_takes_everything_back(opener: Opener, cache: Cache, spoiled):
    event, count = SPOILED[spoiled]
    users = cache.namespace("users", ttl="none")
    users.set_many(writes(count, tags=["t"]))
    users.set("large", LARGE)
    others = fill_others(cache)
    expected = picture([users, *others])
    fail_on(opener, f"CREATE TRIGGER spoil BEFORE {event} BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(BackendError):
        users.clear()
    fail_on(opener, "DROP TRIGGER spoil")
    assert_books(opener)
    assert picture([users, *others]) == expected
    assert users.clear().entries == count + 1
    assert_books(opener)
    assert picture(others) == expected[2:]


def after(steps: int) -> Callable[[], bool]:
    """Return what tells SQLite to stop, once it was asked so many times."""
    left = iter(range(steps))
    return lambda: next(left, None) is None


@pytest.mark.parametrize("count", [300, MANY])
def test_an_interrupt_takes_everything_back(opener: Opener, cache: Cache, count):
    """A statement of the removal is ended by SQLite itself, at each of several points."""
    users = cache.namespace("users", ttl="none")
    users.set_many(writes(count, tags=["t"]))
    others = fill_others(cache)
    expected = picture([users, *others])
    connection = writing_connection(cache)
    ended = 0
    for steps in (1, 10, 50, 200, 1000):
        connection.set_progress_handler(after(steps), 100)
        try:
            users.clear()
        except BackendRefused:
            ended += 1
        connection.set_progress_handler(None, 0)
        if ended == 0:
            break
        assert_books(opener)
    assert ended >= 1
    users.clear()
    assert_books(opener)
    assert picture(others) == expected[2:]


def test_the_file_shrinks_when_most_of_it_is_removed(opener: Opener, cache: Cache):
    users, others = (cache.namespace(name, ttl="none") for name in ("users", "others"))
    others.set_many(writes(100, tags=["t"]))
    expected = picture([others])
    users.set_many(writes(3 * MANY))
    pages = query(opener, "PRAGMA page_count")[0][0]
    users.clear()
    cache.cleanup()
    assert query(opener, "PRAGMA freelist_count") == [(0,)]
    assert query(opener, "PRAGMA page_count")[0][0] < pages / 10
    cache.close()
    path = opener.directory / "cache.db"
    assert path.stat().st_size < pages * 4096 / 10
    assert not path.with_name("cache.db-wal").exists()
    assert picture([opener().namespace("others")]) == expected
    assert_books(opener)


def test_free_pages_between_many_rows_are_given_back_as_well(opener: Opener, cache: Cache):
    """More is left than free, so nothing is copied."""
    users, others = (cache.namespace(name, ttl="none") for name in ("users", "others"))
    for number in range(30):
        users.set(f"{number}", bytes(100_000))
        others.set(f"{number}", bytes(200_000))
    pages = query(opener, "PRAGMA page_count")[0][0]
    users.clear()
    cache.cleanup()
    assert query(opener, "PRAGMA freelist_count") == [(0,)]
    assert query(opener, "PRAGMA page_count")[0][0] < pages * 0.75
    assert all(others.get(f"{number}") == bytes(200_000) for number in range(30))
    assert_books(opener)


NEIGHBOUR = """
cache = open_cache(strict=True)
users, others = cache.namespace("users", ttl="none"), cache.namespace("others", ttl="none")
kept = cache.namespace("kept", ttl="none", eviction="lrfu", max_entries=30)
number = 0
while not os.path.exists(sys.argv[2]):
    number += 1
    assert others.get("value") == "v" * 1000
    assert len(others.get("large")) == 1_100_000
    assert users.get(f"k{number % 1500:05}") in (number % 1500, MISSING)
    others.set(f"{number}", number, tags=["t"])
    assert others.get(f"{number}") == number
    if kept.get(f"{number % 40}") is MISSING: kept.set(f"{number % 40}", number)
    users.set(f"mine{number}", number)
    assert users.get(f"mine{number}") in (number, MISSING)
cache.close()
print(number)
"""


def test_another_process_sees_no_wrong_value_meanwhile(opener: Opener, cache: Cache, tmp_path):
    users, others = (cache.namespace(name, ttl="none") for name in ("users", "others"))
    others.set("value", "v" * 1000)
    others.set("large", LARGE)
    worker = start(NEIGHBOUR, opener.settings, arguments=[str(tmp_path / "stop")])
    try:
        for round_ in range(4):
            users.set_many(writes(MANY, tags=["t"] if round_ == 0 else []))
            assert users.clear().entries >= MANY
            cache.cleanup()
    finally:
        (tmp_path / "stop").touch()
        worked = int(finish(worker))
    assert worked == len(list(others.entries("t"))) > 0
    assert_books(opener)
    assert 0 < sum(segment_sizes(opener, cache, "kept")[:2]) <= 30
