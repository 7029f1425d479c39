"""A server that drops keys by itself, and somebody who deletes ours: what was removed stays removed."""

import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from random import Random
from threading import Lock, Thread
from time import monotonic

import pytest

from cachectl import MISSING, Cache, Namespace
from cachectl.errors import BackendError
from tests.support.servers import Server, redis_server

SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
POLICIES = [
    "noeviction",
    *(f"allkeys-{which}" for which in ("lru", "lfu", "random")),
    *(f"volatile-{which}" for which in ("lru", "lfu", "random", "ttl")),
]
NAMESPACES = ("a", "b")
KEYS = [f"k{number}" for number in range(3000)]
TAGS = 20


class Truth:
    """Of each key: the number of the newest value whose set was acknowledged, and the one up to which
    all were removed, as somebody was told.
    """

    def __init__(self) -> None:
        self.turns: defaultdict[tuple[str, str], Lock] = defaultdict(Lock)
        self.set: dict[tuple[str, str], int] = {}
        self.removed: dict[tuple[str, str], int] = {}
        self.stale: list[tuple[str, str, int, int]] = []
        self.served = 0

    def remove(self, which: Callable[[str, str], bool], removal: Callable[[], object]) -> None:
        """Remove, and note what nobody may see from now on."""
        gone = {place: number for place, number in self.set.copy().items() if which(*place)}
        removal()
        for place, number in gone.items():
            with self.turns[place]:
                self.removed[place] = max(number, self.removed.get(place, 0))

    def write(self, namespace: Namespace, key: str, value: object) -> None:
        place = namespace.name, key
        with self.turns[place]:
            number = self.set.get(place, 0) + 1
            if namespace.set(key, [number, value], tags=[tag_of(key)]):
                self.set[place] = number

    def look_up(self, namespace: Namespace, key: str) -> None:
        place = namespace.name, key
        removed = self.removed.get(place, 0)
        value = namespace.get(key)
        if value is not MISSING:
            self.served += 1
            if value[0] <= removed:
                self.stale.append((*place, value[0], removed))


def act(server: Server, truth: Truth, seed: int, until: float) -> None:
    """Do what applications, operators and somebody with a client of his own do."""
    chance = Random(seed)
    with (
        Cache.open(backend="redis", url=server.url) as cache,
        Cache.open(backend="redis", url=server.url, strict=True) as operator,
        server.client() as raw,
    ):
        spaces = [cache.namespace(name, max_entries=2500) for name in NAMESPACES]
        while monotonic() < until:
            with suppress(BackendError):  # what raises was not acknowledged
                step(truth, chance, chance.choice(spaces), operator, raw)


def step(truth: Truth, chance: Random, space: Namespace, operator: Cache, raw) -> None:
    """Do one thing, most often a lookup or a write."""
    key, what = chance.choice(KEYS), chance.random()
    name, tag = space.name, tag_of(key)
    strict = operator.namespace(name)
    if what < 0.5:
        truth.look_up(space, key)
    elif what < 0.96:
        truth.write(space, key, "x" * chance.choice([10, 700, 700, 40_000]))
    elif what < 0.97:
        truth.remove(lambda *place: place == (name, key), lambda: strict.delete(key))
    elif what < 0.975:
        truth.remove(
            lambda at, one: at == name and tag_of(one) == tag, lambda: strict.invalidate(tag=tag)
        )
    elif what < 0.98:
        truth.remove(lambda _, one: tag_of(one) == tag, lambda: operator.invalidate(tag=tag))
    elif what < 0.982:
        truth.remove(lambda at, _: at == name, strict.clear)
    elif what < 0.983:
        truth.remove(lambda *_: True, operator.clear)
    else:
        delete_any(raw, chance)


def tag_of(key: str) -> str:
    return f"t{int(key[1:]) % TAGS}"


def delete_any(raw, chance: Random) -> None:
    """Delete a key of ours: any, or one of those that are few."""
    index = [
        f"cachectl:{{{name}}}:{part}"
        for name in NAMESPACES
        for part in ("gen", "lru", "exp", "meta", "tag", "loads", "c")
    ]
    if chance.random() < 0.02:
        raw.delete(chance.choice([*index, "cachectl:namespaces"]))
    elif (key := raw.randomkey()) is not None and key.startswith(b"cachectl:"):
        raw.delete(key)


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_is_served_that_somebody_was_told_is_removed(policy: str) -> None:
    """And figures are right within what they say."""
    truth = Truth()
    with redis_server("--maxmemory", "10mb", "--maxmemory-policy", policy) as server:
        until = monotonic() + SECONDS
        threads = [
            Thread(target=act, args=(server, truth, SEED * 100 + number, until))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert truth.stale == []
        assert truth.served > 100
        with Cache.open(backend="redis", url=server.url) as cache:
            for name in NAMESPACES:
                check_figures(cache, cache.namespace(name))
            cache.clear()
            assert not [
                key for name in NAMESPACES for key in KEYS if cache.namespace(name).has(key)
            ]


def check_figures(cache: Cache, namespace: Namespace) -> None:
    """What is listed is what is served, and what is told of it is no further off than it says."""
    listed = {info.key for info in namespace.entries()}
    assert listed == {key for key in KEYS if namespace.has(key)}
    figures = cache.stats().namespaces[namespace.name]
    assert abs(figures.entries - len(listed)) <= 1 + 2 * figures.uncertainty * figures.entries
    cache.plan_cleanup().run([namespace.name])
    assert cache.stats().namespaces[namespace.name].entries == pytest.approx(len(listed), abs=1)
