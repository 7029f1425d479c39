"""`cleanup`."""

import fcntl
import json
import os
import re
from typing import Any

import pytest

from tests.cli.support.tool import Ended


@pytest.fixture
def filled(shared):
    """A namespace of 4 expired entries, 3 that were not used for long, and 2 of today."""
    with shared.open(ago=90_000) as cache:
        for number in range(4):
            cache.namespace("a").set(f"expired-{number}", "v", ttl="1h")
        for number in range(3):
            cache.namespace("a").set(f"idle-{number}", "v", ttl="none")
    with shared.open() as cache:
        for number in range(2):
            cache.namespace("b").set(f"fresh-{number}", "v", ttl="none")
    return shared


def document(ended: Ended) -> Any:
    assert (ended.code, ended.err) == (0, "")
    return json.loads(ended.out)


def counts(report: Any) -> dict[str, dict[str, int]]:
    return {
        what: {name: part["entries"] for name, part in report[what].items() if part["entries"]}
        for what in ("expired", "evicted")
    }


def test_is_silent_when_all_is_well(filled):
    """For cron it says nothing; a second run has nothing left to do."""
    assert filled("cleanup") == (0, b"", "")
    report = document(filled("cleanup", "--format", "json"))

    assert report["schema"] == "cachectl.cleanup/1"
    assert (report["entries"], report["bytes"], report["finished"]) == (0, 0, True)
    with filled.open() as cache:
        assert cache.stats().totals.entries == 5
        assert cache.stats().totals.expired >= 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"expired": {"a": 4}, "evicted": {}}),
        (["b"], {"expired": {}, "evicted": {}}),
        (["--older-than", "1d"], {"expired": {"a": 4}, "evicted": {"a": 3}}),
        (["--max-entries", "1"], {"expired": {"a": 4}, "evicted": {"a": 2, "b": 1}}),
        (["--max-bytes", "60"], {"expired": {"a": 4}, "evicted": {"a": 2, "b": 1}}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_dry_run_foretells(filled, options, expected):
    """Each option condemns what it says; `--dry-run` removes nothing and counts the same."""
    foretold = document(filled("cleanup", *options, "--dry-run", "--format", "json"))
    done = document(filled("cleanup", *options, "--yes", "--format", "json"))

    assert (foretold["dry_run"], done["dry_run"]) == (True, False)
    assert counts(foretold) == counts(done) == expected
    assert (foretold["entries"], foretold["bytes"]) == (done["entries"], done["bytes"])


HALF = ["--older-than", "1d"], ["--max-entries", "1"], ["--max-bytes", "60"]


@pytest.mark.parametrize("options", HALF, ids=" ".join)
def test_more_than_half_is_asked_about(filled, options):
    """Where nobody can be asked it is refused; what has expired does not count."""
    ended = filled("cleanup", *options)

    assert (ended.code, ended.raw) == (6, b"")
    refusal, cache, see, do = ended.err.splitlines()
    about = "cachectl: refused: nobody can be asked about more than half: 3 of 5 entries that are "
    assert refusal.startswith(about)
    assert cache.startswith(("  cache file ", "  cache redis "))
    call = f"cachectl cleanup {' '.join(options)}"
    assert (see, do) == (f"  see   {call} --dry-run", f"  do    {call} --yes")
    with filled.open() as cache:
        assert cache.stats().totals.entries == 9
    assert filled("cleanup", *options, "--yes") == (0, b"", "")


def test_up_to_half_is_not(filled):
    """Neither what options ask for, nor whatever has expired or is over the policy's limits."""
    assert filled("cleanup", "--max-entries", "2") == (0, b"", "")
    with filled.open() as cache:
        assert cache.stats().totals.entries == 4
    limited = filled.having(CACHECTL_DEFAULTS__MAX_ENTRIES="1")
    assert limited("cleanup") == (0, b"", "")


@pytest.mark.parametrize(("typed", "code", "left"), [(b"y\n", 0, 2), (b"n\n", 6, 9)])
def test_asks_on_a_terminal(filled, typed, code, left):
    """Only yes is yes."""
    with filled.on_terminal("cleanup", "--older-than", "1d", columns=200) as terminal:
        terminal.wait_for(b"Remove more than half: 3 of 5 entries that are fresh, ")
        ended = terminal.type(typed) or terminal.end()

    assert ended.code == code
    with filled.open() as cache:
        assert cache.stats().totals.entries == left


def test_what_others_wrote_since_it_was_counted_is_told(filled):
    """Nobody is told of a removal what was another; what expires meanwhile is left for the next."""
    with filled.on_terminal("cleanup", "--max-entries", "1", columns=200) as terminal:
        terminal.wait_for(b"Remove more than half: 3 of 5 entries that are fresh, ")
        with filled.open() as cache:
            for number in range(2):
                cache.namespace("b").set(f"new-{number}", "v", ttl="none")
        ended = terminal.type(b"y\n") or terminal.end()

    assert ended.code == 0
    assert b"removed 9 entries, " in ended.raw
    assert ended.raw.endswith(
        b": 4 expired, 5 over a limit; 2 more than shown: others wrote meanwhile\r\n"
    )


def test_documents_say_what_was_planned(filled):
    """What was counted before, if it was; in a dry run that is all there is."""
    options = ["--max-entries", "2", "--format", "json"]
    foretold = document(filled("cleanup", *options, "--dry-run"))
    done = document(filled("cleanup", *options))
    again = document(filled("cleanup", *options, "--yes"))

    amount = {"entries": foretold["entries"], "bytes": foretold["bytes"]}
    assert foretold["planned"] == done["planned"] == amount
    assert (done["entries"], done["bytes"]) == (amount["entries"], amount["bytes"])
    assert again["planned"] is None


@pytest.mark.parametrize("options", [["--max-entries", "18"], ["--max-bytes", "1010kB"]])
def test_dry_run_foretells_what_goes_by_use_and_frequency(shared, options):
    """Favourites stay, however long ago they were written: also for a tool that knows no eviction."""
    with shared.open() as cache:
        users = cache.namespace("users", ttl="none", eviction="lrfu")
        for number in range(10):
            users.set(f"favourite-{number}", b"x" * 100_000)
        for _ in range(3):
            assert all(users.get(f"favourite-{number}") for number in range(10))
            cache.flush()
        for number in range(20):
            users.set(f"small-{number}", "v" * (1000 + number))
    foretold = document(shared("cleanup", *options, "--dry-run", "--format", "json"))
    listed = [json.loads(line) for line in shared("inspect", "users", "-f", "jsonl").lines]
    done = document(shared("cleanup", *options, "--yes", "--format", "json"))
    left = [json.loads(line) for line in shared("inspect", "users", "-f", "jsonl").lines]

    assert (foretold["entries"], foretold["bytes"]) == (done["entries"], done["bytes"])
    gone = [one["key"] for one in listed[: done["entries"]]]
    assert {one["key"] for one in listed} - {one["key"] for one in left} == set(gone)
    assert len(gone) >= 10
    assert all(key.startswith("small-") for key in gone)


@pytest.mark.parametrize("age", ["30", "30.5", " 30 "])
def test_an_age_needs_a_unit(filled, age):
    """Thirty seconds, minutes or days: too much depends on it to be guessed."""
    ended = filled("cleanup", "--older-than", age, "--yes")

    number = age.strip()
    assert (ended.code, ended.err) == (
        2, f"cachectl: an age needs a unit: write {number}s, {number}m or {number}d\n"
    )  # fmt: skip
    with filled.open() as cache:
        assert cache.stats().totals.entries == 9


def test_unknown_namespace_is_said(filled):
    """It has nothing to clean, and perhaps another name; those that are known are cleaned."""
    ended = filled("cleanup", "a", "typo")

    assert (ended.code, ended.err) == (
        0, "no namespace typo: nobody has used or configured it\n"
    )  # fmt: skip
    with filled.open() as cache:
        assert cache.stats().totals.entries == 5
        assert "typo" not in cache.stats().namespaces


def test_says_what_it_would_remove(filled):
    """A dry run is a table; a real one is told to those who ask."""
    ended = filled("cleanup", "--older-than", "1d", "--dry-run")
    assert ended.code == 0
    about, rule, heading, *rows = (line.split() for line in ended.lines)
    assert about[:2] == ["#", "cache"]
    assert rule[:3] == ["#", "cleanup", "what"]
    assert heading == ["namespace", "expired", "over-limit", "share", "size"]
    assert [row[:4] for row in rows] == [["a", "4", "3", "all"], ["total", "4", "3", "77.8%"]]
    assert ended.err.startswith("would remove 7 entries, ")
    assert ended.err.endswith(": 4 expired, 3 over a limit\n")
    assert "removed 4 entries, " in filled("-v", "cleanup").err


def test_one_at_a_time(tool):
    """While one cleanup runs, another ends with 7 at once."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
        with cache._core.backend.lock("cleanup"):
            ended = tool("cleanup")
    assert (ended.code, ended.raw) == (7, b"")
    assert re.fullmatch(
        rf"cachectl: busy: {tool.directory}: a cleanup has been running for \d+s, pid {os.getpid()} on"
        r" [\w.-]+\n  cache file ~/.cache/cachectl · no configuration, defaults\n"
        r"  do    try again when that has ended\n",
        ended.err,
    )
    assert tool("cleanup") == (0, b"", "")


def test_who_left_no_name_is_another(tool):
    """A lock that somebody holds without a word, on a full disk perhaps."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
    lock = tool.directory / "cleanup.lock"
    lock.touch(mode=0o600)
    with lock.open("r+b") as file:
        file.write(b"\x1b[31m 1 1")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        said = f"cachectl: busy: {tool.directory}: another cleanup is running\n"
        assert tool("cleanup").err.startswith(said)


def test_one_at_a_time_on_redis(on_redis):
    """The same holds for cleanups on one Redis, from wherever they come."""
    with on_redis.open() as cache:
        cache.namespace("a").set("k", "v")
        with cache._core.backend.lock("cleanup"):
            ended = on_redis("cleanup", "--format", "json")

    assert ended.code == 7
    assert re.search(rf" a cleanup has been running for \ds, pid {os.getpid()} on ", ended.err)
    assert json.loads(ended.out)["exit_code"] == 7
    assert on_redis("cleanup") == (0, b"", "")


def test_deadline(filled):
    """If the deadline comes first it ends with 7, says so, and prints one document."""
    ended = filled("cleanup", "--deadline", "0.000001", "--format", "json")

    assert (ended.code, ended.err) == (7, "cachectl: the deadline came with work left\n")
    assert json.loads(ended.out)["finished"] is False
    assert filled("cleanup", "--deadline", "10m") == (0, b"", "")


def test_memory_has_nothing_to_clean(tool):
    """On the memory backend there is nothing to do: each process cleans its own."""
    assert tool("--backend", "memory", "cleanup") == (0, b"", "")
    ended = tool("--backend", "memory", "cleanup", "--dry-run")
    assert ended.err.startswith(
        "what applications hold in memory can only be reached by themselves: "
    )


def test_damaged_database(tool):
    """A database that is none ends with an error that says so, not with a traceback."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
    for path in tool.directory.glob("cache.db*"):
        path.write_bytes(b"x" * 8192)

    for command in (["cleanup"], ["stats"], ["get", "a", "k"], ["clear", "a", "--yes"]):
        ended = tool(*command)
        assert (ended.code, ended.raw) == (5, b"")
        assert ended.err.startswith(f"cachectl: unavailable: {tool.directory}")
    assert "file is not a database" in ended.err
