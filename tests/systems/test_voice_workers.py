"""Voice agents: ten workers that start at once, warmed or not, and organisations that change.

Each test names the section of the system's document that it replays. Workers, and the operator's
commands, are processes.
"""

import json
import time
from base64 import b64encode
from pathlib import Path

import pytest

from cachectl import MISSING
from tests.systems.host import Host, output_of
from tests.systems.voice_agents import GREETING, LINES, QUESTIONS, Agent, answer

WORKERS = 10
WANTED = {
    answer("agent-config", "agent 7"),
    answer("prompts", "agent 7 v3"),
    answer("tts", GREETING),
    *(answer("rag", question) for question in QUESTIONS),
}
"""What every caller wants, on every line of every worker."""

LOOKUPS = WORKERS * LINES * len(WANTED)
WORKER = "tests.systems.voice_agents"


def start_ten(host: Host) -> list[list[str]]:
    """Return what each of ten workers that began at once had to ask for."""
    asked: list[list[str]] = json.loads(output_of(host.start("-m", WORKER, f"{WORKERS}")))
    return asked


def test_ten_workers_that_start_at_once_ask_no_more_than_once_each(processes: Host) -> None:
    """RAG Result Cache, "Problem in Production": worker 1 asks, workers 2 and 3 need not."""
    asked = start_ten(processes)
    # Loads are shared within a process: of ten that began within the same millisecond, each may ask.
    assert all(sorted(each) == sorted(set(each)) for each in asked), asked
    assert set().union(*asked) == WANTED
    really = sum(map(len, asked))
    assert len(WANTED) <= really <= WORKERS * len(WANTED), f"asked {really} times for {WANTED}"
    totals = processes.figures()["totals"]
    assert (totals["misses"], totals["entries"]) == (really, len(WANTED))
    assert totals["hits"] + totals["shared"] == LOOKUPS - really, f"asked {really} times"


def manifest(host: Host) -> Path:
    """Write what a deployment knows of organisation 1 before its workers start."""
    (host.home / "greeting.wav").write_bytes(answer("tts", GREETING).encode())
    path = host.home / "deployment.jsonl"
    lines: list[dict[str, object]] = [
        {"namespace": "tts", "features": GREETING, "extra": {"agent": "1"},
         "value_file": "greeting.wav"},
        {"namespace": "agent-config", "key": "agent 7", "value": answer("agent-config", "agent 7")},
        {"namespace": "prompts", "features": "agent 7", "extra": {"version": 3},
         "value": answer("prompts", "agent 7 v3")},
    ]  # fmt: skip
    for question in QUESTIONS:
        value = answer("rag", question)
        lines.append(
            {"namespace": "rag", "features": question, "extra": {"org": "1"}, "value": value}
        )
    path.write_text("".join(json.dumps({**line, "tags": ["org:1"]}) + "\n" for line in lines))
    return path


def test_ten_workers_that_were_warmed_ask_for_nothing(processes: Host) -> None:
    """Production Deployment Checklist, "Add cache warming on startup": by `cachectl warm`."""
    warmed = processes.cachectl("warm", str(manifest(processes)), "--format", "json")
    assert warmed.returncode == 0, warmed.stderr
    report = json.loads(warmed.stdout)
    assert (report["read"], report["written"], report["failed"]) == (len(WANTED), len(WANTED), 0)
    assert start_ten(processes) == [[]] * WORKERS
    totals = processes.figures()["totals"]
    assert (totals["hits"], totals["misses"], totals["hit_rate"]) == (LOOKUPS, 0, 1.0)


def test_a_phrase_that_is_not_audio_stops_no_deployment(processes: Host) -> None:
    """Production Deployment Checklist, "cache warming": the rest is warm, and the line is named."""
    path = manifest(processes)
    good = {"namespace": "tts", "key": "bye", "value_base64": b64encode(b"audio").decode()}
    bad = {"namespace": "tts", "key": "later", "value_base64": "no audio!"}
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in (bad, good))
    warmed = processes.cachectl("warm", str(path))
    assert warmed.returncode == 4
    assert f"deployment.jsonl:{len(WANTED) + 1}: " in warmed.stderr
    assert processes.content("tts", "bye") == b"audio"
    assert processes.figures()["totals"]["entries"] == len(WANTED) + 1


