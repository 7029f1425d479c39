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
    "shared", "policy_from", "expired_entries", "uncertainty", "missed_absent", "missed_expired",
    "missed_evicted", "missed_invalidated", "missed_damaged", "missed_bypassed", "missed_error",
]  # fmt: skip
KNOWN: dict[str, dict[str, object]] = {
    "file": {"free_bytes": 0},
    "redis": {"maxmemory_policy": "noeviction", "maxmemory_bytes": 0, "evicted_keys": 0},
}
"""What backends tell of themselves."""


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
        "schema", "generated_at", "backend", "window", "totals", "namespaces", "applications",
    ]  # fmt: skip
    assert document["schema"] == "cachectl.stats/1"
    backend = used.variables.get("CACHECTL_BACKEND", "file")
    assert document["backend"] == {
        "configured": backend, "active": backend, "status": "ok", **KNOWN[backend],
    }  # fmt: skip
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
    _, _, header, ai, idle, total = used("stats").lines

    assert header.split()[:5] == ["namespace", "hit-rate", "lookups", "misses", "entries"]
    assert re.match(r"ai +75\.0% +4 +1 +3 +30% +\S+B +\S+B +1h +0 +0 +\$1\.50 +– ", ai)
    assert re.match(r"idle +– +0 +0 +0 +– +0B +0B +5m +0 +0 +– +– +–$", idle)
    assert re.match(r"total +75\.0% +4 +1 +3 +– ", total)


def test_money_below_a_micro_dollar(shared):
    """It is added up, and written without an exponent."""
    with shared.open() as cache:
        ai = cache.namespace("ai")
        ai.set("k", 1, cost="0.00000006")
        for _ in range(50):
            ai.get("k")
    assert " <$0.01 " in shared("stats").lines[3]
    assert "  saved     $0.000003; " in shared("-v", "stats").out
    assert json.loads(shared("stats", "-f", "json").out)["totals"]["saved_cost"] == 0.000003
    assert " 0.00000006 " in shared("inspect", "ai").out
    assert json.loads(shared("inspect", "ai", "k", "-f", "json").out)["cost"] == 0.00000006


def test_compression(shared):
    """Ratio and time are told of what is compressed; the ratio is a column for who asks for it."""
    tool = shared.having(CACHECTL_NAMESPACES__AI__COMPRESS="zstd")
    with tool.open() as cache:
        cache.namespace("ai").set("k", "text " * 500)
        cache.namespace("ai").get("k")
        cache.namespace("plain").set("k", 1)
    _, _, header, ai, plain, _ = tool("stats", "--columns", "compressed").lines
    figures = json.loads(tool("stats", "--format", "json").out)["namespaces"]

    assert header.split() == ["namespace", "compressed"]
    assert re.fullmatch(r"ai +\d+\.\d×", ai)
    assert re.fullmatch(r"plain +–", plain)
    packed = r"  packed +\d+\.\d×, [\d.]+ [mµ]s a set, [\d.]+ [mµ]s a hit\n"
    assert len(re.findall(packed, tool("-v", "stats", "ai", "plain").out)) == 2  # and the total
    assert "packed" not in tool("-v", "stats", "plain").out
    assert figures["ai"]["compression_ratio"] > 10
    assert figures["ai"]["compress_seconds"] > 0
    assert figures["ai"]["decompress_seconds"] > 0
    assert figures["plain"]["compression_ratio"] is None


def test_other_formats(used):
    """JSONL has an object for each and the totals; CSV and Prometheus have a row and a sample each."""
    objects = [json.loads(line) for line in used("stats", "-f", "jsonl").lines]
    assert [(each["namespace"], each["hits"], each["hit_rate"]) for each in objects] == [
        ("ai", 3, 0.75), ("idle", 0, None), (None, 3, 0.75),
    ]  # fmt: skip
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


def test_a_namespace_that_is_only_configured_is_known(used):
    """Nothing needs to be said of it."""
    ended = used("stats", "idle")
    assert (ended.code, ended.err) == (0, "")


def test_namespace_that_was_idle_in_the_window_is_known(shared):
    """What it counted was before."""
    with shared.open(ago=7 * 86_400) as cache:
        cache.namespace("ai").get("0")

    assert shared("stats", "ai", "--since", "1h").err == ""


def test_prometheus_gets_counters_only(tool):
    """Those of a window go down as well, and whoever takes them for counters computes nonsense."""
    ended = tool("stats", "--since", "1h", "--format", "prometheus")

    assert (ended.code, ended.raw) == (2, b"")
    assert "--since" in ended.err


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

    assert document["backend"] == {
        "configured": "memory", "active": "memory", "status": "ok",
        "name": memory.variables["CACHECTL_MEMORY__NAME"], "processes": 1,
        "programs": document["backend"]["programs"],
    }  # fmt: skip
    assert (document["totals"]["entries"], document["totals"]["hits"]) == (1, 1)


