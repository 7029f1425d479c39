"""Nothing of the directory is changed, whoever uses it meanwhile."""

import os
import sqlite3

import diskcache
import pytest

from cachectl import BackendRefused, CacheError
from cachectl._backends.diskcache.database import Database
from cachectl.errors import BackendBusy
from tests.support.foreign import crashed, running, snapshot


def use(cache):
    """Do all that can be done, and return what was refused."""
    namespace = cache.namespace("diskcache")
    operations = {
        "stats": cache.stats, "usage": cache.usage, "entries": lambda: list(namespace.entries()),
        "tagged": lambda: list(namespace.entries("t")), "get": lambda: namespace.get("text"),
        "peek": lambda: namespace.peek("object"), "expired": lambda: namespace.get("expired"),
        "details": lambda: namespace.details("text"), "flush": cache.flush,
        "dry run": lambda: cache.plan_cleanup(max_entries=1).dry_run(),
        "set": lambda: namespace.set("text", 1), "delete": lambda: namespace.delete("text"),
        "invalidate": lambda: namespace.invalidate(tag="t"), "clear": namespace.clear,
        "cleanup": cache.cleanup, "compact": cache.compact,
    }  # fmt: skip
    refused = []
    for name, operation in operations.items():
        try:
            operation()
        except BackendRefused as error:
            refused += [name] * ("only read here" in str(error))
    return refused


REFUSED = ["set", "delete", "invalidate", "clear", "cleanup"]


def test_what_writes_is_refused_and_what_reads_leaves_every_file_as_it_is(filled, trace, opened):
    before = snapshot(filled)
    assert use(opened) == REFUSED
    opened.close()
    assert snapshot(filled) == before
    assert not trace.exists()


@pytest.mark.parametrize("statistics", [True, False])
def test_the_files_of_an_application_that_runs_stay_as_they_are(
    directory, trace, opened, statistics
):
    with running(directory, trace, statistics=statistics):
        before = snapshot(directory)
        assert use(opened) == REFUSED
        assert snapshot(directory) == before
        assert "cache.db-wal" in before
    assert not (directory / "cache.db-wal").exists()  # its last connection could tidy up


@pytest.mark.parametrize("lost", [None, "cache.db-shm", "cache.db-wal"])
def test_what_a_crash_left_stays_as_it_is(directory, opened, lost):
    crashed(directory)
    if lost == "cache.db-wal":
        sqlite3.connect(directory / "cache.db").execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (directory / "cache.db-shm").unlink(missing_ok=True)
    if lost:
        (directory / lost).unlink(missing_ok=True)
    before = snapshot(directory)
    assert use(opened) == REFUSED
    assert snapshot(directory) == before


def test_a_log_that_nobody_has_read_yet_is_read(directory, opened):
    """Such an index has no mark that a reader could use without writing one."""
    diskcache.Cache(directory).close()
    with_log = sqlite3.connect(directory / "cache.db", isolation_level=None)
    with_log.execute("INSERT INTO Cache(key, raw, mode, value) VALUES ('a', 1, 1, 'b')")
    assert opened.namespace("diskcache").get("a") == "b"
    with_log.close()


def test_what_changed_while_it_was_read_is_read_again(filled):
    seen: list[int] = []

    def query(connection):
        if not seen:
            with diskcache.Cache(filled) as cache:
                cache["new"] = 1
        seen.append(connection.execute("SELECT count(*) FROM Cache").fetchone()[0])
        return seen[-1]

    assert Database(filled / "cache.db").read(query) == seen[-1]
    assert len(seen) == 2


def test_who_can_never_read_in_peace_is_told_so(filled):
    path = filled / "cache.db"

    def query(connection):
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))

    with pytest.raises(BackendBusy, match=r"cache\.db changes all the time"):
        Database(path).read(query)


def test_a_writer_that_holds_the_database_is_waited_for_and_then_named(directory, opened):
    with diskcache.Cache(directory, sqlite_journal_mode="delete") as cache:
        cache["a"] = 1
    with sqlite3.connect(directory / "cache.db", isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("UPDATE Settings SET value = value + 1")
        with pytest.raises(CacheError, match=r"cache\.db: another process has it locked"):
            opened.usage()
        writer.execute("ROLLBACK")
    writer.close()
