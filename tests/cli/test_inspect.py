"""`inspect`."""

import csv
import json
import re

import numpy as np
import pytest


@pytest.fixture
def filled(shared):
    """A cache with two namespaces: one of three entries, one of an array."""
    with shared.open() as cache:
        a = cache.namespace("a")
        a.set("one", {"n": 1}, ttl="2h", tags=["org:42", "eu"], cost="0.005")
        a.set("two", "text", ttl="none")
        a.set("three", b"\x00\xff", tags=["org:42"])
        cache.namespace("b").set("vector", np.arange(3.0))
    with shared.open(ago=7200) as cache:
        cache.namespace("old").set("k", "v", ttl="1h")
    return shared


def test_changes_nothing(filled):
    """Neither the order of use nor any counter moves, whatever is inspected."""

    def state() -> tuple[list[str], list[tuple[int, int]]]:
        with filled.open() as cache:
            order = [listed.key for listed in cache.namespace("a").entries()]
            return order, [(f.hits, f.misses) for f in cache.stats().namespaces.values()]

    before = state()
    for arguments in ([], ["a"], ["a", "one"], ["a", "none"]):
        filled("inspect", *arguments)

    assert state() == before
    assert before[0] == ["one", "two", "three"]


def test_namespaces(filled):
    """Without arguments it lists what there is."""
    header, *rows = filled("inspect").lines
    assert header.split() == ["namespace", "entries", "size"]
    assert [row.split()[:2] for row in rows] == [["a", "3"], ["b", "1"], ["old", "1"]]
    document = json.loads(filled("inspect", "--format", "json").out)
    assert list(document) == ["schema", "namespaces"]
    assert document["namespaces"]["a"]["entries"] == 3


def test_entries(filled):
    """A namespace is a row for each entry, least recently used first."""
    header, one, two, three = filled("inspect", "a").lines
    assert header.split() == ["key", "type", "size", "age", "used", "TTL", "left", "cost", "tags"]
    assert one.split()[:2] == ["one", "json"]
    assert one.rstrip().endswith("$0.005  eu org:42")
    assert two.split()[:2] == ["two", "text"]
    assert " none " in two
    assert three.split()[:2] == ["three", "bytes"]

    ended = filled("inspect", "a", "--limit", "1")
    assert len(ended.lines) == 2
    assert ended.err == "only the first 1 entry; --limit 0 shows all\n"
    tagged = filled("inspect", "a", "--tag", "org:42", "-f", "jsonl")
    assert {json.loads(line)["key"] for line in tagged.lines} == {"one", "three"}


def test_small_money(shared):
    """Tables write small amounts out, wherever they stand."""
    with shared.open() as cache:
        cache.namespace("a").set("k", "v", cost="0.000003")
        cache.namespace("a").get("k")

    for arguments in (["inspect", "a"], ["inspect", "a", "k"], ["stats"]):
        assert "$0.000003" in shared(*arguments).out


def test_entries_for_programs(filled):
    """JSON, JSONL and CSV have the same raw fields."""
    document = json.loads(filled("inspect", "a", "-f", "json").out)
    assert list(document) == ["schema", "namespace", "entries", "complete"]
    assert (document["schema"], document["complete"]) == ("cachectl.inspect/1", True)
    one = document["entries"][0]
    assert list(one) == [
        "key", "type", "size", "created_at", "used_at", "expires_at", "cost", "load_seconds", "tags"
    ]  # fmt: skip
    assert (one["key"], one["type"], one["cost"], one["tags"]) == (
        "one", "json", 0.005, ["eu", "org:42"],
    )  # fmt: skip
    assert document["entries"][1]["expires_at"] is None
    (row, *_) = csv.DictReader(filled("inspect", "a", "-f", "csv").lines)
    assert list(row) == list(one)
    assert (row["key"], row["cost"], row["tags"]) == ("one", "0.005", "eu org:42")


def test_one_entry(filled):
    """One entry comes in full: all that is known of it, and in JSON its exact value."""
    table = filled("inspect", "a", "one")
    assert table.code == 0
    facts = dict(line.split("  ", 1) for line in table.lines)
    assert [name.strip() for name in facts] == [
        "namespace", "key", "type", "size", "created at", "expires at", "ttl left", "cost",
        "load seconds", "tags", "value",
    ]  # fmt: skip
    assert facts["value       ".rstrip()].strip() == '{"n": 1}'

    document = json.loads(filled("inspect", "a", "one", "-f", "json").out)
    assert (document["schema"], document["value"]) == ("cachectl.entry/1", {"n": 1})
    assert document["ttl_left"] == pytest.approx(7200, abs=60)
    array = json.loads(filled("inspect", "b", "vector", "-f", "json").out)
    assert (array["type"], array["dtype"], array["shape"]) == ("npy", "float64", [3])


def test_a_compressed_entry(shared):
    """Both sizes are told: what is stored, and what it would be without compression."""
    tool = shared.having(CACHECTL_NAMESPACES__AI__COMPRESS="zstd")
    with tool.open() as cache:
        cache.namespace("ai").set("k", "text " * 500)
    document = json.loads(tool("inspect", "ai", "k", "-f", "json").out)

    assert (document["compression"], document["uncompressed_size"]) == ("zstd", 2549)
    assert document["size"] < 200
    expected = rf"size +{document['size']} B \(2\.5 KiB before compression\)"
    assert [line for line in tool("inspect", "ai", "k").lines if re.fullmatch(expected, line)]


def test_expired_and_missing_entries(filled):
    """An expired entry is shown and ends with 3, with one document; so does a missing one."""
    ended = filled("inspect", "old", "k", "-f", "json")
    assert ended.code == 3
    assert json.loads(ended.out)["ttl_left"] == 0
    assert json.loads(ended.out)["value"] == "v"
    ended = filled("inspect", "old", "none", "-f", "json")
    assert ended.code == 3
    assert json.loads(ended.out) == {
        "schema": "cachectl.error/1", "error": "old has no none", "exit_code": 3
    }  # fmt: skip


def test_options_that_do_not_fit(tool):
    """Options that would have no effect are refused."""
    message = "cachectl: --tag and --limit go with NS alone\n"
    assert tool("inspect", "--tag", "t") == (2, b"", message)
    assert tool("inspect", "a", "k", "--limit", "1") == (2, b"", message)


def test_memory_is_empty(tool):
    """What other processes hold in memory cannot be listed from here."""
    assert tool("--backend", "memory", "inspect", "a").lines == [
        "key  type  size  age  used  TTL left  cost  tags"
    ]


def test_memory_of_others_is_out_of_reach(tool):
    """On the memory backend it says why there is nothing to see."""
    said = "what applications hold in memory can only be reached by themselves"
    listing = tool("--backend", "memory", "inspect", "a")
    one = tool("--backend", "memory", "inspect", "a", "k")

    assert (listing.code, listing.err) == (0, f"{said}; stats shows what they publish\n")
    assert (one.code, one.err.startswith(said)) == (3, True)
    assert said in tool("--backend", "memory", "get", "a", "k").err


def test_key_from_elsewhere(filled):
    """A key may come from stdin, or be made of features."""
    with filled.open() as cache:
        a = cache.namespace("a")
        a.set(a.key([1, 2.5], model="genre-2"), "found")

    assert json.loads(filled("inspect", "a", "-", "-f", "json", stdin=b"two\n").out)["key"] == "two"
    made = filled("inspect", "a", "--features", "[1, 2.5]", "--extra", "model=genre-2")
    assert (made.code, made.lines[-1].split()) == (0, ["value", "found"])
    assert filled("inspect", "--features", "{}").code == 2
