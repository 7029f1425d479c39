"""Voice agents: ten workers that share what each of them had to find out.

Each test names the section of the system's document that it replays.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle

import pytest

from cachectl import MISSING, Cache, Namespace
from cachectl.testing import Clock
from tests.systems.host import Host

WORKERS = 10
LOW: dict[str, str] = {}
HIGH = {
    "PHRASE_CACHE_MAX_SIZE": "500",
    "RAG_CACHE_SIZE": "2000",
    "AGENT_CONFIG_TTL": "300",
    "RAG_RESULT_TTL": "1800",
}

Windows = Sequence[Sequence[int]]
"""Rounds of the load balancer, within one lifetime of the entries after the other. In each round
every worker gets one question; a number says by how many places the questions are shifted."""


@pytest.mark.parametrize(
    ("profile", "namespace", "size"),
    [(LOW, "tts", 100), (LOW, "rag", 500), (HIGH, "tts", 500), (HIGH, "rag", 2000)],
)
def test_each_profile_has_its_sizes(
    in_memory: Host, profile: dict[str, str], namespace: str, size: int
) -> None:
    """Configuration Tuning, "PHRASE_CACHE_MAX_SIZE" and "RAG_CACHE_SIZE": the oldest one goes."""
    in_memory.variables |= profile
    results = in_memory.open().namespace(namespace)
    for number in range(size + 1):
        results.set(f"{number}", number)
    figures = results.stats()
    assert (figures.entries, figures.evictions) == (size, 1)
    assert results.get("0") is MISSING
    assert results.get("1") == 1


@pytest.mark.parametrize(
    ("profile", "namespace", "ttl"),
    [
        (LOW, "tts", 3600),
        (LOW, "rag", 300),
        (LOW, "agent-config", 60),
        (LOW, "prompts", 600),
        (HIGH, "tts", 3600),
        (HIGH, "rag", 1800),
        (HIGH, "agent-config", 300),
        (HIGH, "prompts", 600),
    ],
)
def test_each_profile_has_its_lifetimes(
    anywhere: Host, clock: Clock, profile: dict[str, str], namespace: str, ttl: int
) -> None:
    """Cache Inventory, column "TTL", and Configuration Tuning: to the second."""
    anywhere.variables |= profile
    entries = anywhere.open().namespace(namespace)
    entries.set("key", "value")
    clock.advance(ttl - 1)
    assert entries.get("key") == "value"
    clock.advance(1)
    assert entries.get("key") is MISSING


def play(workers: Sequence[Namespace], windows: Windows, next_window: Callable[[], None]) -> float:
    """Ask ten questions round robin, again and again, and return the share that was cached."""
    loads: list[str] = []
    asked = 0
    for rounds in windows:
        for shift in rounds:
            for at in range(WORKERS):
                question = f"question {(at + shift) % WORKERS}"
                load = partial(loads.append, question)
                workers[at % len(workers)].get_or_load(question, load)
                asked += 1
        next_window()
    return 1 - len(loads) / asked


PRODUCTION = [
    ("tts", [[0, 1, 2, 3, 4, 5, 6, 7, 0, 1]], 0.90, 0.20),
    ("rag", [[0, 1, 2, 3, 0]] * 3 + [[0, 1, 2, 3, 4]], 0.80, 0.15),
    ("agent-config", [[0, 1, 2] * 6 + [0, 1]], 0.95, 0.85),
]
"""Cache Hit Rates: what one worker reaches, and what ten reach with a cache for each."""


@pytest.mark.parametrize(("namespace", "windows", "alone", "isolated"), PRODUCTION)
def test_isolated_workers_lose_the_hits_that_one_worker_had(
    in_memory: Host, clock: Clock, namespace: str, windows: Windows, alone: float, isolated: float
) -> None:
    """Cache Hit Rates, "Local (1 worker)" and "Production (10 workers, round-robin)"."""

    def next_window() -> None:
        clock.advance(3600)

    def workers(count: int) -> list[Namespace]:
        return [in_memory.open().namespace(namespace) for _ in range(count)]

    assert play(workers(1), windows, next_window) == pytest.approx(alone)
    assert play(workers(WORKERS), windows, next_window) == pytest.approx(isolated)


@pytest.mark.parametrize(("namespace", "windows", "alone", "isolated"), PRODUCTION)
def test_workers_that_share_have_the_hits_of_one(
    shared: Host, clock: Clock, namespace: str, windows: Windows, alone: float, isolated: float
) -> None:
    """TL;DR, "Redis shared cache: 85-95%": each rate is that of one worker again."""
    caches = [shared.open() for _ in range(WORKERS)]
    workers = [cache.namespace(namespace) for cache in caches]
    assert play(workers, windows, lambda: clock.advance(3600)) == pytest.approx(alone)
    for cache in caches:
        cache.flush()
    assert workers[0].stats().hit_rate == pytest.approx(alone)


def test_a_thousand_users_cost_one_query(shared: Host) -> None:
    """Cost Impact, "With Redis shared cache": 1 query for "knee pain", 999 hits."""
    caches = [shared.open() for _ in range(WORKERS)]
    queries: list[str] = []
    workers = cycle(cache.namespace("rag") for cache in caches)
    for _, rag in zip(range(1000), workers, strict=False):
        rag.get_or_load("knee pain", lambda: queries.append("knee pain"), cost=0.001)
    for cache in caches:
        cache.flush()
    figures = caches[0].stats().namespaces["rag"]
    assert queries == ["knee pain"]
    assert (figures.hits, figures.misses) == (999, 1)
    assert figures.saved_cost == 0.999


def test_a_thousand_users_at_the_same_time_cost_one_query(anywhere: Host) -> None:
    """Cost Impact: also for those who ask one worker before the first answer is there."""
    rag = anywhere.open().namespace("rag")
    queries: list[str] = []

    def search() -> str:
        queries.append("asked")
        return "rest it"

    def ask(_: int) -> str:
        return rag.get_or_load("knee pain", search)

    with ThreadPoolExecutor(20) as users:
        assert set(users.map(ask, range(1000))) == {"rest it"}
    figures = rag.stats()
    assert queries == ["asked"]
    assert figures.misses == 1
    assert figures.hits + figures.shared == 999


def test_each_agent_has_its_own_greeting_and_a_changed_one_is_new(anywhere: Host) -> None:
    """TTS Phrase Cache, "Isolation": Agent A's greeting is not Agent B's."""
    tts = anywhere.open().namespace("tts")
    spoken: list[str] = []

    def speak(agent: str, text: str) -> bytes:
        def synthesise() -> bytes:
            spoken.append(f"{agent}: {text}")
            return f"{agent} says {text}".encode()

        return tts.get_or_load(tts.key(text, agent=agent), synthesise)

    for _ in range(2):
        assert speak("A", "Hi, how can I help?") == b"A says Hi, how can I help?"
        assert speak("B", "Hi, how can I help?") == b"B says Hi, how can I help?"
    assert speak("A", "Good morning!") == b"A says Good morning!"
    assert spoken == ["A: Hi, how can I help?", "B: Hi, how can I help?", "A: Good morning!"]


def test_the_second_phrase_saves_the_time_of_the_first(anywhere: Host) -> None:
    """How Each Cache Works: 1000 ms for a phrase, 200 for a search, 100 for each start."""
    cache = anywhere.open()
    for name, seconds in [("tts", 1.0), ("rag", 0.2), ("prompts", 0.1)]:
        cache.namespace(name).set("key", "value", load_seconds=seconds)
        for _ in range(10):
            cache.namespace(name).get("key")
    stats = cache.stats()
    saved = [stats.namespaces[name].saved_seconds for name in ("tts", "rag", "prompts")]
    assert saved == [10.0, 2.0, 1.0]
    assert stats.totals.saved_seconds == 13.0


def test_a_changed_agent_configuration_arrives_within_a_minute(shared: Host, clock: Clock) -> None:
    """Agent Config Cache, "TTL = 1 minute": for every worker, without anybody's doing."""
    workers = [shared.open().namespace("agent-config") for _ in range(2)]
    database = {"agent 7": {"voice": "anushka"}}

    def voices() -> list[str]:
        return [
            worker.get_or_load("agent 7", lambda: database["agent 7"])["voice"]
            for worker in workers
        ]

    assert voices() == ["anushka", "anushka"]
    database["agent 7"] = {"voice": "karun"}
    clock.advance(59)
    assert voices() == ["anushka", "anushka"]
    clock.advance(1)
    assert voices() == ["karun", "karun"]


