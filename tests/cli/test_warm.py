"""`warm`."""

import json
import re
from typing import Any

import numpy as np
import pytest

from tests.cli.support.tool import Tool

BAD = (
    '{"namespace": "a", "key": "one", "value": 1}\n'
    "not JSON\n"
    '{"namespace": "a", "key": "two", "value": 2, "ttl": "soon"}\n'
    "\n"
    '{"namespace": "a", "key": "three", "value": 3, "tags": ["t"], "cost": 0.5}\n'
)


def values(tool: Tool, *keys: str) -> list[Any]:
    with tool.open() as cache:
        return [cache.namespace("a").get(key, None) for key in keys]


@pytest.mark.parametrize("name", ["bad.jsonl", "-"])
def test_bad_lines_are_reported_by_number(shared, name):
    """The bad lines of a manifest are named, the rest is done, and it ends with 4."""
    (shared.home / "bad.jsonl").write_text(BAD)
    ended = shared("warm", name, stdin=BAD.encode())

    assert (ended.code, ended.raw) == (4, b"")
    first, second, *summary = ended.err.splitlines()
    assert first == f"{name}:2: not JSON at character 1: Expecting value"
    assert second.startswith(f"{name}:3: not a duration: 'soon'")
    assert summary[0].startswith("4 read in ")
    assert re.fullmatch(r"  2 written, \d+ B\n  2 failed", "\n".join(summary[1:]))
    assert values(shared, "one", "two", "three") == [1, None, 3]


def test_report_is_one_document(tool):
    """With JSON the report is one document, also when some lines failed."""
    (tool.home / "bad.jsonl").write_text(BAD)
    ended = tool("warm", "bad.jsonl", "--format", "json")
    report = json.loads(ended.out)

    assert ended.code == 4
    assert report["schema"] == "cachectl.warm/1"
    assert (report["read"], report["written"], report["fresh"], report["failed"]) == (4, 2, 0, 2)
    assert [failure["line"] for failure in report["failures"]] == [2, 3]
    assert report["namespaces"] == {"a": 2}


def test_all_kinds_of_sources(shared):
    """CSV, npz and directories are warmed in one call, each under its own names."""
    home = shared.home
    (home / "rows.csv").write_text("key,value,type,tags\nrow,text,,x y\nnumber,7,json,\n")
    np.savez(home / "arrays.npz", vector=np.arange(3))
    (home / "files/sub").mkdir(parents=True)
    (home / "files/sub/note.txt").write_text("hello")
    ended = shared("warm", "rows.csv", "arrays.npz", "files", "-n", "a", "-f", "json")

    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["written"] == 4
    row, number, vector, note = values(shared, "row", "number", "vector", "sub/note.txt")
    assert (row, number, vector.tolist(), note) == ("text", 7, [0, 1, 2], "hello")


def test_loader(shared):
    """A loader is called for each key that is not fresh; one that raises is a failed item."""
    (shared.home / "shop.py").write_text(
        "async def load(key):\n    return {'key': key, 'half': 10 // int(key)}\n"
    )
    (shared.home / "keys.txt").write_text("1\n0\n2\n")
    command = ["warm", "--loader", "shop:load", "--keys", "keys.txt", "-n", "a"]
    ended = shared(*command)
    assert ended.code == 4
    assert ended.err.startswith("keys.txt:2: the loader raised ZeroDivisionError (")
    assert "\n3 read in " in ended.err
    assert "\n  2 written, " in ended.err
    assert values(shared, "2") == [{"key": "2", "half": 5}]

    assert shared(*command).err.endswith("\n  0 written, 0 B\n  2 already fresh\n  1 failed\n")


@pytest.mark.parametrize(
    ("loader", "reason"),
    [
        ("nosuch:load", "the loader 'nosuch:load' cannot be found: No module named 'nosuch'"),
        ("shop:nosuch", "the loader 'shop:nosuch' cannot be found: "),
        ("shop:number", "the loader 'shop:number' is not a function but int"),
        ("broken:load", "the loader 'broken:load' cannot be used: importing it raised"),
        ("shop", "not a loader: 'shop' (write package.module:function)"),
    ],
)
def test_loader_that_cannot_be_used(tool, loader, reason):
    """It is wrong usage: one line, 2, and nothing was opened; what it raised is not shown."""
    (tool.home / "shop.py").write_text("number = 1\n")
    (tool.home / "broken.py").write_text("raise RuntimeError('hunter2')\n")
    (tool.home / "keys.txt").write_text("1\n")
    ended = tool("warm", "--loader", loader, "--keys", "keys.txt", "-n", "a")

    assert (ended.code, ended.raw) == (2, b"")
    assert reason in ended.err
    assert ended.err.count("\n") == 1
    assert "hunter2" not in ended.err
    assert not tool.directory.exists()


def test_limits_and_disabled_namespaces(tool):
    """What is too large, or for a namespace that is off, is a failed line."""
    (tool.home / "m.jsonl").write_text(
        f'{{"namespace": "small", "key": "k", "value": "{"x" * 200}"}}\n'
        '{"namespace": "off", "key": "k", "value": 1}\n'
        '{"namespace": "a", "key": "k", "value": 1}\n'
    )
    limited = tool.having(
        CACHECTL_NAMESPACES__SMALL__MAX_BYTES="100", CACHECTL_NAMESPACES__OFF__ENABLED="false"
    )
    ended = limited("warm", "m.jsonl")

    assert ended.code == 4
    assert "m.jsonl:1: larger than max_bytes of 'small'\n" in ended.err
    assert "m.jsonl:2: namespace 'off' is disabled\n" in ended.err
    assert "\n  1 written, " in ended.err
    assert ended.err.endswith("\n  2 failed\n")


