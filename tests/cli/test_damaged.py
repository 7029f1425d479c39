"""Databases that cannot be read, and caches that are replaced, as people meet them."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.support.tool import Tool
from tests.support.processes import wait_until

MENDS = "clear --all --yes"
READING = (
    ("get", "a", "k"),
    ("inspect",),
    ("inspect", "a"),
    ("inspect", "a", "k"),
    ("stats",),
    ("clear", "a", "--dry-run"),
    ("clear", "--all", "--dry-run"),
    ("cleanup", "--dry-run"),
)
WRITING = (("set", "a", "k", "v"), ("clear", "a", "--yes"), ("cleanup",), ("forget", "b"))


@pytest.fixture
def filled(tool: Tool) -> Tool:
    """The tool, with an entry under `k`."""
    assert tool("set", "a", "k", "value").code == 0
    return tool


def spoil(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(50_000))


def aside(tool: Tool) -> list[str]:
    """Return the names of what was put aside."""
    return sorted(path.name for path in tool.directory.glob("*.damaged-*"))


def test_what_is_damaged_is_said_with_the_command_that_mends_it_and_touched_by_that_alone(
    filled: Tool,
):
    database = filled.directory / "cache.db"
    spoil(database)
    before = database.read_bytes()
    for ended in filled.together([*READING, *WRITING]):
        assert ended.code == 5
        assert str(database) in ended.err
        assert "damaged" in ended.err
        assert MENDS in ended.err
        assert ended.out == ""
    assert database.read_bytes() == before
    assert aside(filled) == []

    mended = filled(*f"{MENDS}".split())
    assert mended.code == 0
    (name,) = aside(filled)
    assert name in mended.err
    assert "lost" in mended.err
    assert (filled.directory / name).read_bytes() == before
    assert filled("get", "a", "k").code == 3
    assert filled("set", "a", "k", "new").code == 0
    assert filled("get", "a", "k").out == "new"
    assert filled("stats").err == ""


def test_damaged_counters_hide_no_entry_and_the_next_that_writes_begins_them_anew(filled: Tool):
    counters = filled.directory / "counters.db"
    spoil(counters)
    found = filled("get", "a", "k")
    assert (found.code, found.out) == (0, "value")
    assert str(counters) in found.err
    assert "cachectl cleanup" in found.err
    assert "k" in filled("inspect", "a").out
    stats = filled("stats")
    assert stats.code == 0
    assert str(counters) in stats.err
    assert aside(filled) == []

    assert filled("cleanup").code == 0
    assert len(aside(filled)) == 1
    assert filled("get", "a", "k").err == ""
    assert filled("stats", "a", "--format", "csv").lines[1].split(",")[9] == "1.0"


def test_damage_that_nothing_meets_is_found_by_the_command_that_mends(filled: Tool):
    """A page of an index that emptying the tables does not read."""
    with sqlite3.connect(filled.directory / "cache.db") as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master"
            " WHERE name = 'tags') WHERE name = 'lrfu_ranks'"
        )
    connection.close()
    assert filled(*MENDS.split()).code == 0
    assert len(aside(filled)) >= 1
    assert filled("set", "a", "k", "new").code == 0
    assert filled(*MENDS.split()).err.count("damaged") == 0


@pytest.mark.parametrize(
    "pragma", ["application_id = 7", "user_version = 99"], ids=["foreign", "newer"]
)
def test_what_is_of_others_is_refused_and_not_put_aside(filled: Tool, pragma: str):
    with sqlite3.connect(filled.directory / "cache.db") as connection:
        connection.execute(f"PRAGMA {pragma}")
    connection.close()
    for command in (MENDS.split(), ["get", "a", "k"], ["set", "a", "k", "v"]):
        ended = filled(*command)
        assert ended.code == 6
        assert str(filled.directory) in ended.err
    assert aside(filled) == []


def test_who_watches_is_told_of_another_cache_and_shows_that(filled: Tool):
    process = filled.start("stats", "--watch", "--interval", "0.1", "--format", "json")
    try:
        assert process.stdout is not None
        assert b'"entries":1' in process.stdout.readline().replace(b" ", b"")
        shutil.rmtree(filled.directory)
        wait_until(lambda: b'"entries":0' in _line(process.stdout))
        for _ in range(3):
            process.stdout.readline()
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert errors.count(b"WARNING: %b/cache.db was removed" % bytes(filled.directory)) == 1
    assert (
        errors.count(b": %b/cache.db was removed" % bytes(filled.directory)) == 2
    )  # and as what `stats` says of the cache


def _line(stream) -> bytes:
    line: bytes = stream.readline()
    return line.replace(b" ", b"")
