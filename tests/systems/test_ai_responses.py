"""AI responses: paid answers, under the hash of the features of a piece of music.

Each test names the section of the system's document that it replays.
"""

import json
import time
from typing import Any

import pytest

from cachectl.testing import Clock
from tests.systems.ai_responses import FEATURES, GENRE, HOUR, Manager, song, summary
from tests.systems.host import Host
from tests.systems.service import at_once

COACHING = "production_coaching"
WORKER = "tests.systems.ai_managers"


def test_a_hundred_files_with_a_hit_rate_of_70_percent_save_35_cents(anywhere: Host) -> None:
    """Cost Savings Example: 30 calls cost $0.15 and 70 hits nothing, where 100 cost $0.50."""
    manager = Manager(anywhere.open())
    for number in range(100):
        manager.analyze_music(song(number % 30))
    figures = manager.ai.stats()
    assert manager.calls == 30
    assert (figures.hits, figures.misses, figures.hit_rate) == (70, 30, 0.7)
    assert figures.saved_cost == 0.35
    assert 100 * 0.005 - figures.saved_cost == pytest.approx(0.15)


def test_the_second_call_with_the_same_features_hits(anywhere: Host) -> None:
    """Quick Start, "Use as Normal": the same answer, and one call of the API."""
    manager = Manager(anywhere.open())
    first = manager.analyze_music(FEATURES)
    assert manager.analyze_music(FEATURES) == first
    assert manager.calls == 1


@pytest.mark.parametrize("hours", [1, 24, 168, 720])
def test_the_lifetime_is_set_in_hours(in_memory: Host, clock: Clock, hours: int) -> None:
    """Environment Variables, "AI_CACHE_TTL_HOURS": testing, development, production, library."""
    manager = Manager(in_memory.open(AI_CACHE_TTL_HOURS=str(hours)))
    manager.analyze_music(FEATURES)
    clock.advance(hours * HOUR - 1)
    manager.analyze_music(FEATURES)
    assert manager.calls == 1
    clock.advance(1)
    manager.analyze_music(FEATURES)
    assert manager.calls == 2


def test_an_answer_lives_a_week_by_default(anywhere: Host, clock: Clock) -> None:
    """Environment Variables, "AI_CACHE_TTL_HOURS": 168."""
    manager = Manager(anywhere.open())
    manager.analyze_music(FEATURES)
    assert manager.ai.stats().ttl == 168 * HOUR
    clock.advance(168 * HOUR - 1)
    manager.analyze_music(FEATURES)
    assert manager.calls == 1
    clock.advance(1)
    manager.analyze_music(FEATURES)
    assert manager.calls == 2


def test_a_disabled_cache_asks_every_time_and_stores_nothing(shared: Host) -> None:
    """Environment Variables, "AI_CACHE_ENABLED=false"."""
    manager = Manager(shared.open(AI_CACHE_ENABLED="false"))
    answers = [summary(manager.analyze_music(FEATURES)) for _ in range(3)]
    assert answers == ["answer 1", "answer 2", "answer 3"]
    statistics = manager.get_global_stats()
    assert (statistics["cache_enabled"], statistics["cache_hits"]) == (False, 0)
    manager.cache.close()
    assert Manager(shared.open()).ai.stats().entries == 0


def test_a_cache_is_enabled_unless_told_otherwise(in_memory: Host) -> None:
    """Environment Variables, "AI_CACHE_ENABLED": true by default."""
    for manager in (Manager(in_memory.open()), Manager(in_memory.open(AI_CACHE_ENABLED="true"))):
        manager.analyze_music(FEATURES)
        manager.analyze_music(FEATURES)
        assert manager.calls == 1
        assert manager.get_global_stats()["cache_enabled"]


def test_answers_that_are_shared_survive_a_restart(shared: Host) -> None:
    """Backend Comparison, "Persistence": Redis yes, file yes."""
    before = Manager(shared.open())
    before.analyze_music(FEATURES)
    before.cache.close()
    after = Manager(shared.open())
    assert summary(after.analyze_music(FEATURES)) == "answer 1"
    assert after.calls == 0