def test_progress_bar_is_for_terminals(tool):
    """Somebody who watches sees a bar on stderr; in a pipe there is only the summary."""
    lines = [f'{{"namespace": "a", "key": "{n}", "value": {n}}}\n' for n in range(5000)]
    (tool.home / "m.jsonl").write_text("".join(lines))
    with tool.on_terminal("warm", "m.jsonl") as terminal:
        watched = terminal.end()
    piped = tool.having(FORCE_COLOR="1")("warm", "m.jsonl")

    assert (watched.code, piped.code, piped.raw) == (0, 0, b"")
    assert b"m.jsonl" in watched.raw
    assert b"\x1b[?25l" in watched.raw
    assert piped.err.startswith("5,000 read in ")
    assert "\n  5,000 written, " in piped.err
    assert piped.err.count("\n") == 2


def test_memory_says_that_it_forgets(tool):
    """On the memory backend all is written, and it is said that it ends with the call."""
    (tool.home / "m.jsonl").write_text('{"namespace": "a", "key": "k", "value": 1}\n')
    ended = tool("--backend", "memory", "warm", "m.jsonl")

    assert ended.code == 0
    assert ended.err.endswith(
        "the memory backend ends with this process, and its entries with it\n"
    )


def test_what_is_not_there_any_more_is_said(shared):
    """Keys that come twice, and what limits evicted again, by name; JSON has the figures."""
    lines = [f'{{"namespace": "a", "key": "{n % 7}", "value": {n}}}\n' for n in range(20)]
    (shared.home / "m.jsonl").write_text("".join(lines))
    limited = shared.having(CACHECTL_NAMESPACES__A__MAX_ENTRIES="5")
    ended = limited("warm", "m.jsonl")

    assert ended.code == 0
    first, *others, there = ended.err.splitlines()
    assert first.startswith("20 read in ")
    assert there == "5 of them are there now"
    with shared.open() as cache:
        assert cache.stats().totals.entries == 5
    told = re.fullmatch(
        r"  20 written, \d+ B\n"
        r" +(\d+)   of them replaced in this run: their key came again\n"
        r" +(\d+)   of them evicted again by max_entries of a",
        "\n".join(others),
    )
    assert told
    assert int(told[1]) + int(told[2]) == 15
    report = json.loads(limited("warm", "m.jsonl", "-f", "json").out)
    assert (report["written"], report["kept"], report["gone"]) == (20, 5, 0)
    assert report["replaced"] + report["evicted"] == 15


def test_what_is_skipped_is_named(tool):
    """By its reason, with some of the names; a run that read nothing says so."""
    files = tool.home / "files"
    files.mkdir()
    for number in range(5):
        (files / f".hidden{number}").touch()
    (files / "out").symlink_to("..")
    ended = tool("warm", "files", "-n", "a")

    assert ended.code == 0
    lines = sorted(ended.err.splitlines())
    assert lines[0].startswith("0 read in ")
    assert lines[1] == "nothing was read: there is nothing to warm from"
    assert lines[2] == "skipped, a link that leads out of the directory: files/out"
    assert lines[3].startswith("skipped, hidden: files/.hidden")
    assert lines[3].endswith(" and 2 more")
    report = json.loads(tool("warm", "files", "-n", "a", "-f", "json").out)
    assert (report["read"], report["skipped"], len(report["skips"])) == (0, 6, 6)


def test_dry_run_writes_nothing_and_says_what_would_be(shared):
    """Each line is checked, as the run itself does; no loader is called, nothing is counted."""
    lines = [f'{{"namespace": "a", "key": "{n % 7}", "value": {n}}}\n' for n in range(20)]
    (shared.home / "m.jsonl").write_text("".join(lines) + "{}\n")
    (shared.home / "keys.txt").write_text("x\ny\n0\n")
    (shared.home / "shop.py").write_text("def load(key):\n    raise SystemExit\n")
    with shared.open() as cache:
        cache.namespace("a").set("0", "fresh")
    before = shared("stats", "-f", "csv").out
    limited = shared.having(
        CACHECTL_NAMESPACES__A__MAX_ENTRIES="5", CACHECTL_NAMESPACES__A__COMPRESS="zstd"
    )
    command = ["warm", "m.jsonl", "--loader", "shop:load", "--keys", "keys.txt", "-n", "a"]
    ended = limited(*command, "--dry-run")
    document = json.loads(limited(*command, "--dry-run", "-f", "json").out)

    assert ended.code == 4
    failed, summary, *became = ended.err.splitlines()
    assert failed == "m.jsonl:21: there is no 'value' or 'value_file' or 'value_base64'"
    assert summary.startswith("24 read in ")
    assert became[0].startswith("  22 would be written, ")
    assert became[1:] == [
        "  13   of them replaced in this run: their key came again",
        "   4   of them evicted again by max_entries of a",
        "   1 already fresh",
        "   1 failed",
        "5 of them would be there then",
    ]
    assert (document["dry_run"], document["written"], document["kept"]) == (True, 22, 5)
    assert shared("stats", "-f", "csv").out == before
