"""What the bases for backends do that no suite sees: refusals, damage, and processes."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cachectl import MISSING, Cache, ConfigError
from cachectl._backends.base import BaseBackend
from cachectl._backends.base_store import BaseStore
from cachectl._config import load
from cachectl._model.entry import Entry
from cachectl._model.records import EntryInfo, Item, Removed, Usage
from cachectl.errors import BackendBusy
from cachectl.testing import Clock


class ListStore(BaseStore):
    """Entries in the order of their use."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.held: dict[str, tuple[bytes, float]] = {}
        self.listed = 0

    def peek(self, key: str) -> Entry | None:
        return self.unpack(key, self.held[key][0]) if key in self.held else None

    def touch(self, key: str, now: float) -> None:
        self.held[key] = self.held.pop(key)[0], now

    def write(self, item: Item, now: float) -> None:
        self.held.pop(item.key, None)
        self.held[item.key] = item.data, now

    def remove(self, keys: Iterable[str]) -> Removed:
        found = [self.held.pop(key) for key in keys if key in self.held]
        return Removed(len(found), sum(len(data) for data, _ in found))

    def scan(self, tag: str | None = None) -> Iterator[EntryInfo]:
        self.listed += 1
        listed = [self.info(key, *held) for key, held in self.held.items()]
        return (info for info in listed if info.carries(tag))


class ListBackend(BaseBackend[ListStore]):
    name = "list"

    def make_store(self, namespace: str) -> ListStore:
        return ListStore(namespace)


@pytest.fixture
def backend() -> ListBackend:
    return ListBackend()


@pytest.fixture
def cache(backend: ListBackend, clock: Clock) -> Iterator[Cache]:
    with Cache(backend, load(environ={"HOME": "/nonexistent"}), clock=clock, strict=True) as cache:
        yield cache


def damage(store: ListStore, key: str) -> None:
    data, used_at = store.held[key]
    store.held[key] = data[:-1] + b"?", used_at


def test_an_eviction_that_the_backend_has_not_is_refused_where_a_namespace_is_made(cache):
    with pytest.raises(ConfigError) as caught:
        cache.namespace("users", eviction="lrfu")
    assert str(caught.value) == (
        "namespace users: the backend list has no eviction 'lrfu', only lru"
    )
    assert cache.namespace("users").policy.eviction == "lru"


def test_an_eviction_that_the_backend_has_not_is_refused_where_it_is_configured(backend):
    settings = load(overrides={"defaults.eviction": "lrfu"}, environ={"HOME": "/nonexistent"})
    with Cache(backend, settings, strict=True) as cache, pytest.raises(ConfigError):
        cache.namespace("users")


def test_a_damaged_entry_is_a_miss_and_may_be_written_over(cache, backend):
    users = cache.namespace("users", ttl="none")
    users.set("k", "v")
    damage(backend.store("users"), "k")
    assert users.get("k") is MISSING
    assert not users.set("k", "new", xx=True)
    assert users.set("k", "new", nx=True)
    assert users.get("k") == "new"
    assert cache.stats().namespaces["users"].errors == 1


def test_what_is_not_ours_is_listed_and_cleared(cache, backend):
    backend.store("users").held["k"] = b"foreign", 0.0
    users = cache.namespace("users")
    assert [(info.key, info.entry, info.size) for info in users.entries()] == [("k", None, 7)]
    assert list(users.entries("tag")) == []
    assert users.clear() == (1, 7)


def test_writes_look_for_what_expired_only_about_once_a_second(cache, backend, clock: Clock):
    users = cache.namespace("users", ttl="none")
    users.set("k", 0)
    before = backend.store("users").listed
    for number in range(100):
        users.set("k", number)
    assert backend.store("users").listed == before
    clock.advance(1)
    users.set("k", 0)
    assert backend.store("users").listed == before + 1


def test_a_store_that_knows_its_usage_is_not_listed_by_writes(cache, backend, monkeypatch):
    users = cache.namespace("users", ttl="none", max_entries=10)
    users.set("k", 0)
    store = backend.store("users")
    monkeypatch.setattr(store, "usage", lambda: Usage(1, 100))
    before = store.listed
    users.set("k", 1)
    assert store.listed == before


def test_usage_is_of_what_was_asked_for_and_of_what_is_kept_elsewhere(backend, monkeypatch):
    backend.store("users")
    assert backend.usage() == {"users": Usage(0, 0, None)}
    monkeypatch.setattr(backend, "namespaces", lambda: ["kept"])
    assert backend.usage() == {"kept": Usage(0, 0, None)}


def test_a_child_process_does_not_inherit_the_locks(backend):
    store = backend.store("users")
    with backend.lock("cleanup"):
        with ThreadPoolExecutor(1) as threads:
            assert all(threads.submit(turn.hold).result() for turn in backend.turns())
        for turn in backend.turns():
            turn.after_fork_in_child()
        backend.after_fork_in_child()
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(store.usage).result() == Usage(0, 0, None)
        with backend.lock("cleanup"), pytest.raises(BackendBusy), backend.lock("cleanup"):
            pass


def test_a_signal_handler_in_the_middle_of_a_change_is_refused(cache, backend, monkeypatch):
    users = cache.namespace("users", ttl="none")
    users.set("k", "v")
    store = backend.store("users")
    refused = []

    def interrupted(item: Item, now: float) -> None:
        for operation in (
            lambda: users.set("h", 1),
            lambda: users.delete("k"),
            users.clear,
            lambda: users.invalidate(tag="t"),
        ):
            with pytest.raises(BackendBusy) as caught:
                operation()
            refused.append(str(caught.value))
        ListStore.write(store, item, now)

    monkeypatch.setattr(store, "write", interrupted)
    assert users.set("k", "new")
    assert set(refused) == {"namespace users: in use by the code that this call interrupted"}
    assert len(refused) == 4
    assert users.get("k") == "new"
