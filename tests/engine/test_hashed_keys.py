"""Keys that are hashed, where applications do not see it: decorated functions, logs, a change of policy."""

import asyncio
import logging

from cachectl import MISSING
from tests.support.openers import Opener

TOKEN = "a-secret-token"


def test_decorated_functions(opener: Opener):
    """Sync and async, they find what they stored, and it is invalidated by the same arguments."""
    cache = opener()
    users = cache.namespace("users", keys="hashed")
    calls = []

    @cache.cached("users", key=lambda token: f"name {token}")
    def name_of(token: str) -> str:
        calls.append(token)
        return token.upper()

    @cache.cached("users", key=lambda token: f"age of {token}")
    async def age_of(token: str) -> int:
        calls.append(token)
        return len(token)

    assert name_of(TOKEN) == name_of(TOKEN) == TOKEN.upper()
    assert asyncio.run(age_of(TOKEN)) == asyncio.run(age_of(TOKEN)) == len(TOKEN)
    assert calls == [TOKEN, TOKEN]
    assert [TOKEN in info.key for info in users.entries()] == [False, False]
    assert name_of.invalidate(TOKEN)
    assert users.get(f"name {TOKEN}") is MISSING


def test_no_log_tells_a_key(opener: Opener, caplog):
    """Neither what lookups found nor what was removed."""
    with caplog.at_level(logging.DEBUG, logger="cachectl"):
        users = opener().namespace("users", keys="hashed")
        users.get_or_load(TOKEN, lambda: 1)
        users.get(TOKEN)
        users.delete(TOKEN)

    assert caplog.records
    assert TOKEN not in caplog.text


def test_the_policy_may_change(opener: Opener):
    """From then on: what is under plain keys is found no more, and can be listed and removed."""
    cache = opener()
    users = cache.namespace("users")
    users.set(TOKEN, "plain")
    cache.namespace("users", keys="hashed")

    assert users.get(TOKEN) is MISSING
    users.set(TOKEN, "hashed")
    assert users.get(TOKEN) == "hashed"
    assert users.delete_many(info.key for info in users.entries()).entries == 2
