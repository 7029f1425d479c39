"""`Cache.warm` and `AsyncCache.warm`: what an application fills its cache with at its start."""

import asyncio
import threading
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from cachectl import AsyncCache, UsageError, WarmReport, Write
from cachectl._config import Settings
from tests.support.openers import SHARED, Opener


def counts(report: WarmReport) -> tuple[int, int, int, int]:
    return report.read, report.written, report.fresh, report.failed


def test_values_of_one_namespace(opener: Opener):
    """With all that a write says; what is fresh stays, unless told otherwise."""
    cache = opener()
    prompts = cache.namespace("prompts")
    prompts.set("old", "stays")
    writes = [Write("old", "new"), Write("greeting", "Hello", ttl="7d", tags=["t"], cost=0.5)]
    report = cache.warm(namespace="prompts", writes=writes)
    assert counts(report) == (2, 1, 1, 0)
    assert report.namespaces == {"prompts": 1}
    assert report.seconds > 0
    entry = prompts.peek("greeting")
    assert entry is not None
    assert (entry.value, entry.tags, entry.dollars) == ("Hello", ("t",), 0.5)
    assert entry.expires_at - entry.created_at == 7 * 86_400
    assert prompts.get("old") == "stays"

    assert counts(cache.warm(namespace="prompts", writes={"old": "new"}, refresh=True)) == (
        1,
        1,
        0,
        0,
    )
    assert prompts.get("old") == "new"
    with pytest.raises(FrozenInstanceError):
        report.written = 5  # type: ignore[misc]


def test_keys_whose_values_a_loader_makes(opener: Opener, clock):
    """Those that are fresh are not loaded; one that raises is counted and stops nothing."""
    cache = opener()
    agents = cache.namespace("agents")
    agents.set("2", "known")
    agents.set("3", "old", ttl=1)
    clock.advance(2)
    asked: list[str] = []

    def load(key: str) -> object:
        asked.append(key)
        if key == "4":
            raise ValueError("a secret")
        return {"agent": key} if key != "5" else object()

    report = cache.warm(
        namespace="agents", keys=list("12345"), loader=load, ttl="10m", tags=["org:1"]
    )
    assert counts(report) == (5, 2, 1, 2)
    assert sorted(asked) == ["1", "3", "4", "5"]
    assert [failure.line for failure in sorted(report.failures)] == [4, 5]
    assert not any("secret" in failure.reason for failure in report.failures)
    entry = agents.peek("3")
    assert entry is not None
    assert (entry.value, entry.tags) == ({"agent": "3"}, ("org:1",))
    assert entry.expires_at - entry.created_at == 600
    assert entry.load_us > 0
    assert cache.stats().totals.misses == 0


def test_a_manifest_of_several_namespaces(opener: Opener, tmp_path: Path):
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(
        '{"namespace": "a", "key": "1", "value": 1}\n'
        '{"namespace": "b", "key": "1", "value": 1}\n'
        '{"key": "1", "value": 1}\n'
        "not one\n"
    )
    cache = opener()
    cache.namespace("b").set("1", "fresh")
    report = cache.warm(manifest, writes={"2": 2}, namespace="c")
    assert counts(report) == (5, 3, 1, 1)
    assert report.namespaces == {"a": 1, "c": 2}


def test_what_a_limit_evicts_again_is_said(opener: Opener):
    """Not what was there before, nor what was evicted of others."""
    cache = opener()
    cache.namespace("a", max_entries=10).set_many({f"old {key}": key for key in range(10)})
    report = cache.warm(namespace="a", writes={str(key): key for key in range(30)})
    assert (report.written, report.evicted) == (30, 20)
    report = cache.warm(namespace="a", keys=["x", "y"], loader=str.upper)
    assert (report.written, report.evicted) == (2, 0)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "nothing to warm from"),
        ({"writes": {"k": 1}}, "needs namespace"),
        ({"keys": ["k"], "namespace": "a"}, "go together"),
        ({"loader": str, "namespace": "a"}, "go together"),
        ({"keys": ["k"], "loader": str}, "needs namespace"),
        ({"keys": ["k"], "loader": str, "namespace": "a", "ttl": -1}, "duration"),
        (
            {"keys": ["k"], "loader": str, "namespace": "a", "jobs": 0},
            "jobs= is a whole number of at least 1, not 0",
        ),
        ({"writes": {"k": 1}, "namespace": "not one"}, "namespace"),
    ],
)
@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_what_cannot_be_is_refused_before_anything_is_loaded(opener: Opener, options: Any, reason):
    with pytest.raises(UsageError, match=reason):
        opener().warm(**options)
    with pytest.raises(UsageError, match="does not exist"):
        opener().warm("absent.jsonl")


