"""Entries that go by `lrfu`, whatever is done in what order: limits exact, values right, no leaks."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cachectl import MISSING, Cache, Namespace
from cachectl._model.outcome import Outcome
from cachectl._model.policy import Policy
from cachectl._model.write import Write
from cachectl.testing.clock import Clock
from cachectl.testing.contract.segments import SegmentsContract
from cachectl.testing.opener import Opener

KEYS = st.sampled_from([f"k{number}" for number in range(14)])
LENGTHS = st.integers(0, 300)
ENTRIES = st.sampled_from([None, 1, 2, 3, 5, 8])
BYTES = st.sampled_from([None, 200, 600, 1500])
names: Iterator[str] = (f"model{number}" for number in count())


class Model(RuleBasedStateMachine):
    """Knows what was written last under each key, and when that expires."""

    opener: Opener
    clock: Clock
    segment_sizes: Callable[[Opener, Cache, str], list[int]]
    cache: Cache
    namespace: Namespace
    neighbour: Namespace
    shared: bool
    name: str
    lowered: bool
    ever_limited: bool

    @initialize(max_entries=ENTRIES, max_bytes=BYTES)
    def begin(self, max_entries: int | None, max_bytes: int | None) -> None:
        self.cache = self.opener()
        self.shared = _is_shared(self.opener)
        self.name = next(names)  # what was remembered of another run must not decide this one
        self.namespace = self.cache.namespace(
            self.name, ttl="none", eviction="lrfu", max_entries=max_entries, max_bytes=max_bytes
        )
        self.neighbour = self.cache.namespace(f"{self.name}.", eviction="lrfu", max_entries=1)
        self.neighbour.set("a", "untouched", ttl="none", tags=["t"])
        self.written: dict[str, tuple[object, float, bool]] = {}
        self.lowered = False  # and no write or cleanup has held the limits since
        self.ever_limited = bool(max_entries or max_bytes)

    def use_again(self, cache: Cache, policy: Policy) -> None:
        self.cache = cache
        self.namespace = cache.namespace(
            self.name,
            ttl="none",
            eviction=policy.eviction,
            max_entries=policy.max_entries,
            max_bytes=policy.max_bytes,
        )
        self.neighbour = cache.namespace(f"{self.name}.", eviction="lrfu", max_entries=1)

    def looked_at(self, key: str) -> object:
        entry = self.namespace.peek(key)
        return MISSING if entry is None else entry.value

    @rule(key=KEYS, length=LENGTHS, ttl=st.sampled_from([None, 5, 60]), tagged=st.booleans())
    def set(self, key: str, length: int, ttl: int | None, tagged: bool) -> None:
        value = f"{len(self.written)}" * length
        stored = self.namespace.set(key, value, ttl=ttl, tags=["t"] if tagged else [])
        self.written.pop(key, None)
        if stored:
            self.written[key] = (value, self.clock() + (ttl or float("inf")), tagged)
            assert self.looked_at(key) == value
            self.lowered = False
        else:
            assert self.namespace.policy.max_bytes is not None
            assert self.namespace.get(key) is MISSING

    @rule(keys=st.lists(KEYS, max_size=6))
    def set_many(self, keys: list[str]) -> None:
        stored = self.namespace.set_many(Write(key, key) for key in keys)
        assert stored == [Outcome.STORED] * len(keys)
        self.written |= {key: (key, float("inf"), False) for key in keys}
        if keys:
            self.lowered = False

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        value, expires_at, _ = self.written.get(key, (MISSING, 0.0, False))
        found = self.namespace.get(key)
        assert found is MISSING or (found == value and expires_at > self.clock())

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.namespace.delete(key)
        assert self.namespace.peek(key) is None
        self.written.pop(key, None)

    @rule()
    def invalidate(self) -> None:
        self.namespace.invalidate(tag="t")
        self.written = {key: held for key, held in self.written.items() if not held[2]}

    @rule()
    def clear(self) -> None:
        self.namespace.clear()
        self.written.clear()

    @rule(seconds=st.sampled_from([1, 5, 61]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(max_entries=ENTRIES, max_bytes=BYTES)
    def limit(self, max_entries: int | None, max_bytes: int | None) -> None:
        self.cache.namespace(self.name, max_entries=max_entries, max_bytes=max_bytes)
        self.lowered = True
        self.ever_limited |= bool(max_entries or max_bytes)

    @rule(eviction=st.sampled_from(["lru", "lrfu"]))
    def change(self, eviction: Literal["lru", "lrfu"]) -> None:
        self.cache.namespace(self.name, eviction=eviction)

    @rule()
    def cleanup(self) -> None:
        self.cache.cleanup(self.name)
        self.lowered = False
        now = self.clock()
        assert all(self.written[listed.key][1] > now for listed in self.namespace.entries())

    @rule()
    def open_again(self) -> None:
        """Another process, where one can see the same entries."""
        if self.shared:
            self.cache.flush()
            self.use_again(self.opener(), self.namespace.policy)

    @invariant()
    def holds_only_what_was_written_within_limits(self) -> None:
        listed = {item.key: item.size for item in self.namespace.entries()}
        assert listed.keys() <= self.written.keys()
        usage = self.cache.usage().get(self.name)
        held = (usage.entries, usage.bytes) if usage else (0, 0)
        assert held == (len(listed), sum(listed.values()))
        limits = self.namespace.policy.limits
        assert self.lowered or not limits.exceeded(*held)
        for key in listed:
            assert self.looked_at(key) == self.written[key][0]
        now = self.clock()
        fresh = {key for key, (_, expires_at, _) in self.written.items() if expires_at > now}
        assert self.ever_limited or fresh <= listed.keys()

    @invariant()
    def keeps_one_place_for_each_entry(self) -> None:
        in_window, in_main, *left = self.segment_sizes(self.opener, self.cache, self.name)
        held = len(list(self.namespace.entries()))
        assert in_window + in_main in (0, held)
        assert held or self.ever_limited or not any(left)
        assert [item.key for item in self.neighbour.entries()] == ["a"]


def _is_shared(opener: Opener) -> bool:
    """Return whether two caches see the same entries."""
    one, other = opener(), opener()
    one.namespace("probe").set("k", 1)
    return other.namespace("probe").has("k")


class LrfuStatefulContract(SegmentsContract):
    """Whatever is done in what order, limits are exact and values right."""

    def test_a_namespace_keeps_its_limits_and_values_whatever_is_done(
        self, opener: Opener, clock: Clock
    ) -> None:
        given = {
            "opener": opener, "clock": clock, "segment_sizes": staticmethod(self.segment_sizes),
        }  # fmt: skip
        run_state_machine_as_test(
            type("Machine", (Model,), given),
            settings=settings(
                max_examples=settings().max_examples // 5,  # each is a history of many steps
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
