"""The database of entries: how it is told from others, and that its indexes serve the queries."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import diskcache
import pytest

from cachectl import BackendRefused, Cache
from cachectl._backends.directory import claim, create_private
from cachectl._backends.file.schema import APPLICATION_ID, FORMAT
from tests.support.openers import Opener

pytestmark = pytest.mark.parametrize("opener", ["file"], indirect=True)
LARGE = b"x" * 1_500_000


def execute(opener: Opener, statement: str) -> list[tuple[object, ...]]:
    """Do something behind the back of the cache."""
    with closing(sqlite3.connect(opener.directory / "cache.db")) as connection, connection:
        return connection.execute(statement).fetchall()


def operations(cache: Cache) -> list[Callable[[], object]]:
    """Everything that one may do to a namespace."""
    users = cache.namespace("users")
    return [
        lambda: users.set("k", 1),
        lambda: users.set("k", LARGE),
        lambda: users.set("new", 1),
        lambda: users.get("k"),
        lambda: users.delete("k"),
        lambda: users.invalidate(tag="t"),
        users.clear,
        lambda: cache.cleanup("users"),
        lambda: list(users.entries()),
        cache.stats,
    ]


def assert_refused(opener: Opener, sentence: str) -> None:
    """All operations are refused with this sentence, and no file is touched."""
    paths = [path for path in opener.directory.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in paths if not path.name.endswith("-shm")}
    cache = opener()
    for operation in operations(cache):
        with pytest.raises(BackendRefused, match=sentence):
            operation()
    cache._core.counting.buffer.reset()
    for path, content in before.items():
        assert path.read_bytes() == content, path


def test_the_database_says_what_it_is(opener: Opener):
    opener().namespace("users").set("k", 1)
    assert execute(opener, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert APPLICATION_ID.to_bytes(4, "big") == b"cctl"
    assert execute(opener, "PRAGMA user_version") == [(FORMAT,)]
    assert execute(opener, "PRAGMA auto_vacuum") == [(2,)]
    assert execute(opener, "PRAGMA journal_mode") == [("wal",)]


def test_a_database_without_leases_is_read_as_it_is_and_gets_them_when_it_is_written(
    opener: Opener,
):
    """The table is younger than the format."""
    with opener() as cache:
        cache.namespace("users").set("k", 1)
    execute(opener, "DROP TABLE leases")
    users = opener().namespace("users")
    assert users.get("k") == 1
    assert not execute(opener, "SELECT * FROM sqlite_master WHERE name = 'leases'")
    assert users.delete("k")
    assert users.get_or_load("k", lambda: 2) == users.get("k") == 2
    assert execute(opener, "SELECT * FROM leases") == []


def test_what_a_newer_version_made_is_refused_and_untouched(opener: Opener):
    with opener() as cache:
        cache.namespace("users").set("k", LARGE)
    execute(opener, f"PRAGMA user_version = {FORMAT + 1}")
    assert_refused(opener, rf"newer cachectl \(its format is {FORMAT + 1}\)")


def test_what_a_development_version_made_is_refused_with_what_to_do(opener: Opener):
    """It had its marker, and let diskcache make the database."""
    claim(opener.directory)
    create_private(opener.directory / "cache.db")
    diskcache.Cache(str(opener.directory)).close()
    assert_refused(opener, rf"development version of cachectl.*rm -r '{opener.directory}'")


def test_a_foreign_database_is_refused_with_what_to_do(opener: Opener):
    claim(opener.directory)
    create_private(opener.directory / "cache.db")
    execute(opener, "CREATE TABLE thesis(chapter TEXT)")
    assert_refused(
        opener, r"cache\.db is not a database of cachectl; remove it or use another place"
    )