def test_answers_in_memory_do_not_survive_a_restart(in_memory: Host) -> None:
    """Backend Comparison, "Persistence": memory no."""
    before = Manager(in_memory.open())
    before.analyze_music(FEATURES)
    before.cache.close()
    after = Manager(in_memory.open())
    after.analyze_music(FEATURES)
    assert after.calls == 1


def test_the_example_output_is_printed_from_the_statistics(in_memory: Host, redis_url: str) -> None:
    """Example Output, line by line.

    The document's $0.45 for 145 hits needs answers below its $0.005: read as "Smart Provider
    Selection", with 35 hits at that price and 110 at half of it.
    """
    manager = Manager(in_memory.open(AI_CACHE_BACKEND="redis", REDIS_URL=redis_url))
    for number in range(20):
        manager.analyze_music(song(number), COACHING, provider="anthropic")
    for number in range(35):
        manager.analyze_music(song(number), GENRE, price=0.0025)
    for number in range(35):
        manager.analyze_music(song(number % 20), COACHING, provider="anthropic")
    for number in range(110):
        manager.analyze_music(song(number % 35), GENRE, price=0.0025)
    stats = manager.get_global_stats()
    output = (
        f"Cache enabled: {stats['cache_enabled']}\n"
        f"Cache backend: {stats['cache_backend']}\n"
        f"Cache hits: {stats['cache_hits']}\n"
        f"Cache misses: {stats['cache_misses']}\n"
        f"Hit rate: {stats['cache_hit_rate']:.1%}\n"
        f"Cost saved: ${stats['cache_cost_saved']:.2f}\n"
    )
    assert output == (
        "Cache enabled: True\n"
        "Cache backend: redis\n"
        "Cache hits: 145\n"
        "Cache misses: 55\n"
        "Hit rate: 72.5%\n"
        "Cost saved: $0.45\n"
    )
    assert stats["cache_cost_saved"] == 0.45


def test_bypassing_asks_again_and_keeps_the_new_answer(anywhere: Host) -> None:
    """Advanced Usage, "Bypass Cache for Fresh Results": a miss for that reason, and the next one gets it."""
    manager = Manager(anywhere.open())
    manager.analyze_music(FEATURES, COACHING)
    fresh = manager.analyze_music(FEATURES, COACHING, bypass_cache=True)
    assert summary(fresh) == "answer 2"
    assert manager.analyze_music(FEATURES, COACHING) == fresh
    figures = manager.ai.stats()
    assert (figures.hits, figures.misses, figures.sets) == (1, 2, 2)
    assert figures.missed["bypassed"] == 1


def test_a_cleared_cache_asks_again(anywhere: Host) -> None:
    """Advanced Usage, "Clear Cache": all cached responses."""
    manager = Manager(anywhere.open())
    for number in range(3):
        manager.analyze_music(song(number))
    assert manager.ai.clear().entries == 3
    for number in range(3):
        manager.analyze_music(song(number))
    assert manager.calls == 6


def test_a_configuration_of_ones_own_is_a_matter_of_settings(on_disk: Host, clock: Clock) -> None:
    """Advanced Usage, "Custom Cache Configuration": files, one day, a directory of one's own."""
    directory = on_disk.home / "my_cache"
    cache = on_disk.open(AI_CACHE_TTL_HOURS="24", CACHECTL_FILE__DIRECTORY=str(directory))
    manager = Manager(cache)
    manager.analyze_music(FEATURES)
    assert (directory / "cache.db").stat().st_size > 0
    assert not on_disk.directory.exists()
    clock.advance(24 * HOUR)
    manager.analyze_music(FEATURES)
    assert manager.calls == 2


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"tempo": 120.04}, True),
        ({"tempo": 119.96}, True),
        ({"tempo": 120.06}, False),
        ({"tempo": 119.94}, False),
        ({"key": "D"}, False),
        ({"mode": "minor"}, False),
        ({"duration": 181.0}, False),
        ({"swing": None}, False),
    ],
)
def test_features_are_normalised_before_they_are_hashed(
    in_memory: Host, change: dict[str, Any], same: bool
) -> None:
    """Cache Key Generation, "Rounded to 1 decimal": what is nearer than that is the same."""
    ai = in_memory.open().namespace("ai")
    reordered = dict(reversed({**FEATURES, **change}.items()))
    assert (ai.key(reordered) == ai.key(FEATURES)) is same


