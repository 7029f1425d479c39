"""Late imports beside forks: one that another thread is in the midst of would never end in the child."""

import pytest

from tests.support.processes import run_afresh

WATCH = """
import asyncio
from cachectl import AsyncCache
from cachectl._model.importing import importing

late, settings = [], load(overrides=options, environ={"HOME": "/nonexistent"})

class Watch:
    def find_spec(self, name, path=None, target=None):
        if not importing._is_mine():
            late.append(name)

sys.meta_path.insert(0, Watch())
"""
THREADS = """
with Cache.of(settings) as cache:
    cache.cached("users", name="f")(lambda: None)()
    users = cache.namespace("users", max_entries=1)
    users.set("k", {"a": 1}, ttl="1h", tags=["t"])
    users.get("k"), users.has("k"), users.peek("k"), users.get_or_load("l", int)
    list(users.entries()), users.invalidate(tag="t"), users.delete("k"), users.clear()
    users.stats(), cache.stats(), cache.cleanup(), cache.flush(), cache.compact()
print(json.dumps(late))
"""
TASKS = """
async def use():
    async with AsyncCache.of(settings) as cache:
        users = cache.namespace("users", max_entries=1)
        await users.set("k", {"a": 1}, ttl="1h", tags=["t"])
        await users.get("k"), await users.has("k"), await users.get_or_load("l", int)
        [entry async for entry in users.entries()], await users.invalidate(tag="t")
        await users.delete("k"), await users.clear(), await users.stats(), await cache.stats()
        await cache.cleanup(), await cache.flush(), await cache.compact()
asyncio.run(use())
print(json.dumps(late))
"""


@pytest.mark.parametrize("program", [THREADS, TASKS], ids=["threads", "tasks"])
def test_whatever_is_imported_late_is_imported_while_no_other_thread_forks(place, program):
    assert run_afresh(WATCH + program, place) == []
