"""Names that somebody planted: each format has them exactly, and none of them is more than a name."""

import csv
import json
import random
import re
import sqlite3
from collections.abc import Callable, Iterable

import pytest

from cachectl._model.policy import is_namespace
from tests.cli.support.tool import Tool
from tests.cli.test_terminal import UNSAFE

PIECES = (
    '"', "'", "\\", "\n", "\r", "\t", "\0", "\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\ufeff", "\u2028",
    "<script>alert(1)</script>", '"} 1\nforged 2\n#', "{", "}", ",", ";", "=", "+1", "-1", "@", "'=1", "\\n",
    "\\x1b", "\\\\", "[red]", "%s", "{0}", "$(x)", "`x`", "é", "宽", "🎉", " ", "a", "# HELP", "..", "/",
)  # fmt: skip
CHANCE = random.Random(0)
NAMES = sorted({"".join(CHANCE.choices(PIECES, k=CHANCE.randint(1, 5))) for _ in range(150)})
ESCAPED = re.compile(r'\\(?:([\\"])|(n)|x([0-9a-f]{2})|u([0-9a-f]{4}))')
OF_LABELS = re.compile(r'\\(?:([\\"])|(n))')
OTHERS = ("cachectl_up", "cachectl_build_info", "cachectl_applications")
SAMPLE = re.compile(
    r'(\w+)\{backend="(?:[^"\\]|\\[\\"n])*",namespace="((?:[^"\\]|\\[\\"n])*)"\} (\S+)'
)


@pytest.fixture
def planted(tool: Tool) -> Tool:
    """A cache in which each name is one of a namespace that holds something, and of one that counted."""
    tool("get", "own", "k")
    tool("set", "own", "k", "v")
    with sqlite3.connect(tool.directory / "cache.db") as database:
        database.executemany("INSERT INTO namespaces VALUES(NULL, ?, 1, 10, 0)", zip(NAMES))
    database.close()
    with sqlite3.connect(tool.directory / "counters.db") as database:
        insert = "INSERT INTO counters(namespace, width, bucket, hits) VALUES(?, 0, 0, 5)"
        database.executemany(insert, zip(NAMES))
    database.close()
    return tool


def unescaped(text: str) -> str:
    def meant(match: re.Match[str]) -> str:
        code = match[3] or match[4]
        return chr(int(code, 16)) if code else "\n" if match[2] else match[1]

    return ESCAPED.sub(meant, text)


def of_json(text: str) -> Iterable[str]:
    names: dict[str, object] = json.loads(text)["namespaces"]
    return names


def of_json_lines(text: str) -> Iterable[str]:
    *names, total = (json.loads(line)["namespace"] for line in text.splitlines())
    assert total is None
    return names


def of_csv(text: str) -> Iterable[str]:
    first, *rows = csv.reader(text.splitlines())
    at = first.index("key" if "key" in first else "namespace")
    cells = [row[at] for row in rows]
    assert not [cell for cell in cells if cell[0] in "=+-@"]
    return [unescaped(cell.removeprefix("'")) for cell in cells]


def of_prometheus(text: str) -> Iterable[str]:
    samples = [line for line in text.splitlines() if not line.startswith(("# ", *OTHERS))]
    matches = [SAMPLE.fullmatch(line) for line in samples]
    assert all(matches)
    found = [match for match in matches if match]
    assert {match[1] for match in found if match[3] == "5"} == {"cachectl_hits_total"}
    values = [match[2] for match in found if match[1] == "cachectl_entries"]
    return [unescaped(OF_LABELS.sub(lambda each: each[1] or "\n", value)) for value in values]


@pytest.mark.parametrize(
    ("form", "names_of"),
    [("json", of_json), ("jsonl", of_json_lines), ("csv", of_csv), ("prometheus", of_prometheus)],
)
def test_namespaces_are_read_back_as_they_were_planted(
    planted: Tool, form: str, names_of: Callable[[str], Iterable[str]]
):
    ended = planted("stats", "--format", form)
    assert ended.code == 0
    assert not UNSAFE.search(ended.out)
    assert sorted(names_of(ended.out)) == sorted([*NAMES, "own"])


def test_tables_and_logs_have_a_line_for_each_and_no_byte_that_a_terminal_obeys(planted: Tool):
    for arguments in (("-q", "stats"), ("-v", "inspect")):
        ended = planted(*arguments)
        assert ended.code == 0
        assert len(ended.lines) == 1 + len(NAMES) + 2 + 2 * ("inspect" in arguments)
        assert not UNSAFE.search(ended.out)
        assert not UNSAFE.search(ended.err)


def test_what_was_planted_hinders_no_removal_and_goes_with_a_cleanup(planted: Tool):
    assert planted("clear", "--all", "--yes").code == 0
    assert planted("inspect", "own", "k").code == 3
    assert planted("cleanup").code == 0
    left = set(of_json(planted("stats", "--format", "json").out))
    assert "own" in left <= {"own", *filter(is_namespace, NAMES)}


def test_what_was_planted_hinders_no_counting_anew(planted: Tool):
    assert planted("stats", "--reset", "--yes").code == 0
    counted = json.loads(planted("stats", "--format", "json").out)["namespaces"]
    assert counted["own"]["misses"] == 0


def test_keys_are_read_back_as_they_were_planted(tool: Tool):
    with tool.open() as cache:
        cache.namespace("a").set_many(dict.fromkeys(NAMES, 1))
    lines = tool("inspect", "a", "--format", "jsonl").lines
    assert sorted(json.loads(line)["key"] for line in lines) == NAMES
    listed = json.loads(tool("inspect", "a", "--format", "json").out)["entries"]
    assert sorted(entry["key"] for entry in listed) == NAMES
    assert sorted(of_csv(tool("inspect", "a", "--format", "csv").out)) == NAMES