def test_only_the_tempo_may_be_rounded(in_memory: Host) -> None:
    """Cache Key Generation: the document rounds tempo; other fields keep what tells them apart."""
    ai = in_memory.open().namespace("ai", key_decimals={"tempo": 1})
    assert ai.key({**FEATURES, "tempo": 120.04}) == ai.key(FEATURES)
    assert ai.key({**FEATURES, "energy": 0.76}) != ai.key(FEATURES)


def test_type_provider_and_model_are_part_of_the_key(anywhere: Host) -> None:
    """Cache Key Generation: each combination is a SHA-256 and an answer of its own."""
    manager = Manager(anywhere.open())
    combinations: list[dict[str, Any]] = [
        {},
        {"analysis_type": COACHING},
        {"provider": "anthropic"},
        {"model": "gemini-2.5-flash"},
    ]
    for _ in range(2):
        answers = [summary(manager.analyze_music(FEATURES, **one)) for one in combinations]
        assert answers == ["answer 1", "answer 2", "answer 3", "answer 4"]
    assert all(len(entry.key) == 64 and int(entry.key, 16) for entry in manager.ai.entries())


def test_a_stored_answer_knows_its_origin_and_when_it_was_cached(
    anywhere: Host, clock: Clock
) -> None:
    """Cache Storage: "cached_at" is the entry's, the other fields are the value's."""
    clock.now = 1_704_067_200
    manager = Manager(anywhere.open())
    manager.analyze_music(FEATURES)
    (listed,) = manager.ai.entries()
    entry = manager.ai.peek(listed.key)
    assert entry is not None
    assert entry.created_at == 1_704_067_200
    assert entry.value == {
        "result": {"summary": "answer 1", "tokens_used": 1234},
        "provider": "google_ai",
        "model": "gemini-2.5-pro",
        "analysis_type": "genre_classification",
    }


def test_a_hundred_analyses_take_five_megabytes(shared: Host) -> None:
    """Storage Requirements, "100 analyses: ~5 MB" in Redis and in files, at 50 kB each."""
    application = shared.open()
    ai = application.namespace("ai")
    for number in range(100):
        ai.set(ai.key(song(number)), {"summary": "x" * 50_000, "number": number})
    application.close()
    figures = shared.open().namespace("ai").stats()
    assert figures.entries == 100
    assert figures.bytes == pytest.approx(5_000_000, rel=0.01)
    assert figures.memory_bytes == pytest.approx(5_000_000, rel=0.2)


def test_processes_with_memory_of_their_own_share_nothing(one_process: Host) -> None:
    """Backend Comparison, "Multi-Process": memory no."""
    workers = [one_process.start("-m", WORKER, "20", "5") for _ in range(2)]
    assert at_once(workers) == [5, 5]


def test_an_operator_sees_and_clears_what_the_application_cached(processes: Host) -> None:
    """Cache Management Commands, "View Cache Stats" and "Clear Cache"."""
    manager = Manager(processes.open(clock=time.time))
    for number in (1, 2, 1, 2, 1, 2, 1, 2):
        manager.analyze_music(song(number))
    manager.cache.flush()
    shown = json.loads(processes.cachectl("stats", "ai", "--format", "json").stdout)
    figures = shown["namespaces"]["ai"]
    assert (figures["hit_rate"], figures["saved_cost"]) == (0.75, 0.03)
    cleared = processes.cachectl("clear", "ai", "--yes")
    assert cleared.returncode == 0, cleared.stderr
    manager.analyze_music(song(1))
    assert manager.calls == 3


def test_the_cache_test_of_the_document_passes(in_memory: Host) -> None:
    """Cache Management Commands, "Test Cache": what is set is there, with its price."""
    ai = in_memory.open().namespace("ai")
    key = ai.key({"tempo": 120.0, "key": "C"}, analysis_type="test", provider="google_ai")
    ai.set(key, {"result": "test"}, cost=0.01)
    assert ai.get(key) == {"result": "test"}
    assert ai.stats().saved_cost == 0.01
