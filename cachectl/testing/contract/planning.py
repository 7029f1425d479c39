"""What a dry run tells is what the run does, whatever was done before; and looking changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cachectl import Cache, Namespace
from cachectl._engine.cleanup import CleanupOptions
from cachectl._metrics.reports import NamespaceStats
from cachectl._model.batches import BATCH
from cachectl._model.coroutines import iterate
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract
from cachectl.testing.opener import Opener

KEYS = st.sampled_from([f"k{number}" for number in range(12)])
LENGTHS = st.sampled_from([0, 1, 1, 40, 300])
SECONDS = st.sampled_from([0, 0.000001, 1, 5, 61])
names: Iterator[str] = (f"plan{number}" for number in count())
Eviction = Literal["lru", "lrfu"]


class Twins(RuleBasedStateMachine):
    """Two namespaces in which the same is done, but for looks and dry runs, which only one has."""

    opener: Opener
    clock: Clock
    cache: Cache
    looked_at: Namespace
    other: Namespace
    name: str

    @initialize(eviction=st.sampled_from(["lru", "lrfu"]))
    def begin(self, eviction: Eviction) -> None:
        self.name = next(names)  # what was remembered of another run must not decide this one
        self.use(self.opener(), eviction)

    def use(self, cache: Cache, eviction: Eviction) -> None:
        known = cache._core.backend.evictions
        policy: Any = {"ttl": "none", "eviction": eviction if eviction in known else "lru"}
        self.cache = cache
        self.looked_at = cache.namespace(self.name, **policy)
        self.other = cache.namespace(f"{self.name}.other", **policy)

    def both(self, do: Callable[[Namespace], object]) -> None:
        for namespace in (self.looked_at, self.other):
            do(namespace)

    @rule(key=KEYS, length=LENGTHS, ttl=st.sampled_from([None, 5, 60]), tagged=st.booleans())
    def set(self, key: str, length: int, ttl: int | None, tagged: bool) -> None:
        tags = ["t"] if tagged else []
        self.both(lambda namespace: namespace.set(key, "x" * length, ttl=ttl, tags=tags))

    @rule(keys=st.lists(KEYS, max_size=8))
    def set_many(self, keys: list[str]) -> None:
        self.both(lambda namespace: namespace.set_many(Write(key, key) for key in keys))

    @rule(keys=st.lists(KEYS, min_size=1, max_size=4))
    def get(self, keys: list[str]) -> None:
        self.both(lambda namespace: [namespace.get(key) for key in keys])

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.both(lambda namespace: namespace.delete(key))

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def flush(self) -> None:
        self.cache.flush()

    @rule(eviction=st.sampled_from(["lru", "lrfu"]))
    def change(self, eviction: Eviction) -> None:
        self.use(self.cache, eviction)

    @rule(most=st.integers(1, 8), eviction=st.sampled_from(["lru", "lrfu"]))
    def evict(self, most: int, eviction: Eviction) -> None:
        """Hold a limit by writing: evicted keys are remembered, and scores have a history."""
        self.use(self.cache, eviction)
        for namespace in (self.looked_at, self.other):
            limited = self.cache.namespace(namespace.name, max_entries=most)
            limited.set("k0", "x")
            self.cache.namespace(namespace.name, max_entries=None)

    @precondition(lambda self: self.opener.backend != "memory")
    @rule(eviction=st.sampled_from(["lru", "lrfu"]))
    def open_again(self, eviction: Eviction) -> None:
        """Another process, perhaps with another policy."""
        self.cache.flush()
        if list(self.opener().namespace(self.name).entries()):
            self.use(self.opener(), eviction)

    @rule(tag=st.sampled_from([None, "t"]), most=st.sampled_from([None, 0, 2]))
    def look(self, tag: str | None, most: int | None) -> None:
        self.cache.flush()
        list(self.looked_at.entries(tag))
        self.cache.plan_cleanup(older_than=5, max_entries=most).dry_run([self.looked_at.name])
        self.agree()

    @rule(
        older_than=st.sampled_from([None, 0.000001, 1, 5]),
        max_entries=st.sampled_from([None, 0, 1, 2, 4, 7]),
        max_bytes=st.sampled_from([None, 0, 150, 400, 900]),
    )
    def cleanup(
        self, older_than: float | None, max_entries: int | None, max_bytes: int | None
    ) -> None:
        options: Any = {
            "older_than": older_than, "max_entries": max_entries, "max_bytes": max_bytes,
        }  # fmt: skip
        plan = self.cache.plan_cleanup(**options)
        before = listed(self.looked_at)
        figures = self.figures()
        foretold = plan.dry_run([self.looked_at.name])
        wanted = CleanupOptions(older_than, max_entries, max_bytes)
        planned = plan_of(self.cache, self.looked_at, wanted, self.clock)
        assert listed(self.looked_at) == before
        assert self.figures() == figures
        done = plan.run([self.looked_at.name])
        left = listed(self.looked_at)
        gone = [one for one in before if one not in left]
        assert sorted(planned) == sorted(gone)
        assert (done.expired, done.evicted) == (foretold.expired, foretold.evicted)
        if older_than is None and not foretold.expired[self.looked_at.name].entries:
            assert gone == before[: len(gone)]
        self.cache.cleanup(self.other.name, **options)
        self.agree()

    def figures(self) -> NamespaceStats:
        """Return what is counted; the memory of it may be an estimate."""
        return replace(self.looked_at.stats(), memory_bytes=None)

    def agree(self) -> None:
        self.cache.flush()
        assert listed(self.looked_at) == listed(self.other)


def plan_of(
    cache: Cache, namespace: Namespace, options: CleanupOptions, clock: Clock
) -> list[tuple[str, int]]:
    """Return keys and sizes of what a cleanup would remove."""
    cache.flush()
    store = cache._core.backend.store_for_threads(namespace.name)
    rule = options.rule(namespace.policy.limits, clock())
    return [(one.key, one.size) for one in iterate(store.plan(rule))]


def listed(namespace: Namespace) -> list[tuple[str, int]]:
    return [(item.key, item.size) for item in namespace.entries()]


class PlanningContract(Contract):
    """A dry run equals the run, and changes nothing."""

    @pytest.mark.parametrize("limits", [{}, {"max_entries": 150}, {"max_bytes": 20_000}], ids=str)
    @pytest.mark.parametrize("eviction", ["lru", "lrfu"])
    def test_a_dry_run_of_many_names_each_that_then_goes(
        self, cache: Cache, clock: Clock, eviction: str, limits: dict[str, int]
    ) -> None:
        if eviction not in cache._core.backend.evictions:
            pytest.skip(f"without {eviction}")
        given: Any = {"eviction": eviction}
        users, chance = cache.namespace("users", ttl="none", **given), Random(1)
        for begin in range(0, 2 * BATCH, 100):
            users.set_many(
                Write(str(number), "x" * chance.randrange(100), ttl=chance.choice([None, 10, 99]))
                for number in range(begin, begin + 100)
            )
            for _ in range(33):
                users.get(f"{chance.randrange(begin + 100)}")
            clock.advance(1)
            cache.flush()
        clock.advance(5)
        before, options = listed(users), CleanupOptions(12, **limits)
        planned = plan_of(cache, users, options, clock)
        cache.cleanup("users", older_than=12, **limits)
        left = {key for key, _ in listed(users)}
        assert sorted(planned) == sorted(one for one in before if one[0] not in left)
        assert len(planned) > 300
        assert len(left) > 50

    @pytest.mark.parametrize("eviction", ["lru", "lrfu"])
    def test_what_is_used_until_it_runs_stays(self, cache: Cache, eviction: str) -> None:
        if eviction not in cache._core.backend.evictions:
            pytest.skip(f"without {eviction}")
        given: Any = {"eviction": eviction}
        users = cache.namespace("users", ttl="none", **given)
        for key in "abc":
            users.set(key, key)
        plan = cache.plan_cleanup(max_entries=2)
        users.get("a")
        plan.run(["users"])
        assert {key for key, _ in listed(users)} == {"a", "c"}

    def test_a_dry_run_equals_the_run_and_changes_nothing(
        self, opener: Opener, clock: Clock
    ) -> None:
        run_state_machine_as_test(
            type("Machine", (Twins,), {"opener": opener, "clock": clock}),
            settings=settings(
                max_examples=settings().max_examples // 4,  # each is a history of many steps
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