@pytest.mark.parametrize("opener", ["memory", *SHARED], indirect=True)
def test_tasks_warm_with_async_loaders_in_their_own_loop(opener: Opener):
    """Which goes on meanwhile; connections of the loader are those of the application."""
    settings: Settings = opener()._core.settings

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        async def load(key: str) -> str:
            assert asyncio.get_running_loop() is loop
            if key == "1":
                await started.wait()
            else:
                started.set()
            return key * 2

        async with AsyncCache.of(settings, strict=True) as cache:
            report = await cache.warm(namespace="a", keys=["1", "2"], loader=load)
            assert counts(report) == (2, 2, 0, 0)
            assert await cache.namespace("a").get("2") == "22"
            report = await cache.warm(namespace="a", writes={"2": 0, "3": 3})
            assert counts(report) == (2, 1, 1, 0)

    asyncio.run(main())


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_a_task_that_is_cancelled_loads_no_more(opener: Opener):
    settings: Settings = opener()._core.settings

    async def main() -> list[str]:
        asked: list[str] = []
        begun = asyncio.Event()

        async def load(key: str) -> str:
            asked.append(key)
            begun.set()
            await asyncio.Event().wait()
            return key

        async with AsyncCache.of(settings) as cache:
            keys = map(str, range(1000))
            warming = cache.warm(namespace="a", keys=keys, loader=load, jobs=1)
            task = asyncio.create_task(warming)
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            for other in asyncio.all_tasks() - {asyncio.current_task()}:
                other.cancel()  # as the end of the loop does
            for thread in threading.enumerate():
                if "cachectl-warm" in thread.name:
                    await asyncio.to_thread(thread.join)
            return asked

    assert asyncio.run(main()) == ["0"]


@pytest.mark.parametrize("remove", ["delete", "clear", "invalidate", "set"])
def test_what_is_removed_while_it_is_loaded_does_not_come_back(opener: Opener, remove: str):
    """By whomever: another cache over the same place, or in memory by the same."""
    cache = opener()
    other = cache if opener.backend == "memory" else opener()
    namespace = other.namespace("a")
    removals = {
        "delete": lambda: namespace.delete("k"),
        "clear": namespace.clear,
        "invalidate": lambda: namespace.invalidate(tag="t"),
        "set": lambda: namespace.set("k", "newer"),
    }

    def load(key: str) -> str:
        removals[remove]()
        return "stale"

    report = cache.warm(namespace="a", keys=["k"], loader=load, tags=["t"])
    assert counts(report) == (1, 0, 0, 1)
    assert report.failures[0].reason == "its key was removed or replaced while it was loaded"
    assert cache.namespace("a").get("k", None) == ("newer" if remove == "set" else None)


def test_a_load_that_fails_gives_its_lease_back(opener: Opener):
    cache = opener()

    def fail(key: str) -> str:
        raise ValueError

    cache.warm(namespace="a", keys=["k"], loader=fail)
    cache.warm(namespace="a", keys=["l"], loader=lambda key: object())
    store = cache._core.backend.store_for_threads("a")
    if opener.backend == "memory":
        assert not store.reads._leases.held  # type: ignore[attr-defined]


@pytest.mark.parametrize("opener", ["memory"], indirect=True)
def test_values_go_through_the_hooks_of_their_namespace(opener: Opener):
    cache = opener()
    cache.namespace("a", dump=str, load=complex)
    assert cache.warm(namespace="a", keys=["k"], loader=lambda key: 1j).written == 1
    assert cache.warm(namespace="a", writes={"l": 2j}).written == 1
    assert [cache.namespace("a").get(key) for key in "kl"] == [1j, 2j]


def test_what_a_limit_over_all_namespaces_evicts_again_is_said_as_well(opener: Opener, clock):
    cache = opener(max_entries=10)
    cache.namespace("a").set_many({str(key): key for key in range(8)})
    clock.advance(1)
    report = cache.warm(namespace="b", writes={str(key): key for key in range(15)})
    assert (report.written, report.evicted) == (15, 5)
    assert cache.stats().totals.entries == 10