def test_an_updated_prompt_has_a_new_key(anywhere: Host, clock: Clock) -> None:
    """Agent Prompt Cache, "New timestamp -> NEW cache key": fresh at once, old one expires."""
    cache = anywhere.open()
    prompts = cache.namespace("prompts")
    fetched: list[str] = []

    def prompt(updated_at: str) -> str:
        def fetch() -> str:
            fetched.append(updated_at)
            return f"prompt of {updated_at}"

        return prompts.get_or_load(prompts.key("agent 7", updated_at=updated_at), fetch)

    assert prompt("09:00") == prompt("09:00") == "prompt of 09:00"
    clock.advance(300)
    assert prompt("09:05") == prompt("09:05") == "prompt of 09:05"
    assert fetched == ["09:00", "09:05"]
    clock.advance(300)
    assert cache.cleanup("prompts").expired["prompts"].entries == 1
    assert prompt("09:05") == "prompt of 09:05"
    assert len(fetched) == 2


def test_a_restart_clears_what_is_in_memory_only(in_memory: Host) -> None:
    """When to Invalidate, "System upgrade/restart: All caches cleared automatically"."""
    before = in_memory.open()
    before.namespace("tts").set("greeting", b"audio")
    before.close()
    assert in_memory.open().namespace("tts").get("greeting") is MISSING


def audio(cache: Cache) -> int:
    """Speak a hundred phrases of 50 kB in one worker; return the bytes that it sees stored."""
    tts = cache.namespace("tts")
    for number in range(100):
        tts.get_or_load(f"phrase {number}", lambda: bytes(50_000))
    return tts.stats().bytes


def test_a_shared_cache_holds_once_what_ten_workers_hold_ten_times(
    in_memory: Host, shared: Host
) -> None:
    """Memory Usage, "TTS cache: 5MB" and "5MB x 10 = 50MB"."""
    isolated = [audio(in_memory.open()) for _ in range(WORKERS)]
    together = [audio(shared.open()) for _ in range(WORKERS)]
    assert sum(isolated) == pytest.approx(50_000_000, rel=0.01)
    assert together == [pytest.approx(5_000_000, rel=0.01)] * WORKERS
