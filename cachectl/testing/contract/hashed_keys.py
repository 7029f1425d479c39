"""What is kept under a key that is a secret: nothing that tells it."""

from hashlib import sha256

import pytest

from cachectl import MISSING, Event, InvalidKey
from cachectl._engine.cache import Cache
from cachectl._model.write import Write
from cachectl.testing.contract.base import Contract

TOKEN = "a secret token"
HASH = sha256(TOKEN.encode()).hexdigest()


class HashedKeysContract(Contract):
    """Keeps entries under the SHA-256 of their keys where a namespace wants that."""

    def test_a_hashed_key_is_the_same_key_to_every_operation(self, cache: Cache) -> None:
        users = cache.namespace("users", keys="hashed")

        assert users.get(TOKEN) is MISSING
        assert users.get_or_load(TOKEN, lambda: 1) == 1
        assert (users.get(TOKEN), users.has(TOKEN), users.get("other")) == (1, True, MISSING)
        assert users.set(TOKEN, 2)
        assert not users.set(TOKEN, 3, nx=True)
        peeked = users.peek(TOKEN)
        assert peeked is not None
        assert peeked.value == 2
        assert users.get_or_load(TOKEN, lambda: 3, bypass=True) == 3
        assert (users.delete(TOKEN), users.delete(TOKEN)) == (True, False)
        users.set_many([Write(TOKEN, 4)])
        assert (users.get(TOKEN), users.delete_many([TOKEN]).entries) == (4, 1)
        figures = users.stats()
        assert (figures.hits, figures.misses, figures.errors) == (2, 4, 0)

    def test_only_the_hash_is_kept_and_told(self, cache: Cache) -> None:
        events: list[Event] = []
        end = cache.observe(events.append)
        users = cache.namespace("users", keys="hashed")
        users.set(TOKEN, "v")
        users.get(TOKEN)
        users.get("another")
        end()

        assert [info.key for info in users.entries()] == [HASH]
        assert users.stored_key(TOKEN) == HASH
        assert {event.key for event in events} == {HASH, users.stored_key("another")}
        assert cache.namespace("users", keys="plain").get(HASH) == "v"

    def test_what_is_listed_is_not_hashed_again(self, cache: Cache) -> None:
        users = cache.namespace("users", keys="hashed")
        users.set_many([Write(str(number), number) for number in range(5)])
        listed = [info.key for info in users.entries()]

        assert [users.get(key) for key in listed] == [0, 1, 2, 3, 4]
        assert users.delete(listed[0])
        assert users.delete_many(listed).entries == 4

    def test_a_key_that_looks_like_a_hash_is_hashed_as_well(self, cache: Cache) -> None:
        users = cache.namespace("users", keys="hashed")
        users.set(TOKEN, "v")

        assert users.get(HASH) is MISSING
        assert not users.delete(HASH)

    @pytest.mark.parametrize("key", ["", "k" * 1025])
    def test_a_key_is_checked_before_it_is_hashed(self, cache: Cache, key: str) -> None:
        users = cache.namespace("users", keys="hashed")

        with pytest.raises(InvalidKey):
            users.get(key)
        with pytest.raises(InvalidKey):
            users.set(key, "v")
