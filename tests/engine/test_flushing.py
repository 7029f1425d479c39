"""What is handed over, where one namespace refuses it: each is flushed by itself, on every backend."""

import sqlite3
from contextlib import closing

import pytest

from cachectl import Cache
from cachectl._backends.base import BaseBackend
from cachectl._backends.memory.store import MemoryStore
from cachectl._metrics.windows import Window
from cachectl.errors import BackendError, BackendRefused
from cachectl.testing import Clock
from tests.support.openers import SHARED, Opener, settings
from tests.support.processes import start


def refuse_uses(opener: Opener, redis_server) -> None:
    """Let nobody write what was used in the namespace "a": something else is in the place of its index,
    or another index allows no second entry that was used since.
    """
    if opener.backend == "redis":
        with redis_server.client() as client:
            client.delete("cachectl:{a}:lru")
            client.set("cachectl:{a}:lru", "not a sorted set")
        return
    with closing(sqlite3.connect(opener.directory / "cache.db", isolation_level=None)) as opened:
        select = "SELECT id, (SELECT max(used_at) FROM entries) FROM namespaces WHERE name = 'a'"
        id_, newest = opened.execute(select).fetchone()
        opened.execute(
            f"UPDATE entries SET used_at = {newest + 1} WHERE namespace_id = {id_} AND key = '0'"
        )
        opened.execute(
            "CREATE UNIQUE INDEX in_the_way ON entries(namespace_id)"
            f" WHERE namespace_id = {id_} AND used_at > {newest}"
        )


@pytest.fixture
def filled(opener: Opener) -> Opener:
    """A place with three namespaces."""
    with opener() as cache:
        for name in "abc":
            users = cache.namespace(name, compress="none")
            users.set("k", b"")
            users.set_many({str(number): bytes(700) for number in range(20)})
    return opener


def use(opener: Opener, clock: Clock) -> Cache:
    """Return a cache for applications that has used an entry of each namespace."""
    clock.advance(60)
    cache = opener(strict=False)
    for name in "abc":
        assert cache.namespace(name).get("k", None) is not None
    return cache


def used_at(opener: Opener, name: str) -> float:
    with opener() as cache:
        return next(info.used_at for info in cache.namespace(name).entries() if info.key == "k")


def hits(opener: Opener) -> dict[str, float]:
    with opener() as cache:
        window = Window(None, None, 2e9)
        return {name: c.hits for name, c in cache._core.backend.counters.read(window).items()}


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_a_namespace_that_refuses_uses_does_not_stop_the_others_nor_their_figures(
    filled: Opener, redis_server, clock: Clock
):
    before = {name: used_at(filled, name) for name in "bc"}
    cache = use(filled, clock)
    refuse_uses(filled, redis_server)
    for _ in range(2):
        with pytest.raises(BackendError):
            cache.flush()
    assert all(used_at(filled, name) > before[name] for name in "bc")
    assert hits(filled) == {"a": 1, "b": 1, "c": 1}
    for name in "bc":
        assert cache.stats(name).namespaces[name].hits == 1


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_nor_does_it_keep_the_counts_of_ended_processes_waiting(
    filled: Opener, redis_server, clock: Clock
):
    cache = use(filled, clock)
    refuse_uses(filled, redis_server)
    program = "open_cache().namespace('b').get('absent'); os.kill(os.getpid(), 9)"
    for misses in (1, 2):  # also where one has just looked what others left
        start(program, filled.settings).communicate(timeout=30)
        assert cache.stats("b").namespaces["b"].misses == misses


@pytest.mark.parametrize("opener", SHARED, indirect=True)
def test_nor_does_it_when_a_cache_is_closed(filled: Opener, redis_server, clock: Clock):
    before = {name: used_at(filled, name) for name in "bc"}
    cache = use(filled, clock)
    refuse_uses(filled, redis_server)
    cache.close()
    assert all(used_at(filled, name) > before[name] for name in "bc")
    assert hits(filled) == {"a": 1, "b": 1, "c": 1}


class Picky(MemoryStore):
    """A store that notes uses, of which "a" writes none."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.flushed = 0

    def flush(self) -> None:
        if self.name == "a":
            raise BackendRefused("not in here")
        self.flushed += 1


class PickyBackend(BaseBackend[Picky]):
    """A backend of others, whose stores flush."""

    name = "picky"

    def make_store(self, namespace: str) -> Picky:
        return Picky(namespace)


def test_a_backend_of_others_is_flushed_namespace_by_namespace(clock: Clock):
    backend = PickyBackend()
    cache = Cache(backend, settings("memory"), clock=clock)
    stores = [backend.store(name) for name in "abc" if cache.namespace(name)]
    cache.namespace("c").get("absent")
    with pytest.raises(BackendRefused):
        cache.flush()
    assert [store.flushed for store in stores] == [0, 1, 1]
    assert cache.stats("c").namespaces["c"].misses == 1
    cache.close()
    assert stores[2].flushed >= 2
