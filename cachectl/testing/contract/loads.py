"""What every backend does about loads: what was removed or replaced meanwhile is not brought back.

Changes are made behind the back of the engine, on the store itself, as other processes make them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from cachectl import MISSING
from cachectl._backends.protocols import AsyncStore
from cachectl._engine.cache import Cache
from cachectl._engine.namespace import Namespace
from cachectl._model.coroutines import run
from cachectl._model.policy import Limits
from cachectl._model.records import CleanupRule, Item
from cachectl.testing.clock import Clock
from cachectl.testing.contract.base import Contract

Change = Callable[[AsyncStore, Item], Awaitable[object]]

NOW: Final = Clock()()
REMOVALS: Final[dict[str, Change]] = {
    "delete": lambda store, item: store.remove([item.key]),
    "invalidate": lambda store, item: store.remove_tagged("t"),
    "clear": lambda store, item: store.clear(),
}
HARMLESS: Final[dict[str, Change]] = {
    "the removal of another key": lambda store, item: store.remove(["other"]),
    "another tag": lambda store, item: store.remove_tagged("tt"),
    "expiry": lambda store, item: store.remove_expired(item.key, NOW + 1e9),
    "a cleanup": lambda store, item: store.cleanup(CleanupRule(NOW, NOW + 1e9, Limits(0))),
    "an eviction": lambda store, item: store.put(
        [item._replace(key="other")], Limits(max_entries=1), NOW
    ),
    "a write that is refused": lambda store, item: store.put([item], Limits(), NOW, "present"),
}
SIZES: Final = (10, 100_000, 2_000_000)
"""Bytes of values: they take different ways on files and on Redis."""


def built(users: Namespace, value: bytes, key: str = "k") -> Item:
    """Return what is written of a value."""
    return users.state.entries.build(key, value, NOW, ttl=None, tags=["t"], cost=0)


def loaded(engine: str, users: Namespace, value: bytes, change: Change, **options: Any) -> None:
    """Load a value, while others make a change."""
    store, item = users.operations.store, built(users, b"new")

    def loader() -> bytes:
        run(_awaited(change(store, item)))
        return value

    async def async_loader() -> bytes:
        await change(store, item)
        return value

    chosen: Any = loader if engine == "threads" else async_loader
    assert users.get_or_load("k", chosen, tags=["t", "u"], **options) == value


async def _awaited(change: Awaitable[object]) -> object:
    return await change


class LoadsContract(Contract):
    """What was removed or replaced while it was loaded is not brought back."""

    @pytest.mark.parametrize("bypass", [False, True])
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("removal", REMOVALS)
    def test_what_was_removed_during_a_load_stays_removed(
        self, cache: Cache, engine: str, removal: str, size: int, bypass: bool
    ) -> None:
        users = cache.namespace("users")
        for _ in range(2):  # also if there is nothing yet
            loaded(engine, users, bytes(size), REMOVALS[removal], bypass=bypass)
            assert users.get("k") is MISSING
            users.set("other", 1)

    @pytest.mark.parametrize("size", SIZES)
    def test_what_was_written_during_a_load_stays(
        self, cache: Cache, engine: str, size: int
    ) -> None:
        users = cache.namespace("users")
        loaded(engine, users, bytes(size), lambda store, item: store.put([item], Limits(), NOW))
        assert users.get("k") == b"new"
        assert cache.stats().namespaces["users"].sets == 0

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("change", HARMLESS)
    def test_what_is_loaded_is_stored_whatever_happens_to_others(
        self, cache: Cache, engine: str, change: str, size: int
    ) -> None:
        users = cache.namespace("users")
        loaded(engine, users, bytes(size), HARMLESS[change])
        assert users.get("k") == bytes(size)

    def test_what_goes_by_itself_during_a_load_does_not_keep_it_from_being_stored(
        self, cache: Cache, engine: str
    ) -> None:
        users = cache.namespace("users")
        for change in ("expiry", "a cleanup", "an eviction"):
            users.set("k", "old")
            loaded(engine, users, b"loaded", HARMLESS[change], bypass=True)
            assert users.get("k") == b"loaded"

    def test_loads_of_one_key_at_once_are_stored_both_unless_it_is_removed(
        self, cache: Cache, engine: str
    ) -> None:
        users = cache.namespace("users")
        one, other = built(users, b"one"), built(users, b"other")

        async def load(store: AsyncStore, *, remove: bool) -> list[int]:
            leases = [await store.lease("k", tags, NOW) for tags in ((), ("t",))]
            if remove:
                await store.remove_tagged("t")
            return [
                (await store.put([item], Limits(), NOW, lease)).stored
                for item, lease in zip((one, other), leases, strict=True)
            ]

        assert self.done(engine, load(users.operations.store, remove=False)) == [1, 1]
        assert self.done(engine, load(users.operations.store, remove=True)) == [0, 0]

    def test_a_lease_is_good_for_one_write_of_its_key(self, cache: Cache, engine: str) -> None:
        users = cache.namespace("users")
        items = [built(users, b"x", key) for key in ("other", "k", "k")]

        async def load(store: AsyncStore) -> list[int]:
            lease = await store.lease("k", (), NOW)
            return [(await store.put([item], Limits(), NOW, lease)).stored for item in items]

        assert self.done(engine, load(users.operations.store)) == [0, 1, 0]

    def test_a_lease_that_was_given_back_or_is_old_is_good_for_nothing(
        self, cache: Cache, engine: str
    ) -> None:
        users = cache.namespace("users")
        item = built(users, b"x")

        async def load(store: AsyncStore) -> list[int]:
            returned = await store.lease("k", (), NOW)
            await store.release(returned)
            old = await store.lease("k", (), NOW)
            await store.cleanup(CleanupRule(NOW + 3601, None, Limits()))
            await store.lease("another", (), NOW + 3601)
            return [(await store.put([item], Limits(), NOW, of)).stored for of in (returned, old)]

        assert self.done(engine, load(users.operations.store)) == [0, 0]

    def test_a_load_that_fails_gives_its_lease_back(self, cache: Cache, engine: str) -> None:
        users = cache.namespace("users")
        with pytest.raises(ZeroDivisionError):
            users.get_or_load("k", lambda: 1 // 0)

        async def load(store: AsyncStore) -> int:
            lease = await store.lease("k", (), NOW)
            await store.release(lease)
            return (await store.put([built(users, b"x")], Limits(), NOW, lease)).stored

        assert self.done(engine, load(users.operations.store)) == 0

    def done(self, engine: str, operation: Any) -> Any:
        """Return what a coroutine on a store of this engine returns."""
        return run(operation) if engine == "threads" else asyncio.run(operation)
