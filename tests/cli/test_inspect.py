"""`inspect`."""

import csv
import json
import re

import numpy as np
import pytest

from cachectl._admin.entries import HEADER

DAY = 86_400


@pytest.fixture
def filled(shared):
    """A cache with two namespaces: one of three entries, one of an array."""
    with shared.open() as cache:
        a = cache.namespace("a")
        a.set("one", {"n": 1}, ttl="2h", tags=["org:42", "eu"], cost="0.005", label="number one")
        a.set("two", "text", ttl="none")
        a.set("three", b"\x00\xff", tags=["org:42"])
        cache.namespace("b").set("vector", np.arange(3.0))
    with shared.open(ago=7200) as cache:
        cache.namespace("old").set("k", "v", ttl="1h")
    return shared


def rows(ended):
    """Return what a piped table says below its context, cell by cell."""
    header, *lines = [line for line in ended.lines if not line.startswith("# ")]
    return [dict(zip(header.split(), line.split(), strict=True)) for line in lines]


def keys(ended):
    return [json.loads(line)["key"] for line in ended.lines]


def test_changes_nothing(filled):
    """Neither the order of use nor any counter moves, whatever is inspected."""

    def state() -> tuple[list[str], list[tuple[int, int]]]:
        with filled.open() as cache:
            order = [listed.key for listed in cache.namespace("a").entries()]
            return order, [(f.hits, f.misses) for f in cache.stats().namespaces.values()]

    before = state()
    for arguments in (
        [], ["a"], ["a", "one"], ["a", "none"], ["--summary"], ["a", "-F", "damaged"],
        ["a", "--sort", "size"], ["-0", "a"], ["--count", "a", "-F", "uses=0"],
    ):  # fmt: skip
        filled("inspect", *arguments)

    assert state() == before
    assert before[0] == ["one", "two", "three"]


def test_namespaces(filled):
    """Without arguments it lists what there is, and how much that is in all."""
    ended = filled("inspect")
    assert ended.lines[0].startswith("# cache ")
    found = rows(ended)
    assert [row["namespace"] for row in found] == ["a", "b", "old", "total"]
    assert [row["entries"] for row in found] == ["3", "1", "1", "5"]
    document = json.loads(filled("inspect", "--format", "json").out)
    assert list(document) == ["schema", "entries", "bytes", "namespaces"]
    assert document["namespaces"]["a"]["entries"] == 3
    assert [json.loads(line)["namespace"] for line in filled("inspect", "-f", "jsonl").lines] == [
        "a", "b", "old"
    ]  # fmt: skip


def test_entries(filled):
    """A namespace is a row for each entry, least recently used first; in a pipe each cell is an exact word."""
    ended = filled("inspect", "a")
    one, two, three = rows(ended)
    assert list(one) == ["size", "type", "age", "used", "TTL-left", "cost", "key", "label"]
    assert (one["key"], one["type"], one["cost"], one["label"]) == (
        "one",
        "json",
        "0.005",
        "number_one",
    )
    assert int(one["TTL-left"]) == pytest.approx(7200, abs=60)
    assert (two["key"], two["TTL-left"], two["label"], two["cost"]) == ("two", "never", "-", "0")
    assert (three["key"], three["type"]) == ("three", "bytes")
    assert re.match(r"# a +3 entries · ", ended.lines[1])

    ended = filled("inspect", "a", "--limit", "1")
    assert len(rows(ended)) == 1
    assert ended.err == "1 of 3 shown: --limit 0 for all\n"
    tagged = filled("inspect", "a", "--tag", "org:42", "-f", "jsonl")
    assert set(keys(tagged)) == {"one", "three"}


