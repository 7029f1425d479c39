"""Keys, tags and values that try to be more than text: tables stay tables."""

import csv
import json
import re

import pytest

from tests.cli.support.tool import Tool

HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "\x1b]52;c;Zm9v\x07",
    "\x9b31m\x84\x85next",
    "one\ntwo\r\nthree\x0bfour\x0cfive\x1c\u2028six",
    "over\rwrite\x08\x08\x7f",
    "[red]markup[/x][link=http://evil]",
    ":smile: [bold",
    "bidi\u202eevil\u2066\u200f\ufeff",
    "宽字符 🎉 e\u0301",
    "=cmd|' /C calc'!A0",
    "+1", "-1", "@SUM(A1)", "\t=1",
    "::set-env name=X::y",
    "x" * 1024,
    "null\x00byte",
    "--help",
    "'quoted", "''-1", "C:\\x41", "\\", "\\\\x1b",
)  # fmt: skip
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def plant(tool: Tool) -> Tool:
    """Fill a namespace whose keys, values and tags are all of them hostile."""
    tags = [key for key in HOSTILE if key.isprintable() and len(key) <= 128]
    with tool.open() as cache:
        for key in HOSTILE:
            cache.namespace("a").set(key, f"value {key}", tags=tags)
    return tool


@pytest.fixture
def hostile(tool):
    """A cache of files with hostile entries."""
    return plant(tool)


def test_listing_stays_a_table(hostile):
    """Piped, each entry is one line, uncut, without a byte that a terminal might obey."""
    ended = hostile("inspect", "a")
    header, *lines = ended.lines[2:]

    assert len(lines) == len(HOSTILE)
    assert not UNSAFE.search(ended.out)
    assert {len(line.split()) for line in lines} == {len(header.split())}
    assert lines[6].split()[-2] == "[red]markup[/x][link=http://evil]"
    assert lines[7].split()[-2] == ":smile:_[bold"
    assert lines[0].split()[-2] == "\\x1b[2J\\x1b[31mred"


def test_terminal_sees_nothing_to_obey(hostile):
    """On a terminal, wide or narrow, only Rich's own styles are escape sequences."""
    for columns in (40, 200):
        with hostile.on_terminal("inspect", "a", columns=columns) as terminal:
            ended = terminal.end()
        text = re.sub(r"\x1b\[(?:[012]|3[12])m", "", ended.raw.decode()).replace("\r\n", "\n")

        assert ended.code == 0
        assert not UNSAFE.search(text)


def test_documents_round_trip(shared):
    """JSON and JSONL have the keys exactly; CSV has no formula, a row for each entry, and its key."""
    hostile = plant(shared)
    listed = json.loads(hostile("inspect", "a", "--format", "json").out)["entries"]
    assert [entry["key"] for entry in listed] == list(HOSTILE)
    lines = hostile("inspect", "a", "--format", "jsonl").lines
    assert [json.loads(line)["key"] for line in lines] == list(HOSTILE)
    ended = hostile("inspect", "a", "--format", "csv")
    rows = list(csv.DictReader(ended.lines))
    assert len(rows) == len(HOSTILE)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in {*"=+-@\t"}]
    assert not UNSAFE.search(ended.out)
    assert [read_back(row["key"]) for row in rows] == list(HOSTILE)


def read_back(cell: str) -> str:
    """Return what a cell says, as README has it."""
    text = cell.removeprefix("'")
    escape = r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))"
    return re.sub(escape, lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else "\\", text)


def test_each_entry_by_its_key(hostile):
    """A hostile key works as an argument: the value comes back, messages are harmless."""
    keys = [key for key in HOSTILE if "\0" not in key]
    values = hostile.together(("get", "a", "--", key) for key in keys)
    assert [ended.raw.decode() for ended in values] == [f"value {key}" for key in keys]
    shown = hostile.together(("inspect", "a", "--", key) for key in keys)
    for key, ended in zip(keys, shown, strict=True):
        assert ended.code == 0
        assert not UNSAFE.search(ended.out)
        assert len(ended.lines) == 8 + key.count("\n") + (len(key) > 1000)
    for ended in hostile.together(("get", "b", "--", key) for key in keys):
        assert ended.code == 3
        assert ended.err.count("\n") == 1
        assert not UNSAFE.search(ended.err)


def test_clear_shows_them_harmless(hostile):
    """The keys that a dry run shows, and the question on a terminal, are harmless."""
    ended = hostile("-v", "clear", "a", "--dry-run")

    assert len([line for line in ended.err.splitlines() if line.startswith("  a  ")]) == 5
    assert not UNSAFE.search(ended.err + ended.out.replace("\n", ""))


def test_usage_messages_are_harmless(tool):
    """Messages that quote arguments are one harmless line, also for invalid UTF-8."""
    evils = ("\x1b[2J\u202e\nx", "\x9b31m[red]", b"\xff\xfe\x1b[2J")
    calls = [
        [*words, evil]
        for words in (["get"], ["stats"], ["stats", "--since"], ["warm"], ["warm", "--loader"],
                      ["set", "a", "k", "v", "--tag"], ["set", "a", "k", "v", "--ttl"], [])
        for evil in evils
    ]  # fmt: skip
    calls += [[option, evil, "stats"] for option in ("--config", "--backend") for evil in evils]
    for arguments, ended in zip(calls, tool.together(calls), strict=True):
        assert (ended.code, ended.raw) == (2, b""), arguments
        assert ended.err.count("\n") == 1, arguments
        assert not UNSAFE.search(ended.err), arguments
        assert "Traceback" not in ended.err


def test_names_in_a_configuration(tool):
    """What a configuration file calls its namespaces is shown harmless."""
    (tool.home / "cachectl.toml").write_text('[namespaces."\\u001b[2J\\u202e"]\nttl = "1h"\n')
    ended = tool("stats")

    assert ended.code == 2
    assert not UNSAFE.search(ended.err)


def test_names_that_others_planted(on_redis, redis_server):
    """A name in our table of namespaces that cannot be one is not ours."""
    with on_redis.open() as cache:
        cache.namespace("a").set("k", "v")
    with redis_server.client() as client:
        client.sadd("cachectl:namespaces", b"\x1b[2J", b"\xff", "b\nc")

    names = [line.split()[0] for line in on_redis("inspect").lines if not line.startswith("#")]
    assert names == ["namespace", "a"]
    assert len(on_redis("-q", "stats").lines) == 3
    assert on_redis("clear", "--all", "--yes").code == 0


def test_files_with_hostile_names(tool):
    """A file name with a line break does not forge a line of the report."""
    directory = tool.home / "files"
    directory.mkdir()
    (directory / "bad\ncachectl: all is well\x1b[2J.json").write_text("{")
    ended = tool("warm", "files", "--namespace", "a")

    assert ended.code == 4
    assert len(ended.err.splitlines()) == 4
    assert not UNSAFE.search(ended.err)
