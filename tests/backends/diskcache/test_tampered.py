"""A directory that somebody else could have prepared: nothing outside is read, nothing runs."""

import os
import sqlite3
from contextlib import closing

import diskcache
import pytest

from cachectl import BackendError, BackendRefused, BackendUnavailable, Cache, DamagedEntry
from cachectl._backends.diskcache import value_files
from tests.support.foreign import snapshot
from tests.support.openers import settings


def change(directory, statement, *parameters):
    with closing(sqlite3.connect(directory / "cache.db")) as database, database:
        database.execute(statement, parameters)


@pytest.fixture
def victim(directory):
    """A directory with one value in a file."""
    with diskcache.Cache(directory) as cache:
        cache["victim"] = "x" * 100_000
    return directory


def value_file(directory):
    (found,) = directory.glob("*/*/*.val")
    return found


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "ab/../../secret", "cache.db", "", b"ab", 7]
)
def test_a_name_that_leads_out_of_the_directory_is_not_followed(victim, opened, name):
    (victim.parent / "secret").write_text("secret")
    change(victim, "UPDATE Cache SET filename = ?", name)
    namespace = opened.namespace("diskcache")
    with pytest.raises(DamagedEntry, match="its row names a file that diskcache did not make"):
        namespace.peek("victim")
    assert [info.key for info in namespace.entries()] == ["victim"]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_symbolic_link_is_not_followed(victim, opened, level):
    path = [value_file(victim), *value_file(victim).parents][level]
    moved = path.rename(victim.parent / "elsewhere")
    path.symlink_to(moved)
    with pytest.raises(DamagedEntry, match="behind a symbolic link"):
        opened.namespace("diskcache").peek("victim")


def test_a_pipe_in_place_of_a_value_file_is_not_waited_for(victim, opened):
    path = value_file(victim)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DamagedEntry, match="not a file"):
        opened.namespace("diskcache").peek("victim")


def test_a_value_file_that_is_gone_is_said(victim, opened):
    value_file(victim).unlink()
    with pytest.raises(DamagedEntry, match="its value file is gone"):
        opened.namespace("diskcache").peek("victim")


def test_a_value_file_that_is_too_large_is_not_read(victim, opened, monkeypatch):
    monkeypatch.setattr(value_files, "VALUE_LIMIT", 1000)
    with pytest.raises(BackendRefused, match="a value of 100000 bytes is over 1000"):
        opened.namespace("diskcache").peek("victim")


def test_text_that_is_no_text_is_damaged(victim, opened):
    value_file(victim).write_bytes(b"\xff\xfe")
    with pytest.raises(DamagedEntry, match="not UTF-8"):
        opened.namespace("diskcache").peek("victim")


@pytest.mark.parametrize(
    "change_of",
    [
        "mode = 0", "mode = 'x'", "mode = NULL", "mode = 1", "mode = 99, filename = NULL",
        "size = 'x'", "size = x'00'", "store_time = 'x'", "store_time = 1e308", "tag = 1.5",
        "access_time = x'00'", "expire_time = -1e308", "expire_time = 9e99", "tag = x'00ff'",
        "access_count = 'x'", "raw = NULL", "raw = 'x'", "key = NULL", "key = CAST(x'ff' AS TEXT)",
    ],
)  # fmt: skip
def test_a_row_that_diskcache_never_writes_is_listed_and_breaks_nothing(victim, opened, change_of):
    change(victim, f"UPDATE Cache SET {change_of}")
    (info,) = opened.namespace("diskcache").entries()
    try:
        entry = opened.namespace("diskcache").peek(info.key)
    except DamagedEntry:
        entry = None
    assert entry is None or entry.codec


