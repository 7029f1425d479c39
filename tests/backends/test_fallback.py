"""An application whose Redis goes away works on from memory, and returns when it is back."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from cachectl import MISSING, AsyncCache, BackendUnavailable, Cache
from cachectl._backends.fallback.store import FALLBACK_ENTRIES
from cachectl._config import Settings
from cachectl._model.coroutines import run
from cachectl._model.records import Removed
from cachectl._model.write import Write
from cachectl.testing import Clock
from tests.support.openers import settings
from tests.support.servers import Server, free_port, redis_server


class Outage:
    """A Redis of our own that can be taken away and brought back, at one URL."""

    def __init__(self, stack: ExitStack) -> None:
        self._port = free_port()
        self._outer = stack
        self.begin()

    def begin(self) -> None:
        self._stack = self._outer.enter_context(ExitStack())
        self.server: Server = self._stack.enter_context(redis_server(port=self._port))

    def end(self) -> None:
        self._stack.close()

    def open(self, clock: Clock, **options: bool) -> Cache:
        made = Cache.of(self._settings(), clock=clock, **options)
        self._outer.callback(made.close)
        return made

    def open_for_tasks(self, clock: Clock) -> AsyncCache:
        return AsyncCache.of(self._settings(), clock=clock)

    def _settings(self) -> Settings:
        url = f"redis://127.0.0.1:{self._port}/0"
        return settings("redis", redis__url=url, redis__timeout=0.2)


@pytest.fixture
def redis() -> Iterator[Outage]:
    with ExitStack() as stack:
        yield Outage(stack)


@pytest.fixture
def cache(redis: Outage, clock: Clock) -> Cache:
    return redis.open(clock)


def test_without_an_outage_the_status_is_ok(cache: Cache):
    status = cache.status()
    assert (status.configured_backend, status.active_backend) == ("redis", "redis")
    assert (status.status, status.fallback_entries, status.since) == ("ok", 0, None)


def test_an_application_works_on_from_memory_and_says_so(redis: Outage, cache: Cache):
    users = cache.namespace("users")
    users.set("before", 1)
    redis.end()
    assert users.get("before") is MISSING
    assert users.set("ann", {"age": 7}, tags=["t"])
    assert users.get("ann") == {"age": 7}
    assert users.get_or_load("bob", lambda: 2) == 2
    assert [listed.key for listed in users.entries("t")] == ["ann"]
    status = cache.status()
    assert (status.configured_backend, status.active_backend) == ("redis", "memory")
    assert (status.status, status.fallback_entries) == ("fallback_only", 2)
    assert status.since is not None
    assert "refused" in str(status.last_error)
    figures = cache.stats()
    assert figures.backend == cache.status()
    assert figures.namespaces["users"].entries == 2
    assert figures.namespaces["users"].hits == 1


def test_it_begins_without_redis(redis: Outage, clock: Clock):
    redis.end()
    cache = redis.open(clock)
    users = cache.namespace("users")
    assert cache.status().status == "fallback_only"
    assert users.set("k", 1)
    assert users.get("k") == 1
    redis.begin()
    cache.flush()
    assert cache.status().status == "ok"
    assert users.get("k") is MISSING
    assert cache.stats().namespaces["users"].hits == 1


def test_figures_of_a_window_need_no_backend(redis: Outage, cache: Cache):
    """Whether anybody ever used a namespace cannot be told while it is away, and is not."""
    redis.end()
    assert cache.stats("nobody", since="1h").namespaces["nobody"].hits == 0


def test_what_memory_holds_is_bounded(redis: Outage, cache: Cache):
    users = cache.namespace("users")
    images = cache.namespace("images", max_entries=10)
    redis.end()
    users.set_many(Write(str(i), i) for i in range(FALLBACK_ENTRIES + 100))
    images.set_many(Write(str(i), i) for i in range(20))
    assert cache.status().fallback_entries == FALLBACK_ENTRIES + 10


def test_it_returns_and_every_count_arrives(redis: Outage, cache: Cache):
    users = cache.namespace("users")
    for _ in range(3):
        users.get("k")
    redis.end()
    for _ in range(4):
        users.get("k")
    with pytest.raises(BackendUnavailable):
        cache.flush()
    redis.begin()
    cache.flush()
    users.get("k")
    figures = cache.stats()
    assert figures.backend.status == "ok"
    assert figures.namespaces["users"].misses == 8


def test_what_memory_has_not_is_missed_because_of_the_outage(redis: Outage, cache: Cache):
    """Whatever is known of the key, and no key is missed for that."""
    users = cache.namespace("users")
    users.set("k", 1)
    redis.end()
    for key in ("k", "other"):
        users.get_or_load(key, lambda: 2)
    assert users.get("k") == 2
    redis.begin()
    cache.flush()
    users.get("absent")
    figures = cache.stats("users", details=True)
    missed = figures.namespaces["users"].missed
    assert {reason: count for reason, count in missed.items() if count} == {"error": 2, "absent": 1}
    assert list(figures.details["users"].top_misses) == [("absent", 1)]
    assert figures.details["users"].latency["load"].measured == 2


def test_a_dry_run_during_an_outage_is_of_what_memory_holds(redis: Outage, cache: Cache):
    """As the run is: neither names what is in the backend, which cannot be had."""
    users = cache.namespace("users")
    users.set_many({f"{number}": number for number in range(9)})
    redis.end()
    users.set_many({"a": 1, "b": 2, "c": 3})
    plan = cache.plan_cleanup(max_entries=1)
    foretold = plan.dry_run(["users"])
    assert foretold.evicted["users"].entries == 2
    assert plan.run(["users"]) == foretold
    assert [listed.key for listed in users.entries()] == ["c"]


@pytest.mark.parametrize("metrics", [True, False])
def test_errors_are_what_an_application_was_spared(redis: Outage, cache: Cache, metrics: bool):
    """Each lookup, and each call that writes or removes, which memory answers instead."""
    users = cache.namespace("users", metrics=metrics)
    users.set("k", 1)
    redis.end()
    users.get("k")
    users.get("k")
    users.set("k", 2)
    users.set_many({"a": 1, "b": 2})
    users.delete("k")
    users.invalidate(tag="t")
    users.clear()
    users.get_or_load("k", lambda: 1)  # a lookup and a write
    assert "k" in users
    assert len(list(users.entries())) == 1
    assert cache.stats().namespaces["users"].errors == 9 * metrics
    redis.begin()
    cache.flush()
    users.get("k")
    assert cache.stats().namespaces["users"].errors == 9 * metrics


def test_tasks_are_spared_as_well(redis: Outage, clock: Clock):
    async def use() -> float:
        async with redis.open_for_tasks(clock) as cache:
            users = cache.namespace("users")
            redis.end()
            await users.get("k")
            await users.set("k", 1)
            return (await cache.stats()).namespaces["users"].errors

    assert asyncio.run(use()) == 2


def hang(redis: Outage) -> None:
    redis.server.process.send_signal(signal.SIGSTOP)


def go_on(redis: Outage) -> None:
    redis.server.process.send_signal(signal.SIGCONT)


def test_what_was_removed_meanwhile_is_removed_from_redis_too(redis: Outage, cache: Cache):
    """Redis hangs, and so still has everything when it is back."""
    users, images = cache.namespace("users"), cache.namespace("images")
    for key in ("deleted", "kept", "tagged"):
        users.set(key, "before", tags=["t"] if key == "tagged" else [])
    images.set("cleared", "before")
    hang(redis)
    users.delete("deleted")
    users.invalidate(tag="t")
    images.clear()
    assert cache.status().status == "fallback_only"
    go_on(redis)
    cache.flush()
    assert cache.status().status == "ok"
    assert [listed.key for listed in users.entries()] == ["kept"]
    assert list(images.entries()) == []


def test_what_was_overwritten_meanwhile_does_not_come_back_old(redis: Outage, cache: Cache):
    users = cache.namespace("users")
    users.set("k", "old")
    hang(redis)
    users.set("k", "new")
    assert users.get("k") == "new"
    go_on(redis)
    cache.flush()
    assert users.get("k") is MISSING
    assert cache.status().fallback_entries == 0


def test_an_expired_entry_is_not_served_from_memory(redis: Outage, cache: Cache, clock: Clock):
    redis.end()
    users = cache.namespace("users", ttl=10.0)
    users.set("k", 1)
    clock.advance(10)
    assert users.get("k") is MISSING


def test_a_load_over_an_outage_keeps_nothing(redis: Outage, cache: Cache):
    """Neither over its beginning nor over its end: what was removed in between may be known to the
    other side alone.
    """
    users = cache.namespace("users")

    def load_while(change: Callable[[], object], key: str) -> None:
        def loader() -> str:
            change()
            return "loaded"

        assert users.get_or_load(key, loader) == "loaded"

    def lose() -> None:
        redis.end()
        assert users.get("other") is MISSING

    def regain() -> None:
        redis.begin()
        cache.flush()

    def lose_and_regain() -> None:
        lose()
        regain()

    load_while(lose, "one")
    assert (cache.status().status, users.get("one")) == ("fallback_only", MISSING)
    load_while(regain, "two")
    assert (cache.status().status, users.get("two")) == ("ok", MISSING)
    load_while(lose_and_regain, "three")
    assert (cache.status().status, users.get("three")) == ("ok", MISSING)


def test_what_is_removed_during_a_load_stays_removed_while_redis_is_away(
    redis: Outage, cache: Cache
):
    users = cache.namespace("users")
    store = users.operations.store
    redis.end()
    for change in (
        lambda: store.remove(["k"]),
        lambda: store.remove_tagged("t"),
        store.clear,
    ):
        loader = partial(_removed, change)
        assert users.get_or_load("k", loader, tags=["t"]) == 0
        assert users.get("k") is MISSING
    assert users.get_or_load("k", lambda: 2) == users.get("k") == 2


def _removed(change: Callable[[], Coroutine[None, None, Removed]]) -> int:
    return run(change()).entries


def test_closing_without_redis_loses_counts_but_raises_nothing(redis: Outage, clock: Clock):
    cache = redis.open(clock)
    redis.end()
    cache.namespace("users").set("k", 1)
    cache.close()


def test_the_command_line_does_not_pretend(redis: Outage, clock: Clock):
    cache = redis.open(clock, strict=True)
    users = cache.namespace("users")
    redis.end()
    for operation in (
        lambda: users.get("k"),
        lambda: users.set("k", 1),
        lambda: users.delete("k"),
        users.clear,
        lambda: list(users.entries()),
        cache.stats,
        cache.cleanup,
    ):
        with pytest.raises(BackendUnavailable):
            operation()


class UsesTheCache(logging.Handler):
    """A handler of an application that itself caches, or that fails."""

    def __init__(self, use: Callable[[], object]) -> None:
        super().__init__()
        self._use = use
        self.seen: list[bool] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(bool(self._use()))


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("cachectl")
    before = list(logger.handlers)
    yield logger
    logger.handlers[:] = before


def test_a_log_handler_may_use_the_cache_when_redis_goes_away_and_returns(
    redis: Outage, cache: Cache, log: logging.Logger
):
    users = cache.namespace("users")
    handler = UsesTheCache(lambda: users.set("logged", 1) and users.get("logged") == 1)
    users.set("k", 1)
    log.addHandler(handler)
    redis.end()
    assert users.set("k", 2)
    redis.begin()
    cache.flush()
    assert users.set("k", 3)
    assert handler.seen
    assert all(handler.seen)


def test_a_log_handler_that_fails_does_not_keep_memory_from_standing_in(
    redis: Outage, cache: Cache, log: logging.Logger
):
    def fail() -> None:
        raise ZeroDivisionError

    users = cache.namespace("users")
    users.set("k", 1)
    log.addHandler(UsesTheCache(fail))
    redis.end()
    with pytest.raises(ZeroDivisionError):
        users.set("k", 2)
    assert users.set("k", 3)
    assert users.get("k") == 3
