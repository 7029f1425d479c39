"""AI responses: the asynchronous manager, whose calls are paid by what comes back.

Each test names the section of the system's document that it replays, and runs it over both kinds
of manager: a decorated method, and `AsyncCache`.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any

import pytest

from tests.systems.ai_managers import (
    FEATURES,
    PROVIDER,
    TOKEN_PRICE,
    AnalysisType,
    AsyncManager,
    DecoratedManager,
    Manager,
    song,
)
from tests.systems.host import Host
from tests.systems.service import at_once

GENRE = AnalysisType.GENRE_CLASSIFICATION
COACHING = AnalysisType.PRODUCTION_COACHING

Scene = Callable[[Manager], Awaitable[Any]]


def play(host: Host, engine: str, scene: Scene, **options: Any) -> Any:
    """Return what a scene returns: an application from its start to its end."""

    async def run() -> Any:
        manager: Manager = (
            DecoratedManager(host.open(**options))
            if engine == "threads"
            else AsyncManager(host.open_for_tasks(**options))
        )
        try:
            return await scene(manager)
        finally:
            await manager.close()

    return asyncio.run(run())


def summary(answer: dict[str, Any]) -> str:
    return str(answer["result"]["summary"])


def test_the_manager_is_awaited_and_bypassed_as_the_document_has_it(
    anywhere: Host, engine: str
) -> None:
    """Advanced Usage, "Bypass Cache for Fresh Results": asks again, and the next one gets that."""

    async def scene(manager: Manager) -> None:
        first = await manager.analyze_music(FEATURES, COACHING)
        assert await manager.analyze_music(FEATURES, COACHING) == first
        fresh = await manager.analyze_music(FEATURES, COACHING, bypass_cache=True)
        assert (summary(first), summary(fresh)) == ("answer 1", "answer 2")
        assert await manager.analyze_music(FEATURES, COACHING) == fresh
        assert summary(await manager.analyze_music(FEATURES, GENRE)) == "answer 3"
        figures = await manager.figures()
        assert (figures.hits, figures.misses, figures.sets) == (2, 3, 3)
        assert figures.missed["bypassed"] == 1

    play(anywhere, engine, scene)


def test_a_price_that_is_known_after_the_call_is_saved_by_each_hit(
    anywhere: Host, engine: str
) -> None:
    """Key Features, "Cost Tracking": by the tokens of each answer, to a fraction of a micro-dollar."""

    async def scene(manager: Manager) -> None:
        for number, tokens in enumerate((1, 2, 1234)):
            manager.api.tokens = tokens
            await manager.analyze_music(song(number), GENRE)
        for number, times in enumerate((3, 5, 7)):
            for _ in range(times):
                await manager.analyze_music(song(number), GENRE)
        figures = await manager.figures()
        saved = (3 * 1 + 5 * 2 + 7 * 1234) * TOKEN_PRICE
        assert figures.saved_cost == pytest.approx(saved, abs=1e-12)
        manager.api.tokens = 4000  # the new answer has a price of its own
        await manager.analyze_music(song(0), GENRE, bypass_cache=True)
        await manager.analyze_music(song(0), GENRE)
        assert (await manager.figures()).saved_cost - figures.saved_cost == pytest.approx(0.001)

    play(anywhere, engine, scene)


def test_calls_at_the_same_time_share_one_that_is_paid(anywhere: Host, engine: str) -> None:
    """Batch Processing: a hundred who ask at once are one miss, and the others save its price."""

    async def scene(manager: Manager) -> None:
        asked = [manager.analyze_music(FEATURES, GENRE) for _ in range(100)]
        answers = await asyncio.gather(*asked)
        assert [summary(answer) for answer in answers] == ["answer 1"] * 100
        figures = await manager.figures()
        assert (manager.api.paid, figures.misses) == (1, 1)
        assert figures.hits + figures.shared == 99
        assert figures.saved_cost == pytest.approx(99 * 1234 * TOKEN_PRICE)

    play(anywhere, engine, scene)


def test_who_hangs_up_takes_the_answer_from_nobody(anywhere: Host, engine: str) -> None:
    """Batch Processing: the first caller is cancelled while the API works for all who wait."""

    async def scene(manager: Manager) -> None:
        manager.api.busy = asyncio.Event()
        tasks = [asyncio.ensure_future(manager.analyze_music(FEATURES, GENRE)) for _ in range(3)]
        await asyncio.wait_for(manager.api.asked.wait(), 10)  # they looked up before it was
        tasks[0].cancel()
        manager.api.busy.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert ended[1] == ended[2] == await manager.analyze_music(FEATURES, GENRE)
        assert manager.api.paid == 1

    play(anywhere, engine, scene)


def test_an_api_that_fails_is_asked_again(anywhere: Host, engine: str) -> None:
    """Cache Lookup Flow, "Call API & Cache": an error reaches all who wait, and is not cached."""

    async def scene(manager: Manager) -> None:
        manager.api.error = ConnectionError("overloaded")
        asked = [manager.analyze_music(FEATURES, GENRE) for _ in range(5)]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(each) for each in ended} == {ConnectionError}
        assert manager.api.paid == 1
        manager.api.error = None
        assert summary(await manager.analyze_music(FEATURES, GENRE)) == "answer 2"
        assert summary(await manager.analyze_music(FEATURES, GENRE)) == "answer 2"

    play(anywhere, engine, scene)


def test_an_answer_that_cannot_be_stored_is_paid_for_and_returned(
    anywhere: Host, engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Cache Storage, "result": what the API adds one day is no reason to lose its answers."""

    async def scene(manager: Manager) -> None:
        manager.api.extra = datetime(2025, 1, 1, tzinfo=UTC)
        for number in (1, 2):
            answer = await manager.analyze_music(FEATURES, GENRE)
            assert summary(answer) == f"answer {number}"
            assert answer["result"]["raw"] is manager.api.extra
        figures = await manager.figures()
        assert (figures.entries, figures.errors, figures.misses) == (0, 2, 2)
        manager.api.extra = None
        await manager.analyze_music(FEATURES, GENRE)
        assert summary(await manager.analyze_music(FEATURES, GENRE)) == "answer 3"

    caplog.set_level(logging.WARNING, "cachectl")
    play(anywhere, engine, scene)
    (record,) = caplog.records  # once for the namespace
    assert "ai" in record.getMessage()
    assert "datetime" in record.getMessage()