def test_entries_for_programs(filled):
    """JSON, JSONL and CSV have the same raw fields; rows that stand alone have a schema."""
    document = json.loads(filled("inspect", "a", "-f", "json").out)
    assert list(document) == ["schema", "namespace", "entries", "complete"]
    assert (document["schema"], document["complete"]) == ("cachectl.inspect/1", True)
    one, two, _ = document["entries"]
    assert list(one) == list(HEADER)
    assert (one["namespace"], one["key"], one["type"], one["cost"], one["tags"], one["label"]) == (
        "a", "one", "json", 0.005, ["eu", "org:42"], "number one",
    )  # fmt: skip
    assert (two["expires_at"], two["label"], two["damaged"]) == (None, None, None)
    (row, *_) = map(json.loads, filled("inspect", "a", "-f", "jsonl").lines)
    assert row == {"schema": "cachectl.inspect-entry/1", **one}
    (row, *_) = csv.DictReader(filled("inspect", "a", "-f", "csv").lines)
    assert list(row) == ["schema", *HEADER]
    assert (row["key"], row["cost"], row["tags"], row["expires_at"]) == (
        "one", "0.005", "eu org:42", one["expires_at"]
    )  # fmt: skip


def test_a_document_that_a_limit_cut_is_not_complete(filled):
    """As many as there are is all there is."""
    for limit, complete in ((2, False), (3, True), (0, True), (9, True)):
        for order in ([], ["--sort", "size"]):
            ended = filled("inspect", "a", "-f", "json", "--limit", str(limit), *order)
            document = json.loads(ended.out)
            assert (len(document["entries"]), document["complete"]) == (
                min(limit or 3, 3),
                complete,
            )


def test_across_namespaces(filled):
    """Several are named, or all that hold anything are meant."""
    listed = filled("inspect", "a", "b", "old", "-f", "jsonl")
    assert keys(listed) == ["one", "two", "three", "vector", "k"]
    assert keys(filled("inspect", "-F", "expired", "-f", "jsonl")) == ["k"]
    assert keys(filled("inspect", "a", "b", "-f", "jsonl")) == ["one", "two", "three", "vector"]
    assert [row["namespace"] for row in rows(filled("inspect", "--limit", "0"))] == [
        "a", "a", "a", "b", "old"
    ]  # fmt: skip
    missing = filled("inspect", "a", "b", "c")
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith("cachectl: no namespace c: nobody has used or configured it")


def test_a_word_that_names_a_namespace_and_a_key_is_the_key(filled):
    """What is there exactly is meant."""
    with filled.open() as cache:
        cache.namespace("a").set("b", "a key")
    assert json.loads(filled("inspect", "a", "b", "-f", "json").out)["value"] == "a key"


def test_filters_and_orders(filled):
    """All filters are meant; what stands first is what was asked for."""
    arguments = ["inspect", "a", "-F", "tag=org:42", "-F", "size>10B", "-f", "jsonl"]
    assert keys(filled(*arguments, "--sort", "size:asc")) == ["three", "one"]
    assert keys(filled(*arguments, "--sort", "ttl")) == ["three", "one"]
    assert keys(filled(*arguments, "--filter", "type=json")) == ["one"]
    assert keys(filled("inspect", "--sort", "age", "--limit", "1", "-f", "jsonl")) == ["k"]
    ended = filled("inspect", "a", "-F", "tag=org:42", "--sort", "key")
    assert re.match(r"# a +of 3 entries · tag=org:42 · ", ended.lines[1])
    assert " · by key · " in ended.lines[1]