def test_policies_that_an_application_in_memory_sets_in_its_code(memory):
    """They are shown as long as any such application runs, and say so."""
    with memory.open() as cache:
        cache.namespace("a", ttl="7d", max_entries=10).set("k", "v")
        cache.flush()
        report = memory("stats", "--format", "json")
    figures = json.loads(report.out)["namespaces"]["a"]
    assert (figures["ttl"], figures["max_entries"]) == (7 * 86400, 10)
    assert figures["policy_from"] == "application"
    with memory.open() as cache:  # another run of it, after the last one had ended
        cache.namespace("a").set("k", "v")
        cache.flush()
        figures = json.loads(memory("stats", "--format", "json").out)["namespaces"]["a"]
    assert (figures["ttl"], figures["policy_from"]) == (3600, "defaults")


def test_what_has_expired_is_told_where_there_is_any(shared):
    """In a column of its own, or with -v; the counter tells what was removed."""
    with shared.open() as cache:
        cache.namespace("a").set("k", "v")
    assert "not-fresh" not in shared("stats").lines[2]
    assert "not fresh" not in shared("-v", "stats", "a").out

    with shared.open(ago=60) as cache:
        cache.namespace("a", ttl=1).set_many({"1": 1, "2": 2})
    _, _, header, row, _ = shared("stats", "a").lines
    at = header.split().index("not-fresh")
    assert header.split()[at - 1] == "entries"
    assert row.split()[at - 1 : at + 1] == ["3", "2"]
    assert "  holds     3 entries; " in shared("-v", "stats", "a").out
    assert "; 2 of them not fresh; " in shared("-v", "stats", "a").out
    figures = json.loads(shared("stats", "--format", "json").out)
    assert figures["totals"]["expired_entries"] == 2
    assert figures["totals"]["expired"] == 0
    found = json.loads(shared("inspect", "-F", "expired", "--count", "--format", "json").out)
    assert found["namespaces"]["a"]["entries"] == 2


def test_verbose_says_who_sets_a_policy(shared):
    """The records and a listing as well."""
    with shared.open() as cache:
        cache.namespace("a", ttl="7d", max_entries=10).set("k", "v")
        cache.namespace("b").set("k", "v")
    configured = shared.having(CACHECTL_NAMESPACES__B__TTL="5m")
    a, b = configured("-v", "stats").out.partition("\nb\n")[::2]
    assert "  holds     1 of 10 entries; " in a
    assert "  policy    from an application, set in its code\n" in f"{a}\n"
    assert "  policy    from the configuration\n" in b
    about = configured("inspect", "a").lines[1]
    assert about.endswith(" · TTL 7d, at most 10 entries, from an application, set in its code")
    assert configured("stats", "a").err == ""


def test_watch_goes_on_until_interrupted(tool):
    """`--watch` prints a document a line, again and again; an interrupt is how it ends."""
    process = tool.start("stats", "--watch", "--interval", "0.1", "--format", "json")
    documents = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)

    assert {document["schema"] for document in documents} == {"cachectl.stats/1"}
    assert (process.returncode, err) == (0, b"")


def test_limits_over_all_namespaces_stand_in_the_last_row(shared):
    """And are held by `cleanup`, whose dry run says so."""
    with shared.open() as cache:
        for name in ("a", "b"):
            cache.namespace(name).set_many({str(number): number for number in range(4)})
    limited = shared.having(CACHECTL_MAX_ENTRIES="5")
    assert limited("stats").lines[-1].split()[:6] == ["total", "–", "0", "0", "8", "160%"]
    assert "3 over a limit" in limited("cleanup", "--dry-run").err
    assert limited("cleanup").err == ""
    assert limited("stats").lines[-1].split()[:6] == ["total", "–", "0", "0", "5", "100%"]
    assert json.loads(limited("stats", "--format", "json").out)["totals"]["max_entries"] == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--interval", "5"], "--interval goes with --watch"),
        (["--watch", "--interval", "nan"], "not a number of seconds: nan"),
        (["--watch", "--interval", "inf"], "Invalid value for '--interval'"),
        (["--watch", "--columns", "sets"], "without --watch and --diff"),
        (
            ["--watch", "-f", "csv"],
            "--watch goes with a table, JSON, or metrics that replace a file",
        ),
        (["--watch", "-f", "prometheus"], "--watch goes with a table, JSON, or metrics"),
        (["--diff", "x.json", "--columns", "sets"], "without --watch and --diff"),
        (["--diff", "x.json", "--sort", "hits"], "--diff has namespaces by name: no --sort"),
        (["--diff", "x.json"], "cannot read x.json: No such file or directory"),
        (
            ["--reset", "--columns", "sets"],
            "--reset goes with NS, --sort, --dry-run and --yes alone",
        ),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(tool, arguments, message):
    ended = tool("stats", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_watch_replaces_a_file_of_metrics(tool):
    """Until a threshold is crossed: the file is that of this moment."""
    with tool.open() as cache:
        cache.namespace("a").set("k", "v")
    ended = tool(
        "stats", "--watch", "-f", "prometheus", "--to", "m.prom", "--fail-over", "entries=0"
    )
    assert (ended.code, ended.out) == (8, "")
    assert 'cachectl_entries{backend="file",namespace="a"} 1' in (tool.home / "m.prom").read_text()