def test_a_key_that_is_too_long_to_be_asked_for_is_cut(directory, opened):
    with diskcache.Cache(directory) as cache:
        cache["k" * 5000] = 1
    (info,) = opened.namespace("diskcache").entries()
    assert info.key == "k" * 1024 + "…"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE Cache ADD COLUMN more", "another schema than diskcache 5"),
        ("ALTER TABLE Settings ADD COLUMN more", "another schema than diskcache 5"),
        ("DROP TABLE Cache", "not a database of diskcache (no table Cache)"),
        ("DROP TABLE Settings", "not a database of diskcache (no table Settings)"),
        ("DELETE FROM Settings WHERE key = 'size'", "other settings than diskcache 5"),
        ("UPDATE Settings SET value = 'x' WHERE key = 'hits'", "(the setting hits)"),
        ("UPDATE Settings SET value = -1 WHERE key = 'count'", "(the setting count)"),
        ("UPDATE Settings SET value = 9e999 WHERE key = 'count'", "(the setting count)"),
        ("UPDATE Settings SET value = 'newest' WHERE key = 'eviction_policy'", "eviction_policy"),
        ("UPDATE Settings SET value = x'00' WHERE key = 'eviction_policy'", "eviction_policy"),
    ],
)
def test_another_schema_is_refused_with_the_path(victim, opened, statement, said):
    change(victim, statement)
    before = snapshot(victim)
    with pytest.raises(BackendRefused) as refused:
        opened.stats()
    assert said in str(refused.value)
    assert str(victim / "cache.db") in str(refused.value)
    assert snapshot(victim) == before


def test_a_view_in_place_of_the_table_is_refused(victim, opened):
    change(victim, "ALTER TABLE Cache RENAME TO Other")
    change(victim, "CREATE VIEW Cache AS SELECT * FROM Other")
    with pytest.raises(BackendRefused, match="no table Cache"):
        opened.usage()


@pytest.mark.parametrize("content", [b"", b"x", b"no database at all" * 100])
def test_a_file_that_is_no_database_is_refused(directory, opened, content):
    directory.mkdir()
    (directory / "cache.db").write_bytes(content)
    with pytest.raises(BackendRefused, match=r"cache\.db is not a database of diskcache"):
        opened.usage()


def test_a_truncated_database_is_an_error_with_the_path(victim, opened):
    path = victim / "cache.db"
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(BackendError, match=r"cache\.db"):
        opened.stats()


def test_a_place_where_nothing_is_is_unavailable_and_stays_empty(directory, opened):
    with pytest.raises(BackendUnavailable, match=f"cannot open {directory}: No such file"):
        opened.stats()
    assert not directory.exists()


def test_a_directory_without_database_is_refused(directory, opened):
    (directory / "000").mkdir(parents=True)
    with pytest.raises(BackendRefused, match=f"{directory} is not a diskcache directory"):
        opened.stats()


def test_a_cachectl_directory_is_refused_with_the_backend_that_reads_it(directory, opened):
    with Cache.of(settings("file", file__directory=directory)) as cache:
        cache.namespace("a").set("k", "v")
    with pytest.raises(BackendRefused, match="is a cachectl cache; use --backend file"):
        opened.stats()


def test_a_file_or_a_link_in_place_of_the_directory_is_refused(victim, opened):
    moved = victim.rename(victim.parent / "moved")
    victim.symlink_to(moved)
    with pytest.raises(BackendRefused, match="is a symbolic link"):
        opened.stats()
    victim.unlink()
    victim.touch()
    with pytest.raises(BackendRefused, match="is not a directory"):
        opened.stats()


def test_a_directory_of_another_user_is_refused(victim, opened, monkeypatch):
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(BackendRefused, match=rf"{victim} belongs to another user \(uid {uid}\)"):
        opened.stats()


def test_a_database_behind_a_link_is_refused(victim, opened):
    moved = (victim / "cache.db").rename(victim.parent / "moved.db")
    (victim / "cache.db").symlink_to(moved)
    with pytest.raises(BackendRefused, match="is not a regular file"):
        opened.stats()