@pytest.mark.parametrize(
    "arguments",
    [["-F", "foo>1"], ["-F", "uses=7"], ["--sort", "bytes"], ["--tag", "\n"], ["-0"], ["a", "b", "-0"],
     ["a", "two", "--sort", "size", "--features", "1"], ["--summary", "--limit", "1"],
     ["--summary", "-f", "csv"], ["--summary", "--count"], ["--count", "--limit", "1"],
     ["a", "--count", "--sort", "size"], ["a", "--count", "-0"], ["a", "-0", "-f", "csv"],
     ["--picture"], ["a", "--picture"], ["a", "--picture", "--limit", "1"],
     ["a", "two", "--picture", "-f", "csv"], ["a", "key/1", "--limit", "1"], ["a", "two", "-f", "csv"]],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_printed(filled, arguments):
    ended = filled("inspect", *arguments)
    assert (ended.code, ended.out) == (2, "")


def test_how_many_there_are(filled):
    """As a table by namespace, alone with -q, for programs."""
    found = rows(filled("inspect", "--count", "-F", "ttl=none", "-F", "fresh"))
    assert [(row["namespace"], row["entries"]) for row in found] == [
        ("a", "1"), ("b", "0"), ("old", "0"), ("total", "1")
    ]  # fmt: skip
    assert filled("-q", "inspect", "a", "--count", "-F", "type!=json").out == "2\n"
    document = json.loads(filled("inspect", "a", "--count", "-f", "json").out)
    assert (document["schema"], document["entries"]) == ("cachectl.inspect-namespaces/1", 3)


def test_keys_alone_are_what_clear_reads(filled):
    """One a line, or exactly, each ended by NUL."""
    with filled.open() as cache:
        cache.namespace("a").set("odd\n\x1b[31m", 1)
        cache.namespace("a").set("--yes", 1)

    assert filled("-q", "inspect", "a", "-F", "type=text").out == "two\n"
    assert filled("-q", "inspect", "a", "-F", "key~odd*").out == "odd\\x0a\\x1b[31m\n"
    found = filled("inspect", "a", "-0", "-F", "type=json")
    assert found.raw == b"one\0odd\n\x1b[31m\0--yes\0"
    cleared = filled("clear", "a", "--key", "-", "--yes", stdin=found.raw)
    assert (cleared.code, cleared.err[:18]) == (0, "removed 3 entries,")
    assert keys(filled("inspect", "a", "-f", "jsonl")) == ["two", "three"]


def test_small_money(shared):
    """Tables write small amounts out, wherever they stand."""
    with shared.open() as cache:
        cache.namespace("a").set("k", "v", cost="0.000003")

    assert rows(shared("inspect", "a"))[0]["cost"] == "0.000003"
    assert "$0.000003 to make" in shared("inspect", "a", "k").out


def facts(ended):
    """Return what a page says, by its headings."""
    lines = [line for line in ended.lines if not line.startswith("# ")]
    return {line[:9].strip(): line[9:] for line in lines if line[:9].strip()}


def test_one_entry(filled):
    """One entry comes in full: all that is known of it, and in JSON its exact value."""
    page = filled("inspect", "a", "one")
    assert page.code == 0
    found = facts(page)
    assert list(found) == ["key", "label", "type", "created", "expires", "cost", "tags", "value"]
    assert (found["key"], found["label"], found["tags"]) == ("one", "number one", "eu org:42")
    assert re.fullmatch(r"json, \d+ B", found["type"])
    assert re.fullmatch(r"\d+ \w{3}( \d{4})? \d\d:\d\d UTC, in (2h|1h 59m)", found["expires"])
    assert page.lines[-3:] == ["value    {", '           "n": 1', "         }"]

    document = json.loads(filled("inspect", "a", "one", "-f", "json").out)
    assert (document["schema"], document["value"]) == ("cachectl.entry/1", {"n": 1})
    assert (document["label"], document["ttl_left"]) == ("number one", pytest.approx(7200, abs=60))
    array = json.loads(filled("inspect", "b", "vector", "-f", "json").out)
    assert (array["type"], array["dtype"], array["shape"]) == ("npy", "float64", [3])
    assert filled("inspect", "b", "vector").lines[-2:] == [
        "value    array float64, shape (3,), 24 B", "         0 to 2, mean 1, no NaN",
    ]  # fmt: skip
    assert facts(filled("inspect", "a", "two"))["expires"] == "never"


def test_what_is_left_out_of_a_value_is_said(shared):
    """With the command that prints all of it."""
    with shared.open() as cache:
        cache.namespace("a").set("a key", {"text": "x" * 200})

    assert shared("inspect", "a", "a key").lines[-4:] == [
        "value    {", f'           "text": "{"x" * 50}…"', "         }",
        "rest     150 B more: cachectl get a 'a key'",
    ]  # fmt: skip


def test_a_compressed_entry(shared):
    """Both sizes are told: what is stored, and what it would be without compression."""
    tool = shared.having(CACHECTL_NAMESPACES__AI__COMPRESS="zstd")
    with tool.open() as cache:
        cache.namespace("ai").set("k", "text " * 500)
    document = json.loads(tool("inspect", "ai", "k", "-f", "json").out)

    assert (document["compression"], document["uncompressed_size"]) == ("zstd", 2549)
    assert document["size"] < 200
    said = f"text, {document['size']} B; 2.49 KiB before compression"
    assert facts(tool("inspect", "ai", "k"))["type"] == said


def test_the_beginning_of_a_hashed_key_is_enough(filled):
    """If it begins one key; what is there exactly is meant in any case."""
    with filled.open() as cache:
        a = cache.namespace("a")
        made = sorted(a.key([number]) for number in range(200))
        a.set_many(dict.fromkeys(made, 1))
        a.set(f"module.f:{made[0]}", 2)
        a.set(made[7][:8], "exact")
    alone = next(key[:10] for key in made[8:])

    for typed in (alone, alone + "…", alone + "..."):
        assert json.loads(filled("inspect", "a", typed, "-f", "json").out)["key"].startswith(alone)
    assert json.loads(filled("inspect", "a", made[7][:8], "-f", "json").out)["value"] == "exact"
    named = filled("inspect", "a", f"module.f:{made[0][:6]}", "-f", "json")
    assert json.loads(named.out)["value"] == 2
    several = filled("inspect", "a", made[0][:12])
    assert (several.code, several.out) == (2, "")
    assert several.err == (
        f"cachectl: {made[0][:12]} is the beginning of several keys:"
        f" {made[0]}, module.f:{made[0]}\n"
    )
    for typed in (made[0][:3], "module.f:", "tw", "ffffffffffff" + "0" * 51):
        assert filled("inspect", "a", typed).code == 3


def test_expired_and_missing_entries(filled):
    """An expired entry is shown and ends with 3, with one document; so does a missing one."""
    ended = filled("inspect", "old", "k", "-f", "json")
    assert ended.code == 3
    assert json.loads(ended.out)["ttl_left"] == 0
    assert json.loads(ended.out)["value"] == "v"
    assert re.fullmatch(
        r".* UTC, expired 1h( \ds)? ago", facts(filled("inspect", "old", "k"))["expires"]
    )
    ended = filled("inspect", "old", "none", "-f", "json")
    assert ended.code == 3
    assert json.loads(ended.out) == {
        "schema": "cachectl.error/1", "error": "old has no none", "exit_code": 3
    }  # fmt: skip


def test_a_summary(filled):
    """What a namespace holds, in one look; for programs all of it."""
    ended = filled("inspect", "a", "--summary")
    heads = [line.split()[0] for line in ended.lines if line and not line.startswith("# ")]
    assert heads == [
        "p50", "size", "unused_for", "TTL_left", "expired", "1h_to_1d", "never", "never_used",
        "largest", "largest", "largest",
    ] or "5m_to_1h" in heads  # fmt: skip
    document = json.loads(filled("inspect", "--summary", "-f", "json").out)
    assert list(document["namespaces"]) == ["a", "b", "old"]
    a = document["namespaces"]["a"]
    assert (a["entries"], a["never_used"]["entries"], len(a["largest"])) == (3, 3, 3)
    assert {part["name"]: part["entries"] for part in a["ttl_left"]}["never"] == 1


def test_memory_of_others_is_out_of_reach(tool):
    """On the memory backend it says why there is nothing to see."""
    said = "what applications hold in memory can only be reached by themselves"
    listing = tool("--backend", "memory", "inspect", "a")
    one = tool("--backend", "memory", "inspect", "a", "k")

    assert (listing.code, listing.err) == (0, f"{said}; stats shows what they publish\n")
    assert rows(listing) == []
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


def test_a_label_is_set(shared):
    """With what is stored; what terminals obey is not kept."""
    assert shared("set", "a", "k", "v", "--label", "genre · \x1b[31mC").code == 0
    assert json.loads(shared("inspect", "a", "k", "-f", "json").out)["label"] == "genre · ?[31mC"