REMOVALS: dict[str, Callable[[Any], Any]] = {
    "all": lambda manager: manager.cache.clear(),
    "the namespace": lambda manager: manager.ai.clear(),
    "a tag": lambda manager: manager.cache.invalidate(tag="manager"),
}


@pytest.mark.parametrize("removal", REMOVALS)
def test_what_is_cleared_while_the_api_works_is_not_brought_back(
    anywhere: Host, engine: str, removal: str
) -> None:
    """Cache Management, "Clear cache after major updates": an old answer on its way is not kept."""

    async def scene(manager: Manager) -> None:
        manager.api.busy = asyncio.Event()
        old = asyncio.ensure_future(manager.analyze_music(FEATURES, GENRE))
        await asyncio.wait_for(manager.api.asked.wait(), 10)
        removed = REMOVALS[removal](manager)
        if isawaitable(removed):
            await removed
        manager.api.asked.clear()
        new = asyncio.ensure_future(manager.analyze_music(FEATURES, GENRE))
        # The old answer is not for him. Who waits for it in vain takes over after five seconds.
        await asyncio.wait_for(manager.api.asked.wait(), 4)
        manager.api.busy.set()
        assert [summary(answer) for answer in (await old, await new)] == ["answer 1", "answer 2"]
        assert summary(await manager.analyze_music(FEATURES, GENRE)) == "answer 2"

    play(anywhere, engine, scene)


def test_an_operator_makes_the_key_that_the_application_made(processes: Host) -> None:
    """Cache Key Generation, "print(f'Cache key: {key}')": features from stdin, the rest as extra."""
    extra = [f"--extra={name}={value}" for name, value in PROVIDER.items()]
    named = ["ai", "--features", "-", f"--extra=analysis_type={GENRE.value}", *extra]
    near = json.dumps({**dict(reversed(FEATURES.items())), "tempo": 120.04})
    far = json.dumps({**FEATURES, "tempo": 120.06})

    async def scene(manager: Manager) -> None:
        answer = await manager.analyze_music(FEATURES, GENRE)
        shown = processes.cachectl("get", *named, text=near)
        assert json.loads(shown.stdout) == answer
        assert processes.cachectl("get", *named, text=far).returncode == 3
        assert processes.cachectl("get", *named[:-1], text=near).returncode == 3
        entry = json.loads(
            processes.cachectl("inspect", *named, "--format", "json", text=near).stdout
        )
        assert f"{1234 * TOKEN_PRICE:.7f}" in json.dumps(entry)
        assert processes.cachectl("clear", *named, "--yes", text=near).returncode == 0
        assert summary(await manager.analyze_music(FEATURES, GENRE)) == "answer 2"

    play(processes, "tasks", scene, clock=time.time)


def test_totals_are_those_of_all_workers_whatever_they_do_at_once(processes: Host) -> None:
    """Backend Comparison, "Multi-Process": lookups, calls that were paid, and dollars add up."""
    calls, songs = 200, 7
    module = "tests.systems.ai_managers"
    workers = [processes.start("-m", module, f"{calls}", f"{songs}") for _ in range(3)]
    paid = at_once(workers)
    figures = processes.figures("ai")["namespaces"]["ai"]
    # Loads are shared within a process: each song is paid for once, or by several who began at once.
    assert songs <= sum(paid) <= 3 * songs, paid
    assert figures["misses"] == sum(paid)
    spared = 3 * calls - sum(paid)
    assert figures["hits"] + figures["shared"] == spared
    assert figures["saved_cost"] == pytest.approx(spared * 1234 * TOKEN_PRICE, abs=1e-9)
    assert figures["entries"] == songs
