"""`stats`."""

import csv
import json
import os
import re
import shutil
import signal

import pytest

FIGURES = [
    "entries", "max_entries", "bytes", "max_bytes", "memory_bytes", "ttl", "hits", "misses",
    "hit_rate", "sets", "evictions", "expired", "invalidated", "errors", "saved_cost",
    "saved_seconds", "last_hit_at", "compression_ratio", "compress_seconds", "decompress_seconds",
    "shared",
]  # fmt: skip


@pytest.fixture
def used(shared):
    """A cache with one namespace that was used, and one that only has limits."""
    tool = shared.having(
        CACHECTL_NAMESPACES__AI__MAX_ENTRIES="10", CACHECTL_NAMESPACES__IDLE__TTL="5m"
    )
    with tool.open() as cache:
        ai = cache.namespace("ai")
        for number in range(3):
            ai.set(str(number), number, cost="0.5")
        for key in ("0", "1", "2", "none"):
            ai.get(key)
    return tool


def test_document(used):
    """The document has the fields that the charter names, raw numbers, and null for no rate."""
    document = json.loads(used("stats", "--format", "json").out)

    assert list(document) == [
        "schema", "generated_at", "backend", "window", "totals", "namespaces"
    ]  # fmt: skip
    assert document["schema"] == "cachectl.stats/1"
    backend = used.variables.get("CACHECTL_BACKEND", "file")
    assert document["backend"] == {"configured": backend, "active": backend, "status": "ok"}
    assert list(document["namespaces"]) == ["ai", "idle"]
    assert [list(part) for part in document["namespaces"].values()] == [FIGURES, FIGURES]
    ai, idle = document["namespaces"].values()
    assert (ai["entries"], ai["max_entries"], ai["ttl"]) == (3, 10, 3600)
    assert (ai["hits"], ai["misses"], ai["hit_rate"], ai["sets"]) == (3, 1, 0.75, 3)
    assert ai["saved_cost"] == 1.5
    assert (idle["ttl"], idle["hit_rate"], idle["last_hit_at"]) == (300, None, None)
    assert document["totals"]["hit_rate"] == 0.75
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["generated_at"])


def test_table(used):
    """The table has a row for each namespace and one for the totals; no rate is a dash."""
    header, ai, idle, total = used("stats").lines

    assert header.split()[:5] == ["namespace", "entries", "size", "full", "memory"]
    assert re.match(r"ai +3 / 10 +\d+ B +30\.0%  +≈ .* 1h +3 +1 +75\.0% +0 +0 +\$1\.50 ", ai)
    assert re.match(r"idle +0 +0 B +– .* 5m +0 +0 +– +0 +0 +\$0\.00 ", idle)
    assert re.match(r"total +3 +\d+ B +– .* 3 +1 +75\.0% ", total)


def test_compression(shared):
    """Ratio and time are shown where anything is compressed, and for others a dash."""
    tool = shared.having(CACHECTL_NAMESPACES__AI__COMPRESS="zstd")
    with tool.open() as cache:
        cache.namespace("ai").set("k", "text " * 500)
        cache.namespace("ai").get("k")
        cache.namespace("plain").set("k", 1)
    header, ai, plain, _ = tool("stats").lines
    figures = json.loads(tool("stats", "--format", "json").out)["namespaces"]

    assert header.split()[-5:] == ["compressed", "per", "set", "per", "hit"]
    assert re.search(r"  \d+\.\d×  +[\d.,]+ µs  +[\d.,]+ µs$", ai)
    assert re.search(r"  –  +–  +–$", plain)
    assert figures["ai"]["compression_ratio"] > 10
    assert figures["ai"]["compress_seconds"] > 0
    assert figures["ai"]["decompress_seconds"] > 0
    assert figures["plain"]["compression_ratio"] is None


def test_other_formats(used):
    """JSONL is the document on one line; CSV and Prometheus have a row and a sample each."""
    assert json.loads(used("stats", "ai", "-f", "jsonl").lines[0])["namespaces"]["ai"]["hits"] == 3
    rows = list(csv.DictReader(used("stats", "-f", "csv").lines))
    assert [(row["namespace"], row["hits"], row["hit_rate"]) for row in rows] == [
        ("ai", "3", "0.75"), ("idle", "0", ""),
    ]  # fmt: skip
    samples = used("stats", "-f", "prometheus").lines
    backend = used.variables.get("CACHECTL_BACKEND", "file")
    assert f'cachectl_hits_total{{backend="{backend}",namespace="ai"}} 3' in samples
    assert "# TYPE cachectl_hits_total counter" in samples
    assert not [line for line in samples if "None" in line]


def test_counts_nothing(used):
    """Asking for the figures twice gives the same figures."""
    first, second = (
        json.loads(used("stats", "--format", "json").out)["namespaces"] for _ in range(2)
    )

    assert first == second


def test_window(used):
    """`--since` counts only what is in the window, and says where it begins."""
    with used.open(ago=7 * 86_400) as cache:
        cache.namespace("ai").get("0")
    document = json.loads(used("stats", "--since", "1h", "--format", "json").out)

    assert document["window"]["seconds"] == pytest.approx(3600, abs=61)
    assert document["namespaces"]["ai"]["hits"] == 3
    everything = json.loads(used("stats", "--format", "json").out)
    assert everything["window"]["start"] is None
    assert everything["namespaces"]["ai"]["hits"] == 4


def test_unknown_namespace_is_empty(tool):
    """A namespace that nobody used is reported as it would be from its first use."""
    document = json.loads(tool("stats", "new", "--format", "json").out)

    assert document["namespaces"]["new"]["entries"] == 0
    assert document["namespaces"]["new"]["ttl"] == 3600


def test_threshold(used):
    """A hit rate under the threshold ends with 8, one that reaches it with 0."""
    assert used("stats", "--fail-under", "hit-rate=75%").code == 0
    ended = used("stats", "ai", "--fail-under", "hit-rate=0.76", "--format", "json")

    assert (ended.code, ended.err) == (8, "cachectl: hit rate 75.0% is under 76.0%\n")
    assert json.loads(ended.out)["schema"] == "cachectl.stats/1"


def test_threshold_without_lookups(tool):
    """Without lookups there is no rate that could be too low."""
    assert tool("stats", "--fail-under", "hit-rate=100%").code == 0


@pytest.fixture
def memory(tool):
    """The tool on the memory backend, under a name that nobody else publishes."""
    name = f"test-{os.getpid()}"
    yield tool.having(CACHECTL_BACKEND="memory", CACHECTL_MEMORY__NAME=name)
    shutil.rmtree(f"/dev/shm/cachectl-{os.geteuid()}-{name}")


def test_memory_of_an_application(memory):
    """The figures of an application that caches in memory are those it has published."""
    with memory.open() as cache:
        a = cache.namespace("a")
        a.set("k", "v")
        a.get("k")
        cache.flush()
        document = json.loads(memory("stats", "--format", "json").out)

    assert document["backend"] == {"configured": "memory", "active": "memory", "status": "ok"}
    assert (document["totals"]["entries"], document["totals"]["hits"]) == (1, 1)


def test_watch_goes_on_until_interrupted(tool):
    """`--watch` prints a document a line, again and again; an interrupt is how it ends."""
    process = tool.start("stats", "--watch", "--interval", "0.1", "--format", "json")
    documents = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)

    assert {document["schema"] for document in documents} == {"cachectl.stats/1"}
    assert (process.returncode, err) == (0, b"")
