"""A namespace behaves like a dictionary with lifetimes, whatever is done to it in what order."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cachectl import MISSING
from cachectl._model.outcome import Outcome
from cachectl.testing import Clock
from tests.support.openers import Opener

KEYS = st.sampled_from(["a", "b", "c", "ab", "a/b", "é", "*"])
SAMPLES = [None, 0, False, "", "text", b"bytes", [1], {"a": [2.5]}, "x" * 40_000]


def sample(number: int) -> object:
    return SAMPLES[number]


VALUES = st.integers(0, len(SAMPLES) - 1).map(sample)
TAGS = st.sets(st.sampled_from(["t", "u", "tu"]), max_size=2)
TTLS = st.sampled_from([None, "none", 1, 5, 60])
NEVER = float("inf")


class Model(RuleBasedStateMachine):
    """Compares a namespace with a dictionary of value, expiry and tags after every step."""

    opener: Opener
    clock: Clock

    @initialize()
    def begin(self) -> None:
        self.cache = self.opener()
        self.cache.namespace("model").clear()
        self.namespace = self.cache.namespace("model", ttl=30.0)
        self.neighbour = self.cache.namespace("modelled")
        self.neighbour.set("a", "untouched", ttl="none", tags=["t"])
        self.model: dict[str, tuple[object, float, set[str]]] = {}
        self.lookups = self.hits = 0
        self.cache.flush()
        self.before = self.cache.stats().namespaces["model"]

    def fresh(self) -> dict[str, tuple[object, float, set[str]]]:
        return {key: held for key, held in self.model.items() if held[1] > self.clock()}

    @rule(key=KEYS, value=VALUES, ttl=TTLS, tags=TAGS, condition=st.sampled_from(["", "nx", "xx"]))
    def set(self, key, value, ttl, tags, condition) -> None:
        there = key in self.fresh()
        expected = not condition or there == (condition == "xx")
        options: dict[str, Any] = {condition: True} if condition else {}
        assert bool(self.namespace.set(key, value, ttl=ttl, tags=list(tags), **options)) == expected
        if expected:
            lifetime = {None: 30.0, "none": NEVER}.get(ttl, ttl)
            self.model[key] = (value, self.clock() + lifetime, tags)

    @rule(items=st.dictionaries(KEYS, VALUES, max_size=4))
    def set_many(self, items) -> None:
        assert self.namespace.set_many(items) == [Outcome.STORED] * len(items)
        self.model |= {key: (value, self.clock() + 30, set()) for key, value in items.items()}

    @rule(key=KEYS)
    def get(self, key) -> None:
        expected = self.fresh().get(key, (MISSING,))[0]
        found = self.namespace.get(key)
        assert found == expected
        assert type(found) is type(expected)
        self.lookups += 1
        self.hits += expected is not MISSING

    @rule(key=KEYS, value=VALUES)
    def get_or_load(self, key, value) -> None:
        there = key in self.fresh()
        expected = self.model[key][0] if there else value
        assert self.namespace.get_or_load(key, lambda: value) == expected
        self.lookups += 1
        self.hits += there
        if not there:
            self.model[key] = (value, self.clock() + 30, set())

    @rule(key=KEYS)
    def delete(self, key) -> None:
        removed = self.namespace.delete(key)
        if key in self.fresh():
            assert removed
        self.model.pop(key, None)

    @rule(tag=st.sampled_from(["t", "u", "tu"]))
    def invalidate(self, tag) -> None:
        tagged = [key for key, held in self.fresh().items() if tag in held[2]]
        assert self.namespace.invalidate(tag=tag).entries >= len(tagged)
        self.model = {key: held for key, held in self.model.items() if tag not in held[2]}

    @rule()
    def clear(self) -> None:
        assert self.namespace.clear().entries >= len(self.fresh())
        self.model.clear()

    @rule()
    def cleanup(self) -> None:
        foretold = self.cache.plan_cleanup().dry_run()
        assert self.cache.cleanup() == foretold
        self.model = self.fresh()
        assert {listed.key for listed in self.namespace.entries()} == set(self.model)

    @rule(seconds=st.sampled_from([0.5, 1, 4, 30, 61]))
    def wait(self, seconds) -> None:
        self.clock.advance(seconds)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        listed = {item.key: item for item in self.namespace.entries()}
        fresh = self.fresh()
        assert fresh.keys() <= listed.keys() <= self.model.keys() | listed.keys()
        for key, (_, expires_at, tags) in fresh.items():
            entry = listed[key].entry
            assert entry is not None
            assert (entry.expires_at, set(entry.tags)) == (expires_at, tags)
        figures = self.cache.stats().namespaces["model"]
        assert figures.entries == len(listed)
        assert figures.bytes == sum(item.size for item in listed.values())
        assert figures.hits - self.before.hits == self.hits
        assert figures.misses - self.before.misses == self.lookups - self.hits
        assert figures.errors == 0
        assert [item.key for item in self.neighbour.entries()] == ["a"]


def test_a_namespace_is_a_dictionary_with_lifetimes(opener: Opener, clock: Clock):
    run_state_machine_as_test(
        type("Machine", (Model,), {"opener": opener, "clock": clock}),
        settings=settings(
            max_examples=settings().max_examples // 4,  # each is a history of many steps
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