def test_knowledge_that_is_updated_while_a_worker_searches_is_not_served_old(
    processes: Host,
) -> None:
    """When to Invalidate, "Knowledge base updated": the old answer, on its way, is not kept."""
    with processes.serve(WORKER) as worker, processes.serve(WORKER) as next_:
        assert worker.request("knee pain") == {"question": "knee pain"}
        done = processes.cachectl("clear", "--tag", "org:1", "--yes")
        assert done.returncode == 0, done.stderr
        assert worker.request("of yesterday") == "of yesterday"  # to who asked before the update
        assert next_.request("knee pain") == {"question": "knee pain"}
        assert next_.request("of today") == "of today"
        assert worker.request("knee pain") == "of today"


def test_an_organisation_is_invalidated_in_all_namespaces(shared: Host) -> None:
    """When to Invalidate, "invalidateCache(orgId)": knowledge, audio, configuration and prompts."""
    here, there = shared.open(), shared.open()
    asked: list[str] = []

    def ask(namespace: str, wanted: str) -> str:
        asked.append(answer(namespace, wanted))
        return asked[-1]

    def serve(org: str) -> None:
        for cache in (here, there):
            agent = Agent(cache, ask, org)
            agent.config(f"agent of {org}")
            agent.prompt(f"agent of {org}", 3)
            agent.say(GREETING)
            agent.search("knee pain")

    serve("1")
    serve("2")
    assert len(asked) == 8
    assert there.invalidate(tag="org:1").entries == 4
    serve("2")
    assert len(asked) == 8
    serve("1")
    assert len(asked) == 12


def test_an_operator_invalidates_an_organisation_after_a_look(processes: Host) -> None:
    """When to Invalidate, "Manually": the dry run tells for each namespace what the run removes."""
    processes.cachectl("warm", str(manifest(processes)))
    cache = processes.open(clock=time.time)
    cache.namespace("rag").set("of another", "answer", tags=["org:2"])
    clear = ["clear", "--tag", "org:1", "--format", "json"]
    told = json.loads(processes.cachectl(*clear, "--dry-run").stdout)
    assert told["entries"] == len(WANTED)
    assert cache.stats().totals.entries == len(WANTED) + 1
    done = json.loads(processes.cachectl(*clear, "--yes").stdout)
    assert done["namespaces"] == told["namespaces"]
    assert {name: each["entries"] for name, each in done["namespaces"].items()} == {
        "agent-config": 1,
        "prompts": 1,
        "rag": len(QUESTIONS),
        "tts": 1,
    }
    assert [entry.key for entry in cache.namespace("rag").entries()] == ["of another"]
    assert cache.namespace("agent-config").get("agent 7") is MISSING


def test_an_operator_reads_the_prompt_of_a_version(processes: Host) -> None:
    """Agent Prompt Cache, "timestamp-based keys": the tool makes the key that an agent makes."""
    agent = Agent(processes.open(clock=time.time), answer)
    for version in (3, 4):
        agent.prompt("agent 7", version)
    named = ["prompts", "--features", '"agent 7"', "--extra"]
    assert processes.cachectl("get", *named, "version=4").stdout == "prompts: agent 7 v4"
    assert processes.cachectl("get", *named, 'version="4"').returncode == 3
    assert processes.cachectl("get", *named, "version=5").returncode == 3


PROFILES = [
    ({}, {"tts": (100, 3600), "rag": (500, 300), "agent-config": (None, 60)}),
    (
        {
            "PHRASE_CACHE_MAX_SIZE": "500",
            "RAG_CACHE_SIZE": "2000",
            "AGENT_CONFIG_TTL": "300",
            "RAG_RESULT_TTL": "1800",
        },
        {"tts": (500, 3600), "rag": (2000, 1800), "agent-config": (None, 300)},
    ),
]


@pytest.mark.parametrize(("profile", "expected"), PROFILES, ids=["low", "high"])
def test_all_caches_are_monitored_in_one_place(
    processes: Host,
    profile: dict[str, str],
    expected: dict[str, tuple[int | None, int]],
) -> None:
    """Production Deployment Checklist, "Add cache metrics dashboard", and Configuration Tuning."""
    processes.variables |= profile
    cache = processes.open(clock=time.time)
    for name in expected:
        cache.namespace(name).get_or_load("key", lambda: "value")
        cache.namespace(name).get("key")
    cache.flush()
    shown = processes.figures()
    assert shown["totals"]["hit_rate"] == 0.5
    limits = {
        name: (shown["namespaces"][name]["max_entries"], shown["namespaces"][name]["ttl"])
        for name in expected
    }
    assert limits == expected
